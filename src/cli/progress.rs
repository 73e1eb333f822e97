//! Progress of a long command: a bar with rate and time left, on a terminal only.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Progress over a known number of bytes, which counts samples beside.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    /// A bar over `total` bytes; invisible where stderr is no terminal.
    pub(super) fn bytes(total: u64) -> Self {
        Self::with(total, "{bar:30} {percent:>3}% {bytes_per_sec} {msg} ETA {eta}")
    }

    /// A bar over `total` things.
    pub(super) fn count(total: u64) -> Self {
        Self::with(total, "{bar:30} {pos}/{len} {msg} ETA {eta}")
    }

    fn with(total: u64, template: &str) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, started: Instant::now() }
    }

    /// Moves on.
    pub(super) fn add(&self, amount: u64) {
        self.bar.inc(amount);
    }

    /// Shows how many samples there are by now.
    pub(super) fn samples(&self, samples: u64) {
        self.bar.set_message(samples_and_rate(samples, self.started.elapsed()));
    }

    /// Removes the bar; returns the time since the start.
    pub(super) fn finish(&self) -> Duration {
        self.bar.finish_and_clear();
        self.started.elapsed()
    }
}

/// `1.2 M samples, 3.4 M samples/s`.
pub(super) fn samples_and_rate(samples: u64, time: Duration) -> String {
    let rate = samples as f64 / time.as_secs_f64().max(1e-3);
    format!("{:.1} M samples, {:.1} M samples/s", samples as f64 / 1e6, rate / 1e6)
}
