//! `/proc/mounts`: which file systems there are, and which of them can be filled.

use std::borrow::Cow;

/// Devices in memory or in a file of another file system: what is on them takes no room of its own.
const NO_DISKS: &[&str] = &["/dev/loop", "/dev/ram", "/dev/zram", "/dev/fuse"];

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount<'a> {
    source: &'a str,
    /// Where it is mounted, as programs name it.
    pub(super) point: Cow<'a, str>,
    read_only: bool,
}

/// `None` where the line is odd.
pub(super) fn parse_line(line: &str) -> Option<Mount<'_>> {
    let mut columns = line.split_ascii_whitespace();
    let (source, point, _kind, options) =
        (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
    if !point.starts_with('/') {
        return None;
    }
    let read_only = options.split(',').any(|option| option == "ro");
    Some(Mount { source, point: unescape(point), read_only })
}

impl Mount<'_> {
    /// Whether it has room on a disk that can be filled: a device under `/dev`, not in memory, not
    /// in a file, not mounted read-only.
    fn can_fill(&self) -> bool {
        let no_disk = NO_DISKS.iter().any(|prefix| self.source.starts_with(prefix));
        self.source.starts_with("/dev/") && !no_disk && !self.read_only
    }
}

/// The file systems that can be filled, each device once: at its shortest mount point, the first of
/// several. Bind mounts and containers show a device many times.
pub(super) fn file_systems<'a>(mounts: impl Iterator<Item = Mount<'a>>) -> Vec<Mount<'a>> {
    let mut found: Vec<Mount<'a>> = Vec::new();
    for mount in mounts.filter(Mount::can_fill) {
        match found.iter_mut().find(|known| known.source == mount.source) {
            Some(known) if mount.point.len() < known.point.len() => *known = mount,
            Some(_) => {}
            None => found.push(mount),
        }
    }
    found
}

/// The file writes space, tab, line feed and backslash as three octal digits.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let Some(byte) = octal(rest) {
            out.push(byte);
            rest = rest.get(4..).unwrap_or(&[]);
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn octal(text: &[u8]) -> Option<u8> {
    let [b'\\', digits @ ..] = text else { return None };
    let digits = digits.get(..3)?;
    let value = digits.iter().try_fold(0_u32, |value, digit| {
        matches!(digit, b'0'..=b'7').then(|| value * 8 + u32::from(digit - b'0'))
    })?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(text: &str) -> Vec<String> {
        let mounts = text.lines().filter_map(parse_line);
        file_systems(mounts).into_iter().map(|mount| mount.point.into_owned()).collect()
    }

    #[test]
    fn only_what_can_be_filled_and_each_device_once() {
        let text = "\
proc /proc proc rw,relatime 0 0
tmpfs /dev/shm tmpfs rw,relatime,size=24684096k 0 0
/dev/nvme0n1p2 / ext4 rw,relatime,errors=remount-ro 0 0
/dev/nvme0n1p1 /boot/efi vfat rw,relatime 0 0
/dev/loop3 /snap/core/17 squashfs ro,nodev,relatime 0 0
/dev/loop4 /images/disk ext4 rw 0 0
/dev/zram1 /fast ext4 rw 0 0
/dev/sr0 /media/cdrom iso9660 ro,relatime 0 0
/dev/mapper/vg-data /srv/data\\040store xfs rw,noatime 0 0
/dev/mapper/vg-data /data xfs rw,noatime 0 0
/dev/mapper/vg-data /dat2 xfs rw,noatime 0 0
nas:/export /mnt/nas nfs4 rw 0 0
overlay /var/lib/docker/overlay2/x/merged overlay rw,lowerdir=/a 0 0
odd line
";
        assert_eq!(points(text), ["/", "/boot/efi", "/data"]);
        // Inside a container the disk shows only under files that are bound from it.
        let text = "overlay / overlay rw 0 0\n/dev/vda1 /etc/resolv.conf ext4 rw 0 0\n\
                    /dev/vda1 /etc/hosts ext4 rw 0 0\n/dev/vda1 /x ext4 ro 0 0\n";
        assert_eq!(points(text), ["/etc/hosts"]);
    }

    #[test]
    fn escapes_are_undone_and_odd_ones_kept() {
        for (text, expected) in [
            ("/a\\040b\\011\\134", "/a b\t\\"),
            ("/a\\04", "/a\\04"),
            ("/a\\999", "/a\\999"),
            ("/a\\777", "/a\\777"),
            ("/\\303\\244", "/ä"),
            ("/a\\", "/a\\"),
            ("/a\\+12", "/a\\+12"),
        ] {
            assert_eq!(unescape(text), expected, "{text}");
        }
    }
}
