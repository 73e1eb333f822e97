//! The simulated database. `tests/sim_db.rs` holds it against RocksDB.

use std::sync::Arc;

use plimsoll::db::{Db, Visit, WriteSet};
use plimsoll::{Error, Result};

use super::world::{Family, copy_into};
use super::{Failure, Kind, Machine};

fn missing(name: &str) -> Error {
    let (action, message) = ("find a column family", format!("there is no {name:?}"));
    Error::Database { action, message }
}

impl Machine {
    fn family(&self, action: &'static str, name: &str) -> Result<Family> {
        let state = self.database(Kind::Read, action)?;
        state.world.database.now.get(name).cloned().ok_or_else(|| missing(name))
    }
}

impl Db for Machine {
    fn families(&self) -> Vec<String> {
        self.world().families()
    }

    fn create_family(&self, name: &str) -> Result<()> {
        let mut state = self.database(Kind::Fatal, "create a column family")?;
        let database = Arc::make_mut(&mut state.world.database);
        if !database.now.contains_key(name) {
            database.now.insert(name.to_owned(), Family::default());
            database.durable.insert(name.to_owned(), Family::default());
        }
        Ok(())
    }

    fn drop_family(&self, name: &str) -> Result<()> {
        let mut state = self.database(Kind::Fatal, "drop a column family")?;
        let database = Arc::make_mut(&mut state.world.database);
        if !database.now.contains_key(name) {
            return Err(missing(name));
        }
        database.drop_family(name);
        Ok(())
    }

    fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.family("read", family)?.get(key).map(|value| value.to_vec()))
    }

    fn write(&self, batch: &WriteSet) -> Result<()> {
        let (mut state, failure) = match self.begin(Kind::Fatal) {
            Ok(state) => (state, None),
            Err((state, failure)) => (state, Some(failure)),
        };
        let database = Arc::make_mut(&mut state.world.database);
        let unknown = batch.changes().iter().find(|c| !database.now.contains_key(&c.family));
        if let Some(change) = unknown {
            return Err(missing(&change.family));
        }
        // A batch whose write failed may all the same be in the log.
        if failure.is_none_or(|failure| failure == Failure::InputOutput) {
            let mut copy = WriteSet::default();
            batch.changes().iter().for_each(|change| copy_into(&mut copy, change));
            database.write(Arc::new(copy));
        }
        let failed = |failure: Failure| {
            Err(Error::Database { action: "write", message: failure.error().to_string() })
        };
        failure.map_or(Ok(()), failed)
    }

    fn sync(&self) -> Result<()> {
        let (mut state, failure) = match self.begin(Kind::Fatal) {
            Ok(state) => (state, None),
            Err((state, failure)) => (state, Some(failure)),
        };
        let database = Arc::make_mut(&mut state.world.database);
        database.sync_failed |= failure.is_some();
        database.make_durable();
        let failed = |failure: Failure| {
            Err(Error::Database { action: "sync", message: failure.error().to_string() })
        };
        failure.map_or(Ok(()), failed)
    }

    fn scan(&self, family: &str, visit: &mut Visit<'_>) -> Result<()> {
        let family = self.family("scan", family)?;
        family.iter().try_for_each(|(key, value)| visit(key, value))
    }

    fn flush(&self, families: &[&str]) -> Result<()> {
        let mut state = self.database(Kind::Fatal, "flush")?;
        if let Some(name) = families.iter().find(|n| !state.world.database.now.contains_key(**n)) {
            return Err(missing(name));
        }
        // The log is synced before a table is made of what stands in it.
        Arc::make_mut(&mut state.world.database).make_durable();
        Ok(())
    }
}
