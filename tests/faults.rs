//! Promise: these tests find what they are for. The store has faults planted in it, which a build
//! with `--cfg plimsoll_faults` commits one at a time (`make test-faults`); each must be found by
//! the test named here, which stops at the first thing that it sees.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::small::files;

const ANY_STOP: &str = "crash::a_power_cut_at_every_operation_loses_nothing_durable";
const ANY_FAILURE: &str = "failing::an_operation_that_fails_is_reported_and_costs_nothing";
const INTERVAL: &str = "crash::an_interval_is_kept_by_appends_and_by_ticks";
const ANY_BYTE: &str = "bytes::no_change_of_any_byte_goes_unseen";
const MOVED: &str = "bytes::bytes_moved_inside_a_segment_or_from_another_are_seen";
const RECORDS: &str =
    "swaps::a_record_of_the_database_with_a_changed_byte_is_an_error_or_a_reported_loss";
const SWAPPED: &str =
    "swaps::segments_that_are_exchanged_emptied_deleted_or_doubled_cost_themselves";
const LABELS: &str = "swaps::label_files_that_are_exchanged_emptied_or_deleted_are_written_again";
const BACKUP_STOPPED: &str =
    "backup::simulated::a_backup_that_is_stopped_anywhere_leaves_the_one_before_or_is_refused";
const BACKUP_BYTES: &str = "backup::simulated::no_change_of_any_byte_of_a_backup_goes_unseen";
const RESTORE_STOPPED: &str =
    "backup::simulated::a_restore_that_is_stopped_is_no_store_or_the_whole_one";
const REPAIRED: &str = "backup::a_store_without_its_database_is_repaired_as_its_segments_knew_it";
const LOG: &str = "beside::sealing_frees_the_log";

/// Each fault, and a test that finds it.
const FAULTS: [(&str, &str); 44] = [
    // Order and durability.
    ("acknowledged-before-sync", ANY_STOP),
    ("batch-not-logged", ANY_STOP),
    ("commit-not-synced", ANY_STOP),
    ("head-dropped-before-commit", ANY_STOP),
    ("log-needed-after-head-is-gone", LOG),
    ("segment-name-not-synced", ANY_STOP),
    ("segment-not-synced", ANY_STOP),
    ("segment-renamed-before-sync", ANY_STOP),
    ("superseded-unlinked-before-commit", ANY_STOP),
    ("unlink-forgotten-before-sync", ANY_STOP),
    ("interval-not-kept", INTERVAL),
    ("failed-sync-tried-again", ANY_FAILURE),
    // Memory of what was.
    ("earlier-segment-wins", ANY_STOP),
    ("numbers-not-kept", ANY_STOP),
    (
        "refused-forgetting-stays",
        "space::series_are_forgotten_or_not_where_the_disk_is_full_meanwhile",
    ),
    ("retention-not-kept", ANY_STOP),
    // Rollups.
    (
        "bucket-cut-by-later-tier",
        "rollup::a_tier_that_is_asked_for_later_begins_with_a_whole_bucket",
    ),
    ("old-buckets-not-hidden", "rollup::old_buckets_go_and_do_not_come_back"),
    ("old-buckets-outlive-younger-ones", ANY_STOP),
    ("rolled-up-series-forgotten", "forgotten::what_is_in_the_head_or_in_rollups_is_not_forgotten"),
    ("rollup-left-over", ANY_STOP),
    ("rollup-not-published", ANY_STOP),
    (
        "stopped-retention-counted",
        "rollup::a_repair_tells_finished_retentions_from_those_that_were_stopped",
    ),
    ("sequence-used-twice", ANY_STOP),
    // Damage.
    ("any-segment-for-another", SWAPPED),
    ("batch-not-verified", RECORDS),
    ("checksum-not-compared", ANY_BYTE),
    ("checksum-without-place", MOVED),
    ("checksum-without-store", MOVED),
    ("damage-not-reported", SWAPPED),
    (
        "damaged-batch-not-reported",
        "corruption::a_damaged_head_batch_costs_itself_and_stays_reported",
    ),
    ("label-file-taken-on-trust", LABELS),
    ("length-off-by-one", ANY_BYTE),
    ("record-not-verified", RECORDS),
    ("unnamed-deleted-without-proof", SWAPPED),
    // Backups.
    ("backup-names-not-synced", BACKUP_STOPPED),
    ("backup-not-called-unfinished", BACKUP_STOPPED),
    ("backup-not-synced", BACKUP_STOPPED),
    ("backup-not-verified", BACKUP_BYTES),
    ("earlier-backup-removed-first", BACKUP_STOPPED),
    ("restore-not-synced", RESTORE_STOPPED),
    ("restored-database-named-early", RESTORE_STOPPED),
    ("store-not-noted-in-segments", REPAIRED),
    // Plans.
    ("plan-not-synced", "plans::a_plan_is_kept_whole_or_not_at_all"),
];

/// The names of faults in the code below a folder.
fn planted_below(folder: &Path, found: &mut BTreeSet<String>) {
    for path in files(folder) {
        if path.is_dir() {
            planted_below(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for call in ["planted(", "unless(", "in_order("] {
            for (at, _) in text.match_indices(call) {
                let rest = text[at + call.len()..].trim_start();
                let name = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
                found.extend(name.map(|(name, _)| name.to_owned()));
            }
        }
    }
}

#[test]
fn every_planted_fault_has_its_test() {
    let mut found = BTreeSet::new();
    planted_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let listed = FAULTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, listed);
}

#[cfg(plimsoll_faults)]
mod committed {
    use std::process::Command;
    use std::time::Instant;

    use super::FAULTS;

    /// Runs one test with a fault; the first line of what it saw, if it failed.
    fn run(test: &str, fault: &str) -> Result<(), String> {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env("PLIMSOLL_FAULT", fault);
        let ended = command.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        if ended.status.success() {
            let ran = String::from_utf8_lossy(&ended.stdout).contains("1 passed");
            assert!(ran, "there is no test {test}");
            return Ok(());
        }
        let mut lines = said.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
        Err(lines.next().unwrap_or(&said).to_owned())
    }

    #[test]
    fn every_planted_fault_is_found() {
        for test in FAULTS.iter().map(|(_, test)| *test).collect::<std::collections::BTreeSet<_>>()
        {
            run(test, "none").unwrap_or_else(|why| panic!("{test} fails without a fault: {why}"));
        }
        let mut missed = Vec::new();
        for (fault, test) in FAULTS {
            let begun = Instant::now();
            match run(test, fault) {
                Err(why) => {
                    let seconds = begun.elapsed().as_secs_f64();
                    let why: String = why.chars().take(100).collect();
                    println!("{fault}: found in {seconds:.1} s: {why}");
                }
                Ok(()) => missed.push((fault, test)),
            }
        }
        assert_eq!(missed, [], "not found");
    }
}
