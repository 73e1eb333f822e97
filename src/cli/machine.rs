//! The running system, as [`record`](crate::record) wants to see it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::record::{Machine, Space};

/// The largest file of `/proc` that is read. A thousand disks make 150 KB; a host of many
/// containers may have some megabytes of mounts.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Reads from this system. Its buffer is kept from file to file.
#[derive(Debug, Default)]
pub(super) struct ThisMachine {
    bytes: Vec<u8>,
}

impl ThisMachine {
    /// The system's unit of processor time.
    pub(super) fn ticks_per_second() -> u64 {
        rustix::param::clock_ticks_per_second()
    }
}

impl Machine for ThisMachine {
    fn read(&mut self, path: &str, text: &mut String) -> io::Result<()> {
        self.bytes.clear();
        File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut self.bytes)?;
        if self.bytes.len() as u64 >= FILE_BYTES_MAX {
            let what = format!("it has {FILE_BYTES_MAX} bytes or more");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        text.push_str(&String::from_utf8_lossy(&self.bytes));
        Ok(())
    }

    fn exists(&mut self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn space(&mut self, point: &str) -> io::Result<Space> {
        let found = rustix::fs::statvfs(point)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space {
            size: bytes(found.f_blocks),
            free: bytes(found.f_bfree),
            available: bytes(found.f_bavail),
        })
    }
}
