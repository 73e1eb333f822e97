//! How much anonymous memory this process holds: its heap and its stacks, those of RocksDB's C++
//! included, without mapped files. Linux says it in `/proc`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Error, Result};

/// Where the system says it.
const STATUS: &str = "/proc/self/status";
/// Time between two looks at the peak: a tile takes longer to make.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// The anonymous memory of this process now, in bytes.
pub(super) fn rss_anon_bytes() -> Result<u64> {
    let path = Path::new(STATUS);
    let text = std::fs::read_to_string(path).map_err(|why| Error::io("read", path, why))?;
    let kilobytes = text.lines().find_map(|line| {
        let value = line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB")?;
        value.parse::<u64>().ok()
    });
    kilobytes
        .map(|kilobytes| kilobytes * 1_024)
        .ok_or_else(|| Error::invalid(format!("{STATUS} does not say RssAnon; this needs Linux")))
}

/// Watches the memory of this process from a thread of its own.
#[derive(Debug)]
pub(super) struct PeakWatch {
    peak: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl PeakWatch {
    /// Begins to watch. An error where the system does not say it.
    pub(super) fn start() -> Result<Self> {
        let peak = Arc::new(AtomicU64::new(rss_anon_bytes()?));
        let ended = Arc::new(AtomicBool::new(false));
        let (seen, stop) = (peak.clone(), ended.clone());
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                if let Ok(bytes) = rss_anon_bytes() {
                    seen.fetch_max(bytes, Ordering::Relaxed);
                }
                std::thread::sleep(LOOK_INTERVAL);
            }
        });
        Ok(Self { peak, ended, thread: Some(thread) })
    }

    /// The most that was seen since the last call, or since the start.
    pub(super) fn take(&self) -> Result<u64> {
        let now = rss_anon_bytes()?;
        Ok(self.peak.swap(now, Ordering::Relaxed).max(now))
    }
}

impl Drop for PeakWatch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_taken_and_given_back_is_seen() {
        let watch = PeakWatch::start().unwrap();
        let before = watch.take().unwrap();
        let large = std::hint::black_box(vec![1_u8; 64 << 20]);
        std::thread::sleep(LOOK_INTERVAL * 20);
        drop(large);
        assert!(watch.take().unwrap() >= before + (60 << 20));
    }
}
