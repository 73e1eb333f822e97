//! The simulated disk's files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plimsoll::fs::{AppendFile, Entry, Fs, Lock, Map};
use plimsoll::{Error, Result};

use super::world::{File, Folder, Inode, World, name_of};
use super::{Kind, Machine, NoLock};

/// A file that is being written.
#[derive(Debug)]
struct Written {
    machine: Machine,
    inode: Inode,
    path: PathBuf,
}

fn refused(action: &'static str, path: &Path, kind: io::ErrorKind) -> Error {
    Error::io(action, path, kind.into())
}

impl World {
    fn folder(&mut self, path: &Path) -> &mut Folder {
        let parent = path.parent().unwrap().to_owned();
        Arc::make_mut(&mut self.folders).entry(parent).or_default()
    }

    fn inode(&self, path: &Path) -> Option<Inode> {
        self.folders.get(path.parent()?)?.now.get(&name_of(path)).copied()
    }
}

impl Fs for Machine {
    fn create(&self, path: &Path) -> Result<Box<dyn AppendFile>> {
        let mut state = self.file(Kind::Grow, "create", path)?;
        if state.world.inode(path).is_some() {
            return Err(refused("create", path, io::ErrorKind::AlreadyExists));
        }
        let inode = state.world.add(File::default());
        state.world.folder(path).now.insert(name_of(path), inode);
        Ok(Box::new(Written { machine: self.clone(), inode, path: path.to_owned() }))
    }

    fn map(&self, path: &Path) -> Result<Map> {
        let state = self.file(Kind::Read, "open", path)?;
        let bytes = state.world.bytes(path);
        let bytes = bytes.ok_or_else(|| refused("open", path, io::ErrorKind::NotFound))?;
        Ok(Map::owned(bytes.to_vec()))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut state = self.file(Kind::Change, "rename", from)?;
        if state.world.inode(to).is_some() {
            return Err(refused("rename to", to, io::ErrorKind::AlreadyExists));
        }
        let inode = state.world.folder(from).now.remove(&name_of(from));
        let inode = inode.ok_or_else(|| refused("rename", from, io::ErrorKind::NotFound))?;
        state.world.folder(to).now.insert(name_of(to), inode);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> Result<()> {
        let mut state = self.file(Kind::Change, "link", to)?;
        if state.world.inode(to).is_some() {
            return Err(refused("link", to, io::ErrorKind::AlreadyExists));
        }
        let inode = state.world.inode(from);
        let inode = inode.ok_or_else(|| refused("link", from, io::ErrorKind::NotFound))?;
        state.world.folder(to).now.insert(name_of(to), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let mut state = self.file(Kind::Change, "remove", path)?;
        state.world.folder(path).now.remove(&name_of(path));
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> Result<()> {
        let mut state = self.file(Kind::Fatal, "sync", path)?;
        if let Some(folder) = Arc::make_mut(&mut state.world.folders).get_mut(path) {
            folder.synced.clone_from(&folder.now);
        }
        Ok(())
    }

    fn create_folder(&self, path: &Path) -> Result<()> {
        let mut state = self.file(Kind::Change, "create the folder", path)?;
        Arc::make_mut(&mut state.world.folders).entry(path.to_owned()).or_default();
        Ok(())
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let state = self.file(Kind::Read, "list", path)?;
        let names = state.world.folders.get(path).into_iter().flat_map(|folder| &folder.now);
        let entry = |(name, inode): (&String, &Inode)| {
            let bytes = state.world.files.get(inode).map_or(0, |file| file.bytes.len() as u64);
            Entry { name: name.clone(), bytes, folder: false }
        };
        Ok(names.map(entry).collect())
    }

    fn lock(&self, _: &Path) -> Result<Box<dyn Lock>> {
        Ok(Box::new(NoLock))
    }
}

impl AppendFile for Written {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let (mut state, failure) = match self.machine.begin(Kind::Grow) {
            Ok(state) => (state, None),
            Err((state, failure)) => (state, Some(failure)),
        };
        // A failed write may have written a part.
        let written = failure.map_or(bytes.len(), |failure| failure.written(bytes.len()));
        if let Some(file) = Arc::make_mut(&mut state.world.files).get_mut(&self.inode) {
            Arc::make_mut(&mut file.bytes).extend_from_slice(&bytes[..written]);
        }
        failure.map_or(Ok(()), |failure| Err(Error::io("write", &self.path, failure.error())))
    }

    fn sync(&mut self) -> Result<()> {
        let (mut state, failure) = match self.machine.begin(Kind::Fatal) {
            Ok(state) => (state, None),
            Err((state, failure)) => (state, Some(failure)),
        };
        if let Some(file) = Arc::make_mut(&mut state.world.files).get_mut(&self.inode) {
            file.sync_failed |= failure.is_some();
            if !file.sync_failed {
                file.synced = Some(file.bytes.len());
            }
        }
        failure.map_or(Ok(()), |failure| Err(Error::io("sync", &self.path, failure.error())))
    }
}
