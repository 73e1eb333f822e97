//! What the rules say of a fleet, as a plan tells it.
//!
//! In: hosts with their verdicts, what their owners say of them, since when each is a zombie. Out:
//! the zombies with the rules that say so, the stage that each has reached, what they would free
//! and save. Never: a host in two lists.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::pack::RulePack;
use super::savings::{Claim, Class, savings};
use super::stage::{Ledger, Stage, stage_at};
use super::verdict::{Grade, HostVerdict, Verdict};
use crate::capacity::PlanRow;
use crate::capacity::inventory::Inventory;
use crate::model::{Labels, Span, Timestamp, Unit};

/// A host, and what all rules say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The value of the label that names it.
    pub host: String,
    /// What the rules say.
    pub verdict: HostVerdict,
}

/// The zombies of a fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct ZombieReport {
    /// The label that names a host.
    pub host_label: String,
    /// A host is a zombie where more than this share of the rules that can judge it say so.
    pub agreement: f64,
    /// The names of the rules that have a vote, in their order.
    pub rules: Vec<String>,
    /// Of these, the rules that could judge no host at all.
    pub silent_rules: Vec<String>,
    /// The zombies, the strongest evidence first, then by name.
    pub hosts: Vec<ZombieHost>,
    /// Hosts that would be zombies but for a label or a job that comes seldom, and why.
    pub kept: Vec<(String, String)>,
    /// Hosts that no rule can judge, and why.
    pub undetermined: Vec<(String, String)>,
    /// Hosts in use, those that are kept among them.
    pub in_use: usize,
    /// What is done about a zombie, in the order of time.
    pub stages: Vec<Stage>,
    /// Whether it is known since when each host is a zombie. Without a ledger all are since today.
    pub has_ledger: bool,
    /// What is saved once they are gone; `None` without an inventory.
    pub savings: Option<ZombieSavings>,
}

/// What is saved once all zombies are gone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZombieSavings {
    /// The sum of the prices that are known, per month, in the inventory's currency.
    pub price_per_month: f64,
    /// Hosts whose price is not known.
    pub unpriced: usize,
}

/// One zombie.
#[derive(Debug, Clone, PartialEq)]
pub struct ZombieHost {
    /// The value of the label that names it.
    pub host: String,
    /// Why it is not needed.
    pub class: Class,
    /// How strong the evidence is.
    pub grade: Grade,
    /// How many rules with a vote could judge it.
    pub judged: usize,
    /// Those that call it a zombie, each with the numbers that decided it.
    pub said_by: Vec<(String, String)>,
    /// What decided the grade.
    pub reasons: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it costs per month, in the inventory's currency.
    pub price_per_month: Option<f64>,
    /// Since when it is called a zombie.
    pub since: Timestamp,
    /// The stage that it has reached; `None` before the first.
    pub stage: Option<String>,
    /// The next stage and its day.
    pub next: Option<(String, Timestamp)>,
    /// The next stage is due, but takes better evidence.
    pub held: bool,
    /// What it would free: each resource of the plan with a limit, and that limit.
    pub frees: Vec<(String, Option<Unit>, f64)>,
}

impl ZombieReport {
    /// What a plan says of hosts that were judged at `now` by `pack`; without a ledger each zombie
    /// is one since `now`. What they free is added by the planner, which knows the limits.
    pub fn new(
        pack: &RulePack,
        host_label: &str,
        hosts: &[Judged],
        inventory: Option<&Inventory>,
        ledger: Option<&Ledger>,
        now: Timestamp,
    ) -> Self {
        let has_vote = |rule: &usize| pack.rules[*rule].finding != Class::Oversized;
        let voting: Vec<usize> = (0..pack.rules.len()).filter(has_vote).collect();
        let name = |rule: &usize| pack.rules[*rule].name.clone();
        let is_silent = |rule: &&usize| {
            let says = |one: &Judged| one.verdict.rules.get(**rule).map(|rule| rule.verdict);
            hosts.iter().all(|one| says(one) == Some(Verdict::Undetermined))
        };
        let why = |one: &Judged| (one.host.clone(), one.verdict.reasons.join("; "));
        let of = |verdict: Verdict| hosts.iter().filter(move |o| o.verdict.verdict == verdict);
        let mut days = ledger.cloned().unwrap_or_default();
        for one in hosts {
            days.enter(&one.host, &one.verdict, &pack.stages, now);
        }
        let fleet = Fleet { pack, inventory, ledger: days, now };
        let mut zombies: Vec<ZombieHost> =
            of(Verdict::Zombie).filter_map(|one| fleet.zombie(one)).collect();
        zombies.sort_by(|a, b| (Reverse(a.grade), &a.host).cmp(&(Reverse(b.grade), &b.host)));
        Self {
            host_label: host_label.to_owned(),
            agreement: pack.policy.agreement,
            rules: voting.iter().map(name).collect(),
            silent_rules: voting.iter().filter(is_silent).map(name).collect(),
            savings: inventory.map(|_| saved(&zombies)),
            hosts: zombies,
            kept: of(Verdict::InUse).filter(|one| one.verdict.kept).map(why).collect(),
            undetermined: of(Verdict::Undetermined).map(why).collect(),
            in_use: of(Verdict::InUse).count(),
            stages: pack.stages.clone(),
            has_ledger: ledger.is_some(),
        }
    }

    /// Adds the limits of these rows to what their hosts would free, and returns the labels of
    /// those that are zombies, or are kept: what they are kept for is too seldom for a quantile.
    pub(in crate::capacity) fn free<'r>(
        &mut self,
        rows: impl Iterator<Item = &'r PlanRow>,
    ) -> BTreeSet<&'r Labels> {
        let mut found = BTreeSet::new();
        let kept: BTreeSet<&str> = self.kept.iter().map(|(host, _)| host.as_str()).collect();
        let hosts = self.hosts.iter_mut();
        let mut zombies: BTreeMap<String, &mut ZombieHost> =
            hosts.map(|zombie| (zombie.host.clone(), zombie)).collect();
        for row in rows {
            let Some(name) = row.labels.get(&self.host_label) else { continue };
            if kept.contains(name) {
                found.insert(&row.labels);
            }
            let Some(zombie) = zombies.get_mut(name) else { continue };
            found.insert(&row.labels);
            let Some(limit) = row.limit else { continue };
            match zombie.frees.iter_mut().find(|(known, ..)| *known == row.resource) {
                Some(freed) => freed.2 += limit,
                None => zombie.frees.push((row.resource.clone(), row.unit.clone(), limit)),
            }
        }
        found
    }
}

impl ZombieHost {
    /// The day on which a stage begins for this host.
    pub fn day_of(&self, stage: &Stage) -> Timestamp {
        self.since.plus(Span::from_days(i64::from(stage.day)))
    }
}

/// What is the same for all hosts.
struct Fleet<'f> {
    pack: &'f RulePack,
    inventory: Option<&'f Inventory>,
    /// With what is found now.
    ledger: Ledger,
    now: Timestamp,
}

impl Fleet<'_> {
    fn zombie(&self, one: &Judged) -> Option<ZombieHost> {
        let (class, grade) = (one.verdict.class?, one.verdict.grade?);
        let row = self.inventory.and_then(|inventory| inventory.get(&one.host));
        let since = self.ledger.since(&one.host).unwrap_or(self.now);
        let position = stage_at(&self.pack.stages, since, self.now, grade);
        let agrees = one.verdict.rules.iter().filter(|rule| {
            let finding = self.pack.rules[rule.rule].finding;
            rule.verdict == Verdict::Zombie && finding == class
        });
        Some(ZombieHost {
            host: one.host.clone(),
            class,
            grade,
            judged: one.verdict.judged,
            said_by: agrees
                .map(|rule| (self.pack.rules[rule.rule].name.clone(), rule.reason.clone()))
                .collect(),
            reasons: one.verdict.reasons.clone(),
            owner: row.and_then(|row| row.owner.clone()),
            price_per_month: row.and_then(|row| row.price_per_month),
            since,
            stage: position.stage.map(|stage| stage.name.clone()),
            next: position.next.map(|(stage, at)| (stage.name.clone(), at)),
            held: position.held,
            frees: Vec::new(),
        })
    }
}

fn saved(zombies: &[ZombieHost]) -> ZombieSavings {
    let claims = zombies.iter().map(|zombie| {
        let ZombieHost { host, class, price_per_month, .. } = zombie;
        Claim { host, class: *class, price_per_month: *price_per_month }
    });
    let classes = savings(&claims.collect::<Vec<_>>());
    ZombieSavings {
        // Adding zero turns the -0 of an empty sum into 0.
        price_per_month: classes.iter().map(|one| one.price_per_month).sum::<f64>() + 0.0,
        unpriced: classes.iter().map(|one| one.unpriced).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HostFacts, HostReducer, judge};
    use super::*;
    use crate::capacity::{Planner, Study, Table};
    use crate::model::Frame;

    const STUDY: &str = "[study]\nstep = \"1h\"\n[[resource]]\nname = \"cpu\"\nusage = \"c\"\n\
                         unit = \"cores\"\nlimit = 4\n[[resource]]\nname = \"memory\"\n\
                         usage = \"m\"\nunit = \"GB\"\nlimit = 16\n";
    const DAYS: i64 = 100;

    fn start() -> Timestamp {
        Timestamp::from_seconds(1_767_225_600)
    }

    fn now() -> Timestamp {
        start().plus(Span::from_days(DAYS))
    }

    fn judged(host: &str, used: f64, facts: &HostFacts) -> Judged {
        let pack = RulePack::published();
        let used = vec![used; 24 * DAYS as usize];
        // Without data where the processor has none.
        let traffic: Vec<f64> = used.iter().map(|used| used * 0.0 + 10.0).collect();
        let mut reducer = HostReducer::new(&pack, now(), Span::HOUR).unwrap();
        let given: [(&str, &[f64]); 4] = [
            ("cpu_cores", &used),
            ("cpu_share", &used),
            ("received", &traffic),
            ("sent", &traffic),
        ];
        reducer.add(start(), &given).unwrap();
        Judged { host: host.to_owned(), verdict: judge(&pack, &reducer.finish(), facts) }
    }

    /// One at work, two that are not, one that stands by, one without data.
    fn fleet() -> Vec<Judged> {
        let none = HostFacts::default();
        let born = HostFacts { born: Some(start()), ..HostFacts::default() };
        let standby =
            HostFacts { labels: vec![("standby".into(), "yes".into())], ..HostFacts::default() };
        vec![
            judged("busy", 0.9, &none),
            judged("idle-1", 0.001, &none),
            judged("idle-2", 0.001, &born),
            judged("gone", f64::NAN, &none),
            judged("spare", 0.001, &standby),
        ]
    }

    fn report(inventory: Option<&Inventory>, ledger: Option<&Ledger>) -> ZombieReport {
        let pack = RulePack::published();
        ZombieReport::new(&pack, "host", &fleet(), inventory, ledger, now())
    }

    #[test]
    fn each_host_is_in_one_list() {
        let found = report(None, None);
        let names: Vec<&str> = found.hosts.iter().map(|zombie| zombie.host.as_str()).collect();
        assert_eq!(names, ["idle-1", "idle-2"]);
        assert_eq!((found.kept.len(), found.undetermined.len(), found.in_use), (1, 1, 2));
        assert_eq!((found.kept[0].0.as_str(), found.savings), ("spare", None));
        assert!(found.kept[0].1.contains("standby"), "{:?}", found.kept);
        assert_eq!(found.rules.len(), 8, "what is too large has no vote");
        let zombie = &found.hosts[0];
        assert_eq!((zombie.said_by.len(), zombie.judged), (5, 5));
        assert!(zombie.said_by[0].1.contains("100% of the samples, 97% needed"));
        assert_eq!((zombie.since, zombie.stage.as_deref(), zombie.held), (now(), None, false));
        let day = now().plus(Span::from_days(14));
        assert_eq!(zombie.next, Some(("notify".to_owned(), day)));
        assert_eq!(zombie.day_of(&found.stages[3]), now().plus(Span::from_days(28)));
    }

    #[test]
    fn the_inventory_has_prices_and_the_ledger_days() {
        let inventory = "host,owner,price\nidle-1,ann,120.5\nbusy,bob,80\nspare,bob,10\n";
        let inventory = Inventory::read(inventory, "hosts.csv").unwrap();
        let since = now().minus(Span::from_days(22));
        let ledger = Ledger::read(&format!("host,since\nidle-1,{since}\n"), "l.csv").unwrap();
        let found = report(Some(&inventory), Some(&ledger));
        let saved = ZombieSavings { price_per_month: 120.5, unpriced: 1 };
        assert_eq!(found.savings, Some(saved));
        let zombie = &found.hosts[0];
        assert_eq!((zombie.owner.as_deref(), zombie.price_per_month), (Some("ann"), Some(120.5)));
        assert_eq!(zombie.stage.as_deref(), Some("warn"));
        assert_eq!(zombie.next.as_ref().unwrap().1, now().plus(Span::from_days(4)));
        assert_eq!(found.hosts[1].since, now());
    }

    #[test]
    fn a_plan_tells_them_in_place_of_its_own_rule() {
        let study = Study::parse(STUDY, "study.toml").unwrap();
        let plan = |zombies: Option<ZombieReport>| {
            let mut planner = Planner::new(&study, now()).unwrap();
            for (resource, used) in [(0, 0.001), (1, 0.5)] {
                let names = ["busy", "idle-1", "idle-2", "spare"];
                let names = names.iter().map(|name| Labels::from_pairs([("host", *name)]).unwrap());
                let steps = 24 * DAYS as usize;
                let usage =
                    Frame::new(start(), Span::HOUR, steps, names.collect(), vec![used; 4 * steps]);
                planner.add(Table { resource, group: None }, &usage.unwrap(), None).unwrap();
            }
            match zombies {
                Some(zombies) => planner.with_zombies(zombies).finish(),
                None => planner.finish(),
            }
        };
        let own = plan(None);
        assert_eq!((own.idle.hosts.len(), own.zombies.is_none()), (4, true));
        assert!(own.overprovisioned.rows.is_empty(), "they are counted whole");
        let told = plan(Some(report(None, None)));
        assert_eq!(told.idle, crate::capacity::IdleReport::default());
        let cores = "cores".parse().ok();
        let gigabytes = "GB".parse().ok();
        let frees = [("cpu".to_owned(), cores, 4.0), ("memory".to_owned(), gigabytes, 16.0)];
        assert_eq!(told.zombies.unwrap().hosts[1].frees, frees);
        let large: Vec<_> =
            told.overprovisioned.rows.iter().map(|row| row.labels.get("host")).collect();
        assert_eq!(large, [Some("busy"), Some("busy")]);
    }
}
