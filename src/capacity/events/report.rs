//! All events of all services together: which effects are no chance, and what follows.

use super::effect::EventEffect;
use super::list::Event;
use crate::capacity::exhaustion::benjamini_hochberg;
use crate::model::Timestamp;

/// The effects on one service, an entry per event that concerns it.
#[derive(Debug, Clone)]
pub struct ServiceEffects {
    /// Its name; empty where there is only one.
    pub service: String,
    /// Its events, sorted by time.
    pub events: Vec<Event>,
    /// What each did, or why that cannot be told.
    pub effects: Vec<Result<EventEffect, String>>,
}

/// What an event is found to have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// The same demand takes more of the resource.
    Regression,
    /// The same demand takes less.
    Improvement,
    /// Nothing that could not be chance.
    NoChange,
    /// It cannot be told.
    Unknown,
}

/// An event with its judgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The service, as an index into the report's.
    pub service: usize,
    /// The event, as an index into the service's.
    pub event: usize,
    /// What is found.
    pub judgement: Judgement,
}

/// A time before which a service's history is of another regime.
#[derive(Debug, Clone, PartialEq)]
pub struct RegimeBreak {
    /// The service.
    pub service: String,
    /// History counts from here on.
    pub time: Timestamp,
    /// The event.
    pub event: String,
    /// The change of use at the same demand, or of cost where only that is sure, as a share;
    /// infinite where nothing was used before.
    pub share: f64,
    /// The probability of so large a change by chance.
    pub p_value: f64,
}

/// Events of one service or many, judged together.
#[derive(Debug, Clone)]
pub struct EventReport {
    services: Vec<ServiceEffects>,
    findings: Vec<Finding>,
}

impl EventReport {
    /// Judges all events so that of those found to have changed something a share of
    /// `false_share_max` is chance, at most, on average (Benjamini and Hochberg 1995).
    pub fn new(services: Vec<ServiceEffects>, false_share_max: f64) -> Self {
        let all = || services.iter().flat_map(|service| &service.effects);
        let p_values: Vec<f64> =
            all().filter_map(|effect| effect.as_ref().ok()).map(|effect| effect.p_value).collect();
        let mut found = benjamini_hochberg(&p_values, false_share_max).into_iter();
        let mut findings = Vec::new();
        for (at, service) in services.iter().enumerate() {
            for (event, effect) in service.effects.iter().enumerate() {
                let judgement = match effect {
                    Err(_) => Judgement::Unknown,
                    Ok(effect) if found.next() == Some(true) => judge(effect),
                    Ok(_) => Judgement::NoChange,
                };
                findings.push(Finding { service: at, event, judgement });
            }
        }
        Self { services, findings }
    }

    /// The services.
    pub fn services(&self) -> &[ServiceEffects] {
        &self.services
    }

    /// A finding per event and service, in their order.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The effect of a finding; `None` where it cannot be told.
    pub fn effect(&self, finding: &Finding) -> Option<&EventEffect> {
        let service = self.services.get(finding.service)?;
        service.effects.get(finding.event)?.as_ref().ok()
    }

    /// What made the same demand take more, the largest first.
    pub fn regressions(&self) -> Vec<Finding> {
        self.ranked(Judgement::Regression)
    }

    /// What made it take less, the largest first.
    pub fn improvements(&self) -> Vec<Finding> {
        self.ranked(Judgement::Improvement)
    }

    /// The times at which a regime ended: changes that were found, by a share of `share_min` or
    /// more, up or down. For a forecaster, history counts from the last one of its
    /// service.
    pub fn breaks(&self, share_min: f64) -> Vec<RegimeBreak> {
        let is_found = |finding: &&Finding| {
            matches!(finding.judgement, Judgement::Regression | Judgement::Improvement)
        };
        let regime_break = |finding: &Finding| {
            let (effect, service) = (self.effect(finding)?, self.services.get(finding.service)?);
            let event = service.events.get(finding.event)?;
            let share = share_of(effect);
            (share.abs() >= share_min).then(|| RegimeBreak {
                service: service.service.clone(),
                time: event.time,
                event: event.name.clone(),
                share,
                p_value: effect.p_value,
            })
        };
        self.findings.iter().filter(is_found).filter_map(regime_break).collect()
    }

    fn ranked(&self, judgement: Judgement) -> Vec<Finding> {
        let size = |finding: &Finding| self.effect(finding).map_or(0.0, |one| share_of(one).abs());
        let mut ranked: Vec<Finding> =
            self.findings.iter().filter(|one| one.judgement == judgement).copied().collect();
        ranked.sort_by(|a, b| size(b).total_cmp(&size(a)));
        ranked
    }
}

/// By use at the same demand, or by the cost where only that is sure.
fn judge(effect: &EventEffect) -> Judgement {
    let surer = effect.cost.filter(|cost| cost.p_value < effect.used.p_value);
    let difference = surer.unwrap_or(effect.used).difference.value;
    if difference > 0.0 { Judgement::Regression } else { Judgement::Improvement }
}

/// The change that the judgement rests on, as a share; infinite where there was nothing before.
fn share_of(effect: &EventEffect) -> f64 {
    let surer = effect.cost.filter(|cost| cost.p_value < effect.used.p_value);
    surer.unwrap_or(effect.used).share.unwrap_or(f64::INFINITY)
}
