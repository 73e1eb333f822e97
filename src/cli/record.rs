//! The command `record`: the loop of a reference agent, on the library's public API. It wakes at
//! the multiples of the interval, hands one batch per scrape to the store, lets the store sync and
//! seal as its options say, and ends at a signal, at its time, or at the store's first error.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::Outcome;
use super::args::RecordArgs;
use super::machine::ThisMachine;
use super::output::{Stop, note};
use super::reader;
use crate::error::{Error, Result};
use crate::model::{Span, TimeRange, Timestamp};
use crate::record::{Machine, Moment, Recorder, Schedule};
use crate::store::{Stats, Store, StoreOptions};

/// Samples in the head at which it is sealed: 8 MiB at most, three hours of 50 series a second.
const HEAD_SAMPLES_MAX: usize = 500_000;
/// Memory of the store of one machine.
const MEMORY_BYTES_MAX: usize = 24 << 20;
/// The longest sleep: what was appended is synced after the store's second, whatever the interval.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Records this machine until it is told to stop.
pub(super) fn record(args: &RecordArgs) -> Result<Outcome, Stop> {
    let mut machine = ThisMachine::default();
    if !machine.exists("/proc/stat") {
        return Err(Error::invalid("there is no /proc/stat here; `record` needs Linux").into());
    }
    let host = host_name(args, &mut machine)?;
    let options = StoreOptions {
        head_samples_max: HEAD_SAMPLES_MAX,
        memory_bytes_max: MEMORY_BYTES_MAX,
        ..StoreOptions::default()
    };
    let clocks = Clocks(Instant::now());
    let mut recording = Recording {
        recorder: Recorder::new(&host, ThisMachine::ticks_per_second())?,
        schedule: Schedule::new(args.interval, clocks.now())?,
        machine,
        clocks,
        stop: StopSignals::listen()?,
        ahead_max: options.ahead_max.unwrap_or_default(),
        scrapes: 0,
        samples: 0,
    };
    let store = Store::open(&args.store, options)?;
    reader::tell_loss(&store, &args.store)?;
    let folder = args.store.display();
    note(&format!("recording {host} every {} into {folder}; Ctrl-C ends it", args.interval));
    let ended = recording.run(&store, args.duration);
    let stats = store.stats();
    let ended = ended.and_then(|()| store.close());
    let Recording { scrapes, samples, .. } = recording;
    let samples = samples.saturating_sub(stats.refused_samples);
    note(&format!("{scrapes} scrapes with {samples} samples were recorded into {folder}"));
    note(&said_of_store(&stats));
    ended?;
    Ok(Outcome::Done)
}

fn host_name(args: &RecordArgs, machine: &mut ThisMachine) -> Result<String> {
    if let Some(host) = &args.host {
        return Ok(host.clone());
    }
    let path = "/proc/sys/kernel/hostname";
    let mut name = String::new();
    machine.read(path, &mut name).map_err(|why| Error::io("read", Path::new(path), why))?;
    Ok(name.trim().to_owned())
}

/// A recording at work.
struct Recording {
    recorder: Recorder,
    schedule: Schedule,
    machine: ThisMachine,
    clocks: Clocks,
    stop: StopSignals,
    /// How far ahead of the clock the store takes samples.
    ahead_max: Span,
    scrapes: u64,
    samples: u64,
}

impl Recording {
    fn run(&mut self, store: &Store, duration: Option<Span>) -> Result<()> {
        let end = duration.map(|span| Duration::from_nanos(span.nanos() as u64));
        loop {
            let now = self.clocks.now();
            let left = end.map_or(SLEEP_MAX, |end| end.saturating_sub(now.elapsed));
            let sleep = self.schedule.wait(now.at).min(SLEEP_MAX).min(left);
            if left.is_zero() || self.stop.came_within(sleep) {
                return Ok(());
            }
            store.tick()?;
            if let Some(due) = self.schedule.due(self.clocks.now()) {
                if let Some(step_nanos) = due.clock_step_nanos {
                    note(&said_of_clock(step_nanos, due.moment.at));
                }
                self.scrape(store, due.moment)?;
                if let Some(outdated) = due.outdated {
                    self.end_totals(store, self.clocks.now().at, outdated)?;
                }
            }
        }
    }

    /// Ends the totals at the instants that a clock was set back over, or says what they will look
    /// like where the store takes no sample so far ahead.
    fn end_totals(&self, store: &Store, now: Timestamp, outdated: TimeRange) -> Result<()> {
        if outdated.end.since(now) > self.ahead_max {
            note(&said_of_totals(outdated));
            return Ok(());
        }
        let instants: Vec<Timestamp> = self.schedule.instants(outdated).collect();
        let mut appender = store.appender();
        self.recorder.end_totals(&instants, &mut appender)?;
        appender.finish()?;
        Ok(())
    }

    /// One scrape is one batch, which the store takes whole or not at all.
    fn scrape(&mut self, store: &Store, moment: Moment) -> Result<()> {
        let mut appender = store.appender();
        let scraped = self.recorder.scrape(&mut self.machine, moment, &mut appender)?;
        appender.finish()?;
        self.scrapes += 1;
        self.samples += scraped.samples as u64;
        for trouble in scraped.troubles {
            note(&trouble);
        }
        Ok(())
    }
}

/// How the store did, in a line.
fn said_of_store(stats: &Stats) -> String {
    let Stats { syncs, segments, head_samples, refused_samples, quarantined, .. } = stats;
    let mut said = vec![format!("{segments} segments, {head_samples} samples not sealed yet")];
    if let Some(p99) = stats.sync_p99_ms {
        said.push(format!("{syncs} syncs, 99% of them within {p99:.1} ms"));
    }
    if *refused_samples > 0 {
        let why = "which lie in the future, or before what the store retains";
        said.push(format!("{refused_samples} samples refused, {why}"));
    }
    if *quarantined > 0 {
        said.push(format!("{quarantined} damaged parts set aside, see `plimsoll check`"));
    }
    said.join("; ")
}

fn said_of_clock(step_nanos: i64, now: Timestamp) -> String {
    let by = Span::from_nanos(
        (step_nanos.saturating_abs() / 1_000_000_000).saturating_mul(1_000_000_000),
    );
    if step_nanos < 0 {
        format!("the clock was set back by {by} to {now}; what is recorded again counts")
    } else {
        format!(
            "the clock went ahead by {by} to {now}, or the machine slept; the time between is a gap"
        )
    }
}

fn said_of_totals(TimeRange { start, end }: TimeRange) -> String {
    let last = end.minus(Span::from_nanos(1));
    format!(
        "the totals recorded from {start} to {last} are older than those recorded from now on; \
         until these instants were recorded again an increase over them sees a restart"
    )
}

/// Both clocks; the monotonic one since the start.
struct Clocks(Instant);

impl Clocks {
    fn now(&self) -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        let at = match since {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        };
        Moment { at: Timestamp::from_nanos(at), elapsed: self.0.elapsed() }
    }
}

/// SIGINT and SIGTERM, as a message to the loop. A second one ends the process at once, should the
/// disk not answer.
struct StopSignals {
    came: Receiver<()>,
    listener: Handle,
}

impl StopSignals {
    fn listen() -> Result<Self> {
        let failed = |why| Error::invalid(format!("cannot listen for Ctrl-C: {why}"));
        let was_told = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down.
            let flag = was_told.clone();
            signal_hook::flag::register_conditional_default(signal, flag).map_err(failed)?;
            signal_hook::flag::register(signal, was_told.clone()).map_err(failed)?;
        }
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
        let listener = signals.handle();
        let (tell, came) = channel();
        std::thread::spawn(move || {
            for _ in signals.forever() {
                if tell.send(()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { came, listener })
    }

    /// Waits, and says whether a signal came. A listener that is gone could tell of none.
    fn came_within(&self, span: Duration) -> bool {
        self.came.recv_timeout(span) != Err(RecvTimeoutError::Timeout)
    }
}

impl Drop for StopSignals {
    fn drop(&mut self) {
        self.listener.close();
    }
}
