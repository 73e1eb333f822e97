//! The queries of `bench tsbs`: asked of a closed store, one after the other, and timed.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::args::TsbsArgs;
use super::cold::ColdReport;
use super::reader;
use crate::bench::{Answer, Ask, CpuOnly, Latency, QUESTIONS, Question, Table, refuse_other};
use crate::error::{Error, Result};
use crate::model::{Selector, Span};
use crate::query::{Aggregate, Query};
use crate::store::Snapshot;

/// What is asked of every form of a store.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    fleet: &'a CpuOnly,
    questions: Vec<Question>,
    left_out: Vec<&'static str>,
    runs: usize,
    cold: bool,
    answers: Option<AnswerFile>,
    /// The last answer to the question that is asked of rollups, too.
    by_day: Option<Table>,
}

/// The name of the form in which a store has rollups only.
pub(super) const ROLLED_UP: &str = "rolled up";

/// How the queries went on one form of the store.
#[derive(Debug, serde::Serialize)]
pub(super) struct FormReport {
    form: &'static str,
    runs: usize,
    /// Those that ask for more hosts or hours than there are.
    left_out: Vec<&'static str>,
    queries: Vec<QueryReport>,
}

#[derive(Debug, serde::Serialize)]
struct QueryReport {
    name: &'static str,
    median_ms: f64,
    p95_ms: f64,
    /// In what a run asks for: every run for as many.
    samples: u64,
    /// By the median. Where statistics or rollups answer, these are not looked at one by one.
    samples_per_second: f64,
    /// Numbers of an answer, the median of the runs.
    values: u64,
    /// The run before the others, which is not counted.
    warm_up: Run,
    runs: Vec<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cold: Option<ColdReport>,
}

/// What was drawn for one run, and how that went.
#[derive(Debug, serde::Serialize)]
struct Run {
    /// None where all are asked for.
    hosts: Vec<usize>,
    start_seconds: i64,
    end_seconds: i64,
    milliseconds: f64,
    values: u64,
    /// The shape of the answer's table in the file of answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<Shape>,
}

#[derive(Debug, serde::Serialize)]
struct Shape {
    rows: usize,
    columns: usize,
}

impl<'a> Asker<'a> {
    /// What the arguments choose; a query that they name must fit the fleet.
    pub(super) fn new(fleet: &'a CpuOnly, args: &TsbsArgs) -> Result<Self> {
        let options = fleet.options();
        let all = QUESTIONS.map(|(_, question)| question);
        let chosen = args.queries.as_deref().unwrap_or(&all);
        if args.queries.is_some() {
            chosen.iter().try_for_each(|question| question.draw(options, 0).map(drop))?;
        }
        let (questions, rest): (Vec<_>, Vec<_>) = chosen.iter().partition(|q| q.fits(options));
        let left_out = rest.iter().map(|question: &Question| question.name()).collect();
        if let Some(span) = args.rollup {
            refuse_rollup(span, &questions)?;
        }
        let answers = args.answers.as_deref().map(AnswerFile::create).transpose()?;
        let (runs, cold) = (args.runs.into(), args.cold);
        Ok(Self { fleet, questions, left_out, runs, cold, answers, by_day: None })
    }

    /// Asks the store, which must be closed; nothing where no runs are wanted. Every sample is read
    /// once before, so that no query meets a file that is read for the first time.
    pub(super) fn ask(&mut self, form: &'static str, folder: &Path) -> Result<Option<FormReport>> {
        if self.runs == 0 {
            return Ok(None);
        }
        let mut questions = self.questions.clone();
        if form == ROLLED_UP {
            questions.retain(|question| *question == Question::FleetByDay);
        }
        let mut queries = self.ask_warm(&questions, folder)?;
        if self.cold {
            for (query, question) in queries.iter_mut().zip(&questions) {
                let asks = question.draw(self.fleet.options(), self.runs)?;
                query.cold = Some(ColdReport::of(*question, &asks, folder)?);
            }
        }
        let left_out = self.left_out.clone();
        Ok(Some(FormReport { form, runs: self.runs, left_out, queries }))
    }

    /// The store is closed again when this returns.
    fn ask_warm(&mut self, questions: &[Question], folder: &Path) -> Result<Vec<QueryReport>> {
        let store = reader::open(folder)?;
        let snapshot = store.snapshot()?;
        read_all(&snapshot)?;
        questions.iter().map(|question| self.ask_one(*question, &snapshot)).collect()
    }

    fn ask_one(&mut self, question: Question, snapshot: &Snapshot) -> Result<QueryReport> {
        let options = self.fleet.options();
        let mut asks = question.draw(options, self.runs + 1)?.into_iter();
        let warm_up = asks.next().ok_or_else(|| Error::invalid("no run was drawn"))?;
        let samples = question.samples(&warm_up, options);
        let (warm_up, _) = timed(question, snapshot, &warm_up)?;
        let mut runs = Vec::with_capacity(self.runs);
        for ask in asks {
            let (mut run, answer) = timed(question, snapshot, &ask)?;
            if let Some(file) = &mut self.answers {
                run.table = Some(file.add(&answer.table(question))?);
            }
            if question == Question::FleetByDay {
                self.expect_as_before(answer.table(question))?;
            }
            runs.push(run);
        }
        let times: Vec<f64> = runs.iter().map(|run| run.milliseconds).collect();
        let values: Vec<f64> = runs.iter().map(|run| run.values as f64).collect();
        let (latency, values) = (Latency::of(&times), Latency::of(&values).median as u64);
        Ok(QueryReport {
            name: question.name(),
            median_ms: latency.median,
            p95_ms: latency.p95,
            samples,
            samples_per_second: samples as f64 / (latency.median / 1e3).max(1e-9),
            values,
            warm_up,
            runs,
            cold: None,
        })
    }

    /// Every run asks for the same days. Their samples are whole numbers, so that sums are exact in
    /// any order, and rollups must say what samples and statistics did.
    fn expect_as_before(&mut self, table: Table) -> Result<()> {
        match self.by_day.replace(table) {
            Some(before) if self.by_day.as_ref() != Some(&before) => {
                Err(Error::invalid("fleet-by-day is answered in two ways; run `plimsoll check`"))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses rollups that nothing would be asked of, before the samples are gone.
fn refuse_rollup(span: Span, questions: &[Question]) -> Result<()> {
    if span.is_zero() || Span::DAY.nanos() % span.nanos() != 0 {
        return Err(Error::invalid(format!(
            "no day is made of whole buckets of {span}; take 1h or 1d"
        )));
    }
    if !questions.contains(&Question::FleetByDay) {
        return Err(Error::invalid(
            "rollups are there to ask fleet-by-day of them, which needs 24 h or more; let it be \
             among the queries",
        ));
    }
    Ok(())
}

/// Refuses a folder that does not hold the load of a fleet.
pub(super) fn refuse_other_store(fleet: &CpuOnly, folder: &Path) -> Result<()> {
    let store = reader::open(folder)?;
    refuse_other(fleet, &store.snapshot()?, store.stat()?.samples)
}

fn read_all(snapshot: &Snapshot) -> Result<()> {
    for frame in Query::new(Selector::all()).aggregate(Aggregate::Count).run(snapshot)? {
        black_box(frame?);
    }
    Ok(())
}

/// The time until the whole answer is there; the making of its table is no part of it.
fn timed(question: Question, snapshot: &Snapshot, ask: &Ask) -> Result<(Run, Answer)> {
    let started = Instant::now();
    let answer = black_box(question.answer(snapshot, black_box(ask))?);
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let seconds = |nanos: i64| nanos / Span::SECOND.nanos();
    let run = Run {
        hosts: ask.hosts.clone(),
        start_seconds: seconds(ask.range.start.nanos()),
        end_seconds: seconds(ask.range.end.nanos()),
        milliseconds,
        values: answer.values(),
        table: None,
    };
    Ok((run, answer))
}

/// The file that answers go to: the numbers of one table after the other.
#[derive(Debug)]
struct AnswerFile {
    path: PathBuf,
    out: BufWriter<File>,
}

impl AnswerFile {
    fn create(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), out: BufWriter::new(create(path)?) })
    }

    fn add(&mut self, table: &Table) -> Result<Shape> {
        let bytes = table.numbers.iter().flat_map(|number| number.to_le_bytes());
        let bytes: Vec<u8> = bytes.collect();
        let written = self.out.write_all(&bytes).and_then(|()| self.out.flush());
        written.map_err(|why| Error::io("write to", &self.path, why))?;
        let columns = table.columns;
        Ok(Shape { rows: table.numbers.len() / columns.max(1), columns })
    }
}

/// Writes the samples of a fleet for programs that load them elsewhere: scrape after scrape, host
/// after host, field after field, a byte for each, which are whole numbers up to 100.
pub(super) fn write_rows(fleet: &CpuOnly, path: &Path) -> Result<()> {
    let failed = |why| Error::io("write to", path, why);
    let mut out = BufWriter::new(create(path)?);
    let mut scrapes = fleet.scrapes();
    let mut bytes = Vec::new();
    while let Some(scrape) = scrapes.next() {
        bytes.clear();
        bytes.extend(scrape.rows.iter().flatten().map(|value| *value as u8));
        out.write_all(&bytes).map_err(failed)?;
    }
    out.flush().map_err(failed)
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|why| Error::io("create", path, why))
}

impl FormReport {
    /// One line for each query.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { form, runs, .. } = self;
        writeln!(out, "queries, {form}: runs of each {runs}, after one that is not counted")?;
        for query in &self.queries {
            let QueryReport { name, median_ms, p95_ms, samples, values, .. } = query;
            let rate = query.samples_per_second / 1e6;
            write!(out, "  {name:22} median {median_ms:.3} ms, p95 {p95_ms:.3} ms")?;
            write!(out, ", asks for {samples} samples at {rate:.1} M/s")?;
            writeln!(out, ", answers with {values}")?;
        }
        if self.queries.iter().any(|query| query.cold.is_some()) {
            writeln!(out, "queries, {form}, cold: medians of {runs} runs, opened anew for each")?;
        }
        self.queries.iter().try_for_each(|query| match &query.cold {
            None => Ok(()),
            Some(cold) => {
                write!(out, "  {:22} ", query.name)?;
                cold.write(out)
            }
        })
    }

    /// One line for what was not asked of any form.
    pub(super) fn write_left_out(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.left_out[..] {
            [] => Ok(()),
            names => {
                writeln!(out, "queries that ask for more hosts or hours: {}", names.join(", "))
            }
        }
    }
}
