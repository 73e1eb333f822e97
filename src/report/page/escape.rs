//! Text from outside inside a page: nothing of it is ever markup, and nothing of it is invisible.

use std::fmt::{self, Display, Write};

use crate::report::names::cut_to;
use crate::report::steers;

/// Longer names are cut in tables and sentences, so that no name fills a page.
pub(super) const NAME_CHARS_MAX: usize = 36;

/// Text as it stands between tags and inside quoted attributes.
///
/// Markup becomes entities. What is not seen but steers (control characters, U+2028 and U+2029,
/// marks of direction, what has no width) becomes its number in visible characters, as in
/// `\u{202e}`: Unicode's report 36 has the tricks that are played with them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '`' => f.write_str("&#96;")?,
                _ if steers(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A name for a sentence or a heading.
pub(super) fn cut(name: &str) -> String {
    cut_to(name, NAME_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_markup_and_nothing_invisible_is_left() {
        for (hostile, shown) in [
            ("</script><script>alert(1)", "&lt;/script&gt;&lt;script&gt;alert(1)"),
            ("</style>", "&lt;/style&gt;"),
            ("\" onload=\"x", "&quot; onload=&quot;x"),
            ("' x='", "&#39; x=&#39;"),
            ("&lt;", "&amp;lt;"),
            ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
            ("\u{2066}\u{200f}\u{feff}", "\\u{2066}\\u{200f}\\u{feff}"),
            ("\0\u{7f}\u{85}\n", "\\u{0}\\u{7f}\\u{85}\\u{a}"),
            ("-->]]>", "--&gt;]]&gt;"),
            ("Grüße, 世界 😀", "Grüße, 世界 😀"),
        ] {
            assert_eq!(Text(hostile).to_string(), shown);
        }
    }

    #[test]
    fn every_character_comes_out_harmless() {
        for c in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let shown = Text(&c.to_string()).to_string();
            assert!(!shown.contains(['<', '>', '"', '\'', '`']), "{c:?}");
            assert!(!shown.chars().any(steers), "{c:?}");
            assert!(!shown.starts_with('&') || shown.ends_with(';'), "{c:?}");
        }
    }
}
