//! Sizes by every preset, as `rightsize` and `calc rightsize` ask for them and print them.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::capacity::rightsizing::{
    Advice, Autoscaler, Measure, Preset, PresetOptions, Resource, Usage, fit_shape,
};
use crate::cli::numbers::amount;
use crate::error::{Error, Result};
use crate::model::Unit;
use crate::report::{Column, Sheet, Value};

/// A mebibyte in bytes.
const MEBIBYTE: f64 = 1_048_576.0;

/// Which presets, and the options that users change.
#[derive(Debug, clap::Args)]
pub(super) struct PresetArgs {
    /// Whose rules: all, or some of plimsoll, vpa, krr, krr-merged, krr-limit, crane, kubecost,
    /// compute-optimizer, separated by commas.
    #[arg(long = "preset", value_name = "NAMES", default_value = "all", value_delimiter = ',')]
    presets: Vec<PresetArg>,
    /// Show each step of each number, and what it would be without that step.
    #[arg(long)]
    pub(super) explain: bool,
    /// plimsoll: an autoscaler keeps each pod at this share of its request.
    #[arg(long, value_name = "SHARE", requires = "replicas")]
    autoscaler_target: Option<f64>,
    /// plimsoll: how many pods it should run at the highest level.
    #[arg(long, value_name = "PODS", requires = "autoscaler_target")]
    replicas: Option<f64>,
    /// plimsoll: advice is never above so many times the observed peak. Default: 2.
    #[arg(long, value_name = "TIMES")]
    peaks_max: Option<f64>,
    /// kubecost: the share of the request that is to be used; its profiles are 0.8 for development,
    /// 0.65 for production, 0.5 for high availability. Default: 0.7.
    #[arg(long, value_name = "SHARE")]
    utilisation: Option<f64>,
    /// compute-optimizer: the percentile, as a share; it offers 0.9, 0.95 and 0.995. Default:
    /// 0.995.
    #[arg(long, value_name = "SHARE")]
    percentile: Option<f64>,
    /// compute-optimizer: the share that is added; it offers 0, 0.2 and 0.3. Default: 0.2.
    #[arg(long, value_name = "SHARE")]
    headroom: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
enum PresetArg {
    All,
    One(Preset),
}

impl FromStr for PresetArg {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

impl PresetArgs {
    /// The presets that were asked for, each once, in their own order.
    pub(super) fn chosen(&self) -> Vec<Preset> {
        let one = |preset: &Preset| {
            self.presets.iter().any(|arg| match arg {
                PresetArg::All => true,
                PresetArg::One(asked) => asked == preset,
            })
        };
        Preset::ALL.into_iter().filter(one).collect()
    }

    /// The options of every preset. They are tried out once, so that a slip is an error and not a
    /// note at every host.
    pub(super) fn options(&self) -> Result<PresetOptions> {
        let chosen = self.chosen();
        self.refuse_useless(&chosen)?;
        let mut options = PresetOptions::default();
        let take = |given: Option<f64>, into: &mut f64| *into = given.unwrap_or(*into);
        take(self.peaks_max, &mut options.recurring.peaks_max);
        options.recurring.autoscaler = self
            .autoscaler_target
            .zip(self.replicas)
            .map(|(target, replicas)| Autoscaler { target, replicas });
        take(self.utilisation, &mut options.kubecost.utilisation);
        take(self.percentile, &mut options.compute_optimizer.percentile);
        take(self.headroom, &mut options.compute_optimizer.cpu_headroom);
        take(self.headroom, &mut options.compute_optimizer.memory_headroom);
        chosen.iter().try_for_each(|preset| preset.check(&options))?;
        Ok(options)
    }

    /// Refuses options of presets that were not asked for: they would say nothing.
    fn refuse_useless(&self, chosen: &[Preset]) -> Result<()> {
        let given = [
            ("--autoscaler-target", self.autoscaler_target, Preset::Plimsoll),
            ("--peaks-max", self.peaks_max, Preset::Plimsoll),
            ("--utilisation", self.utilisation, Preset::Kubecost),
            ("--percentile", self.percentile, Preset::ComputeOptimizer),
            ("--headroom", self.headroom, Preset::ComputeOptimizer),
        ];
        let useless = |(_, value, preset): &(&str, Option<f64>, Preset)| {
            value.is_some() && !chosen.contains(preset)
        };
        match given.iter().find(|one| useless(one)) {
            None => Ok(()),
            Some((option, _, preset)) => Err(Error::invalid(format!(
                "{option} is of the preset {}, which --preset leaves out: leave out one of the two",
                preset.name()
            ))),
        }
    }
}

/// How amounts of a resource are printed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Amounts {
    /// What one printed unit is, in the unit of the advice.
    pub(super) scale: f64,
    /// Its name.
    pub(super) unit: String,
}

/// The advice for one workload, and why there is none.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    advices: Vec<Advice>,
    /// The resource, the preset or all of them, and why.
    failures: Vec<(Resource, Option<Preset>, Error)>,
    /// Resources whose amounts are cores or bytes.
    native: Vec<Resource>,
}

impl Amounts {
    /// Cores, and MiB of what is bytes.
    pub(super) fn native(resource: Resource) -> Self {
        match resource {
            Resource::Cpu => Self { scale: 1.0, unit: "cores".to_owned() },
            Resource::Memory => Self { scale: MEBIBYTE, unit: "MiB".to_owned() },
        }
    }

    /// An amount, as it is printed.
    pub(super) fn shown(&self, amount: Option<f64>) -> Value {
        amount.map(|amount| amount / self.scale).into()
    }
}

impl Sizes {
    /// Asks every preset for a size of one resource.
    pub(super) fn add(&mut self, usage: &Usage, presets: &[Preset], options: &PresetOptions) {
        let resource = usage.resource();
        for preset in presets {
            match preset.advise(usage, options) {
                Ok(advice) => self.advices.push(advice),
                Err(why) => self.failures.push((resource, Some(*preset), why)),
            }
        }
        if usage.measure() == Measure::Native {
            self.native.push(resource);
        }
    }

    /// Notes that no preset has a size of a resource.
    pub(super) fn fail(&mut self, resource: Resource, why: Error) {
        self.failures.push((resource, None, why));
    }

    /// Fits Crane's two sizes to a shape, where there are two, in cores and bytes.
    pub(super) fn fit_shapes(&mut self) {
        if self.native.len() != 2 {
            return;
        }
        let of = |resource| {
            let crane = |a: &Advice| (a.preset, a.resource) == (Preset::Crane, resource);
            self.advices.iter().position(crane)
        };
        if let (Some(cpu), Some(memory)) = (of(Resource::Cpu), of(Resource::Memory))
            && let Ok([cpu, memory]) = self.advices.get_disjoint_mut([cpu, memory])
        {
            fit_shape(cpu, memory);
        }
    }

    /// All advice, resource after resource, in the order of presets.
    pub(super) fn advices(&self) -> impl Iterator<Item = &Advice> {
        self.advices.iter()
    }

    /// What a preset requests for a resource.
    pub(super) fn request(&self, resource: Resource, preset: Preset) -> Option<f64> {
        let asked = |advice: &&Advice| (advice.resource, advice.preset) == (resource, preset);
        self.advices.iter().find(asked).map(|advice| advice.request.value())
    }

    /// Which preset has no advice for what, and why.
    pub(super) fn failures(&self) -> &[(Resource, Option<Preset>, Error)] {
        &self.failures
    }

    /// The first reason why there is no advice.
    pub(super) fn into_failure(self) -> Error {
        let none = || Error::not_enough_data("no sample of cpu or memory");
        self.failures.into_iter().next().map_or_else(none, |(_, _, why)| why)
    }

    /// Drops what only `--explain` and notes show.
    pub(super) fn forget_steps(&mut self) {
        self.advices.iter_mut().for_each(Advice::forget_steps);
    }

    /// Adds what presets have to say, and why some say nothing.
    pub(super) fn notes(&self, sheet: &mut Sheet) {
        let mut said = BTreeSet::new();
        for (resource, preset, why) in &self.failures {
            let preset = preset.map_or("all presets", Preset::name);
            sheet.note(format!("{preset}, {}: {why}.", resource.name()));
        }
        for advice in &self.advices {
            for note in &advice.notes {
                // Presets of one maker say the same.
                if said.insert(note) {
                    let (preset, resource) = (advice.preset.name(), advice.resource.name());
                    sheet.note(format!("{preset}, {resource}: {note}"));
                }
            }
        }
    }
}

/// Adds the table of steps: what each number is after each step, and what it would come to without.
pub(super) fn explain<'a>(
    sheet: &mut Sheet,
    all: impl IntoIterator<Item = (Option<&'a str>, &'a Sizes)>,
    amounts: impl Fn(Resource) -> Amounts,
) {
    let all: Vec<_> = all.into_iter().collect();
    let named = all.iter().any(|(host, _)| host.is_some());
    let mut columns = Vec::new();
    if named {
        columns.push(Column::new("host", "host"));
    }
    columns.extend([
        Column::new("resource", "resource"),
        Column::new("preset", "preset"),
        Column::new("number", "number"),
        Column::new("step", "step"),
        Column::new("value", "value"),
        Column::new("without_step", "without"),
        Column::new("unit", "unit"),
    ]);
    let table = sheet.table("steps", &columns);
    for (host, sizes) in all {
        for advice in &sizes.advices {
            let amounts = amounts(advice.resource);
            for (name, number) in advice.numbers() {
                for (at, step) in number.steps().iter().enumerate() {
                    let mut row: Vec<Value> = host.map(Into::into).into_iter().collect();
                    row.extend([
                        advice.resource.name().into(),
                        advice.preset.name().into(),
                        name.into(),
                        step.detail.as_str().into(),
                        amounts.shown(Some(step.value)),
                        amounts.shown(number.without(at)),
                        amounts.unit.as_str().into(),
                    ]);
                    table.row(row);
                }
            }
        }
    }
}

/// An amount of memory, which is written with its unit, as 512MiB; bytes without one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes(pub(super) f64);

impl FromStr for Bytes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            let what = format!("{text:?} is no amount of memory; write 512MiB, 2GB, or bytes");
            Error::invalid(what)
        };
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number = amount(number).filter(|number| *number > 0.0).ok_or_else(refused)?;
        let unit: Unit = if unit.is_empty() { "B" } else { unit }.parse().map_err(|_| refused())?;
        let factor = unit.factor_to(&"B".parse()?).ok_or_else(refused)?;
        Ok(Self(number * factor))
    }
}
