//! The colours of the page in both themes, and what must be told apart by whom.
//!
//! Text has a contrast of 4.5 to 1 and marks one of 3 to 1 against what lies behind them, as WCAG
//! 2.1 asks for (1.4.3, 1.4.11). Blue, orange and bluish green are told apart by those who confuse
//! red and green too (Okabe and Ito, 2008).

use std::fmt::Write;

/// How many classes of headroom have a colour of their own.
pub(super) const HEAT_CLASSES: usize = 8;

/// The colours of one theme, as numbers `0xRRGGBB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    /// Behind everything.
    ground: u32,
    /// Behind charts and tables.
    panel: u32,
    /// Words.
    ink: u32,
    /// Words that matter less.
    muted: u32,
    /// Lines that part things.
    rule: u32,
    /// What was measured, what leads elsewhere.
    measured: u32,
    /// What is forecast.
    forecast: u32,
    /// Limits, and what is over them.
    limit: u32,
    /// What is well.
    well: u32,
    /// Headroom, from none to plenty.
    heat: [u32; HEAT_CLASSES],
}

/// On white.
pub(super) const LIGHT: Palette = Palette {
    ground: 0xF6_F7_F9,
    panel: 0xFF_FF_FF,
    ink: 0x17_1B_24,
    muted: 0x56_5E_6C,
    rule: 0xDF_E3_E9,
    measured: 0x1F_5F_A8,
    forecast: 0x00_75_58,
    limit: 0xB4_3E_00,
    well: 0x00_75_58,
    heat: [
        0x8F_2D_04, 0xC8_52_10, 0xE8_91_45, 0xF6_CC_98, 0xD6_E3_EF, 0xA3_C6_E3, 0x62_9E_CF,
        0x2B_6F_A6,
    ],
};

/// On black.
pub(super) const DARK: Palette = Palette {
    ground: 0x10_14_1B,
    panel: 0x18_1E_27,
    ink: 0xE8_EB_F0,
    muted: 0xA1_AA_B8,
    rule: 0x2E_37_43,
    measured: 0x6B_B1_F2,
    forecast: 0x3F_CB_A0,
    limit: 0xFF_8F_52,
    well: 0x3F_CB_A0,
    heat: [
        0xFF_8A_4C, 0xDB_66_2C, 0xA4_4A_1E, 0x64_35_1E, 0x25_35_47, 0x2B_50_70, 0x38_76_A6,
        0x58_A5_DB,
    ],
};

impl Palette {
    /// As custom properties of a style sheet.
    pub(super) fn css(&self) -> String {
        let named = [
            ("ground", self.ground),
            ("panel", self.panel),
            ("ink", self.ink),
            ("muted", self.muted),
            ("rule", self.rule),
            ("measured", self.measured),
            ("forecast", self.forecast),
            ("limit", self.limit),
            ("well", self.well),
        ];
        let mut css = String::new();
        for (name, colour) in named {
            let _ = write!(css, "--{name}:#{colour:06x};");
        }
        for (class, colour) in self.heat.iter().enumerate() {
            let _ = write!(css, "--h{class}:#{colour:06x};");
        }
        css
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEMES: [Palette; 2] = [LIGHT, DARK];

    fn channels(colour: u32) -> [f64; 3] {
        [16, 8, 0].map(|shift| f64::from((colour >> shift) & 0xFF) / 255.0)
    }

    fn linear(channel: f64) -> f64 {
        if channel <= 0.040_45 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    }

    /// Relative luminance, as WCAG 2.1 defines it.
    fn luminance(colour: u32) -> f64 {
        let [red, green, blue] = channels(colour).map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn contrast_is_measured_as_wcag_does() {
        assert!((contrast(0, 0xFF_FF_FF) - 21.0).abs() < 1e-9);
        // The standard's well known edge: #767676 is the lightest grey that passes on white.
        assert!(contrast(0x76_76_76, 0xFF_FF_FF) >= 4.5);
        assert!(contrast(0x77_77_77, 0xFF_FF_FF) < 4.5);
    }

    #[test]
    fn words_and_marks_can_be_read() {
        for theme in THEMES {
            for behind in [theme.ground, theme.panel] {
                for words in [
                    theme.ink,
                    theme.muted,
                    theme.measured,
                    theme.forecast,
                    theme.limit,
                    theme.well,
                ] {
                    let found = contrast(words, behind);
                    assert!(found >= 4.5, "#{words:06x} on #{behind:06x}: {found:.2}");
                }
            }
            // The two ends of the map of headroom, which say something, stand out.
            for mark in [theme.heat[0], theme.heat[1], theme.heat[HEAT_CLASSES - 1]] {
                assert!(contrast(mark, theme.panel) >= 3.0, "#{mark:06x}");
            }
        }
    }

    #[test]
    fn headroom_is_told_by_brightness_too() {
        for theme in THEMES {
            let bright = theme.heat.map(|colour| contrast(colour, theme.panel));
            let middle = HEAT_CLASSES / 2;
            // From both ends to the middle, colours come nearer to the panel.
            assert!(bright[..middle].windows(2).all(|two| two[0] > 1.2 * two[1]), "{bright:?}");
            assert!(bright[middle..].windows(2).all(|two| 1.2 * two[0] < two[1]), "{bright:?}");
        }
    }

    /// How one without green cones sees a colour (Machado, Oliveira and Fernandes, 2009, full).
    fn without_green(colour: u32) -> [f64; 3] {
        let [red, green, blue] = channels(colour).map(linear);
        [
            0.367_322 * red + 0.860_646 * green - 0.227_968 * blue,
            0.280_085 * red + 0.672_501 * green + 0.047_413 * blue,
            -0.011_820 * red + 0.042_940 * green + 0.968_881 * blue,
        ]
    }

    #[test]
    fn who_confuses_red_and_green_confuses_no_marks() {
        for theme in THEMES {
            let pairs = [
                (theme.measured, theme.limit),
                (theme.measured, theme.forecast),
                (theme.forecast, theme.limit),
                (theme.heat[1], theme.heat[6]),
                (theme.heat[2], theme.heat[5]),
            ];
            for (a, b) in pairs {
                let (seen_a, seen_b) = (without_green(a), without_green(b));
                let apart = seen_a.iter().zip(seen_b).map(|(a, b)| (a - b).abs()).sum::<f64>();
                assert!(apart > 0.1, "#{a:06x} and #{b:06x} are {apart:.3} apart");
            }
        }
    }
}
