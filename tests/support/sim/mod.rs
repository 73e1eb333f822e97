//! A simulated machine: one disk and one database in memory, stopped at any moment in any way that
//! `docs/RELIABILITY.md` allows. `World` is what lasts, a value that is cheap to copy; `Machine`
//! runs a store on it, counts the operations of disk and database together, fails the n-th, and
//! keeps the world as it was before each.

mod db;
mod fs;
mod world;

use std::io::{Error as IoError, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use plimsoll::fs::Lock;
use plimsoll::store::{Clock, Store, StoreOptions};
use plimsoll::{Error, Result, Timestamp};

pub(crate) use world::{Stop, World};

/// The folder that stores on a simulated disk lie in.
pub(crate) const ROOT: &str = "/store";

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// EIO: nothing of a write reached the file, a batch may all the same be in the log.
    InputOutput,
    /// ENOSPC: half of a write reached the file.
    NoSpace,
    /// EMFILE.
    TooManyFiles,
    /// All of a write but its last byte reached the file.
    Short,
}

/// Which operations fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The number of the first, counted from 1.
    pub(crate) at: u64,
    pub(crate) failure: Failure,
    /// Whether all after it fail as well.
    pub(crate) for_ever: bool,
}

impl Failure {
    fn error(self) -> IoError {
        match self {
            Self::InputOutput => IoError::from_raw_os_error(5),
            Self::NoSpace => IoError::from_raw_os_error(28),
            Self::TooManyFiles => IoError::from_raw_os_error(24),
            Self::Short => ErrorKind::WriteZero.into(),
        }
    }

    /// Bytes of a failed write that reached the file.
    fn written(self, bytes: usize) -> usize {
        match self {
            Self::InputOutput | Self::TooManyFiles => 0,
            Self::NoSpace => bytes / 2,
            Self::Short => bytes.saturating_sub(1),
        }
    }
}

/// What an operation does; syncs and the database's writes are those after which it is not known
/// what reached the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    /// A file takes more room.
    Grow,
    Change,
    Fatal,
}

/// A handle to a machine that is running.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    world: World,
    /// Operations so far.
    done: u64,
    plan: Option<Plan>,
    /// Whether files cannot grow.
    full: bool,
    /// Whether one failed after which it is not known what reached the disk.
    fatal: bool,
    /// The world before each operation that changes it, if asked for.
    moments: Option<Vec<World>>,
    clock: Duration,
}

impl Machine {
    pub(crate) fn start(world: World) -> Self {
        let (clock, plan, moments) = (Duration::ZERO, None, None);
        let (full, fatal) = (false, false);
        let state = State { world, done: 0, plan, full, fatal, moments, clock };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// A machine that keeps the world as it was before each change.
    pub(crate) fn start_recording(world: World) -> Self {
        let machine = Self::start(world);
        machine.state().moments = Some(Vec::new());
        machine
    }

    /// A machine on which operations fail.
    pub(crate) fn start_failing(world: World, plan: Plan) -> Self {
        let machine = Self::start(world);
        machine.state().plan = Some(plan);
        machine
    }

    /// Opens the database, after which all that was in its log is durable, and the store.
    pub(crate) fn open(&self, options: StoreOptions) -> Result<Store> {
        let mut state = self.state();
        state.keep_moment();
        state.world.open_database();
        drop(state);
        let machine = Arc::new(self.clone());
        let (fs, db, clock) = (machine.clone(), machine.clone(), machine);
        Store::open_on(Path::new(ROOT), options, fs, db, clock, Box::new(NoLock))
    }

    pub(crate) fn world(&self) -> World {
        self.state().world.clone()
    }

    /// Puts a file there behind the store's back.
    pub(crate) fn put(&self, path: &Path, bytes: Vec<u8>) {
        self.state().world.put(path, Some(bytes));
    }

    /// Moments recorded so far.
    pub(crate) fn moments(&self) -> usize {
        self.state().moments.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn take_moments(&self) -> Vec<World> {
        self.state().moments.take().unwrap_or_default()
    }

    pub(crate) fn operations(&self) -> u64 {
        self.state().done
    }

    /// Whether an operation failed, since this was last asked for, after which it is not known what
    /// reached the disk.
    pub(crate) fn take_fatal(&self) -> bool {
        std::mem::take(&mut self.state().fatal)
    }

    /// From now on files can grow, or cannot.
    pub(crate) fn fill(&self, full: bool) {
        self.state().full = full;
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.state().clock += time;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts an operation; `Err` where it is to fail.
    fn begin(&self, kind: Kind) -> Result<MutexGuard<'_, State>, (MutexGuard<'_, State>, Failure)> {
        let mut state = self.state();
        state.done += 1;
        let fails = state
            .plan
            .filter(|plan| plan.at == state.done || (plan.for_ever && plan.at < state.done));
        if let Some(plan) = fails {
            state.fatal |= kind == Kind::Fatal;
            return Err((state, plan.failure));
        }
        if state.full && kind == Kind::Grow {
            return Err((state, Failure::NoSpace));
        }
        if kind != Kind::Read {
            state.keep_moment();
        }
        Ok(state)
    }

    fn file(&self, kind: Kind, action: &'static str, path: &Path) -> Result<MutexGuard<'_, State>> {
        self.begin(kind).map_err(|(_, failure)| Error::io(action, path, failure.error()))
    }

    fn database(&self, kind: Kind, action: &'static str) -> Result<MutexGuard<'_, State>> {
        self.begin(kind).map_err(|(_, failure)| Error::Database {
            action,
            message: failure.error().to_string(),
        })
    }
}

impl State {
    fn keep_moment(&mut self) {
        let Self { world, moments: Some(moments), .. } = self else { return };
        moments.push(world.clone());
    }
}

impl Clock for Machine {
    fn elapsed(&self) -> Duration {
        self.state().clock
    }

    fn now(&self) -> Timestamp {
        // A year after 1970: later than what tests append, so that retention may drop all of it.
        let clock = self.state().clock + Duration::from_hours(24 * 365);
        Timestamp::from_nanos(i64::try_from(clock.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// One process has the simulated machine by itself.
#[derive(Debug)]
pub(crate) struct NoLock;

impl Lock for NoLock {}
