//! The real disk.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AppendFile, Entry, Fs, Lock, Map, Turn};
use crate::error::{Error, Result};

/// How often a lock is tried, and the pause between: a process that is just being started by
/// another thread has a copy of every open file until it runs its program, a lock just given back
/// among them.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(4);

/// The same for a turn at a folder, a second in all.
const TURN_ATTEMPTS: u32 = 1_000;
const TURN_PAUSE: Duration = Duration::from_millis(1);

/// The operating system's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskFs;

impl DiskFs {
    /// Calls `visit` with one part after another of a file that may grow or go meanwhile, each of
    /// so many bytes but the last, until it returns `false`; never where there is no such file.
    pub(crate) fn each_part(
        path: &Path,
        part_bytes: usize,
        mut visit: impl FnMut(&[u8]) -> bool,
    ) -> Result<()> {
        let mut file = match File::open(path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(|why| Error::io("open", path, why))?,
        };
        let mut part = Vec::with_capacity(part_bytes);
        loop {
            part.clear();
            let read = Read::take(&mut file, part_bytes as u64).read_to_end(&mut part);
            read.map_err(|why| Error::io("read", path, why))?;
            if part.is_empty() || !visit(&part) || part.len() < part_bytes {
                return Ok(());
            }
        }
    }

    /// Writes another byte in the place of one, and waits until it is on the disk.
    pub(crate) fn replace_byte(path: &Path, at: u64, byte: u8) -> Result<()> {
        let file = OpenOptions::new().write(true).open(path);
        let file = file.map_err(|why| Error::io("open", path, why))?;
        file.write_all_at(&[byte], at).map_err(|why| Error::io("write to", path, why))?;
        file.sync_data().map_err(|why| Error::io("sync", path, why))
    }
}

#[derive(Debug)]
struct DiskFile {
    file: File,
    path: PathBuf,
}

#[derive(Debug)]
struct DiskLock {
    _file: File,
}

impl Lock for DiskLock {}

impl Fs for DiskFs {
    fn create(&self, path: &Path) -> Result<Box<dyn AppendFile>> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = opened.map_err(|why| Error::io("create", path, why))?;
        Ok(Box::new(DiskFile { file, path: path.to_owned() }))
    }

    fn map(&self, path: &Path) -> Result<Map> {
        let file = File::open(path).map_err(|why| Error::io("open", path, why))?;
        let bytes = file.metadata().map_err(|why| Error::io("read the size of", path, why))?.len();
        if bytes == 0 {
            return Ok(Map::owned(Vec::new()));
        }
        Map::of_file(&file).map_err(|why| Error::io("map", path, why))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        if to.exists() {
            let why = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(Error::io("rename to", to, why));
        }
        fs::rename(from, to).map_err(|why| Error::io("rename", from, why))
    }

    fn link(&self, from: &Path, to: &Path) -> Result<()> {
        fs::hard_link(from, to).map_err(|why| Error::io("link", to, why))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        match fs::remove_file(path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", path, why))
            }
            _ => Ok(()),
        }
    }

    fn sync_folder(&self, path: &Path) -> Result<()> {
        let folder = File::open(path).map_err(|why| Error::io("open", path, why))?;
        folder.sync_all().map_err(|why| Error::io("sync", path, why))
    }

    fn create_folder(&self, path: &Path) -> Result<()> {
        let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|why| Error::io("create the folder", path, why))?;
        // A new name is on the disk once the folder that holds it is synced.
        for parent in missing.into_iter().filter_map(Path::parent) {
            let here = Path::new(".");
            self.sync_folder(if parent.as_os_str().is_empty() { here } else { parent })?;
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let failed = |why| Error::io("list", path, why);
        let entries = match fs::read_dir(path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let meta = match entry.metadata() {
                // Removed between the listing and the look: no longer an entry.
                Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
                meta => meta.map_err(failed)?,
            };
            let folder = meta.is_dir();
            let name = entry.file_name().to_string_lossy().into_owned();
            found.push(Entry { name, bytes: if folder { 0 } else { meta.len() }, folder });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn resolve(&self, path: &Path) -> Result<PathBuf> {
        let failed = |why| Error::io("find", path, why);
        let whole = std::path::absolute(path).map_err(failed)?;
        for there in whole.ancestors() {
            match there.canonicalize() {
                Ok(found) => return Ok(found.join(whole.strip_prefix(there).unwrap_or(&whole))),
                Err(why) if is_nothing(&why) => {}
                Err(why) => return Err(failed(why)),
            }
        }
        Ok(whole)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        let opened =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = opened.map_err(|why| Error::io("open", path, why))?;
        let mut attempts = LOCK_ATTEMPTS;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Box::new(DiskLock { _file: file })),
                Err(TryLockError::WouldBlock) if attempts > 1 => attempts -= 1,
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Locked { path: path.to_owned() });
                }
                Err(TryLockError::Error(why)) => return Err(Error::io("lock", path, why)),
            }
            std::thread::sleep(LOCK_PAUSE);
        }
    }

    fn take_turn(&self, folder: &Path, turn: Turn) -> Option<Box<dyn Lock>> {
        // The folder itself carries the lock: a reader may have no right to make a file.
        let file = File::open(folder).ok()?;
        for _ in 0..TURN_ATTEMPTS {
            let taken = match turn {
                Turn::Look => file.try_lock_shared(),
                Turn::Change => file.try_lock(),
            };
            match taken {
                Ok(()) => return Some(Box::new(DiskLock { _file: file })),
                Err(TryLockError::WouldBlock) => std::thread::sleep(TURN_PAUSE),
                Err(TryLockError::Error(_)) => return None,
            }
        }
        None
    }
}

/// Whether there is nothing under a name, or a file where a folder would have to be.
fn is_nothing(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl AppendFile for DiskFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|why| Error::io("write", &self.path, why))
    }

    fn sync(&mut self) -> Result<()> {
        self.file.sync_all().map_err(|why| Error::io("sync", &self.path, why))?;
        // Sealed from here on: the name may change, the bytes may not.
        let sealed = fs::Permissions::from_mode(0o400);
        self.file.set_permissions(sealed).map_err(|why| Error::io("seal", &self.path, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_renamed_and_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let (temp, sealed) = (folder.path().join("a.tmp"), folder.path().join("a.seg"));
        let mut file = DiskFs.create(&temp).unwrap();
        file.append(b"ab").unwrap();
        file.append(b"c").unwrap();
        file.sync().unwrap();
        DiskFs.rename(&temp, &sealed).unwrap();
        DiskFs.sync_folder(folder.path()).unwrap();
        assert_eq!(&*DiskFs.map(&sealed).unwrap(), b"abc");
        let names: Vec<_> = DiskFs.list(folder.path()).unwrap();
        assert_eq!(names, [Entry { name: "a.seg".into(), bytes: 3, folder: false }]);
        assert!(DiskFs.create(&sealed).is_err(), "an existing file is never overwritten");
        DiskFs.create(&temp).unwrap();
        assert!(DiskFs.rename(&temp, &sealed).is_err(), "nor replaced by a rename");
        assert!(DiskFs.link(&temp, &sealed).is_err(), "nor by another name of a file");
        let other = folder.path().join("b.seg");
        DiskFs.link(&sealed, &other).unwrap();
        DiskFs.remove(&sealed).unwrap();
        assert_eq!(&*DiskFs.map(&other).unwrap(), b"abc", "a file lasts as long as a name of it");
    }

    #[test]
    fn links_are_followed_as_far_as_there_are_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("real")).unwrap();
        std::os::unix::fs::symlink(path("real"), path("link")).unwrap();
        let real = DiskFs.resolve(&path("real")).unwrap();
        assert_eq!(DiskFs.resolve(&path("link")).unwrap(), real);
        assert_eq!(DiskFs.resolve(&path("link/a/b")).unwrap(), real.join("a/b"));
        assert!(DiskFs.resolve(Path::new("nowhere/a")).unwrap().is_absolute());
    }

    #[test]
    fn the_lock_is_exclusive_and_ends_with_its_guard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("LOCK");
        let held = DiskFs.lock(&path).unwrap();
        assert!(matches!(DiskFs.lock(&path), Err(Error::Locked { .. })));
        drop(held);
        DiskFs.lock(&path).unwrap();
    }

    #[test]
    fn those_who_look_share_their_turn_and_those_who_change_wait() {
        let folder = tempfile::tempdir().unwrap();
        let turn = |turn| DiskFs.take_turn(folder.path(), turn);
        let looks = [turn(Turn::Look).unwrap(), turn(Turn::Look).unwrap()];
        assert!(turn(Turn::Change).is_none());
        drop(looks);
        let change = turn(Turn::Change).unwrap();
        assert!(turn(Turn::Look).is_none());
        drop(change);
        assert!(DiskFs.take_turn(&folder.path().join("none"), Turn::Look).is_none());
    }
}
