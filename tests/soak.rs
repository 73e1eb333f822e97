//! Promise: a recording that goes on for long, is killed, and starts again under another name,
//! while old samples are dropped, does not grow: no file descriptor, thread or file is left over,
//! and memory stays where it was. A few lives of a second in the suite; `make test-soak` is long.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli::user::{DONE, User};

/// Files of a database that gather, life by life, until it merges them; some nine were seen.
const FILES_BETWEEN_MERGES: usize = 16;

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    memory_kib: u64,
    threads: usize,
    files: usize,
}

/// How long the soak is, how long a life in it, and how often it scrapes.
struct Soak {
    lives: u32,
    life: Duration,
    interval: &'static str,
}

impl Soak {
    fn asked() -> Self {
        let minutes = std::env::var("PLIMSOLL_SOAK_MINUTES").map(|text| text.parse().unwrap());
        match minutes {
            // Lives of ten minutes at most, and a few of them.
            Ok(minutes) => {
                let lives = minutes_of(minutes).as_secs().div_ceil(600).max(3) as u32;
                Self { lives, life: minutes_of(minutes) / lives, interval: "10ms" }
            }
            Err(_) => Self { lives: 3, life: Duration::from_millis(1_500), interval: "10ms" },
        }
    }
}

fn minutes_of(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

fn held(child: &Child) -> Held {
    let of = |name: &str| format!("/proc/{}/{name}", child.id());
    let status = fs::read_to_string(of("status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    Held {
        memory_kib: memory.trim().trim_end_matches(" kB").parse().unwrap(),
        threads: fs::read_dir(of("task")).unwrap().count(),
        files: fs::read_dir(of("fd")).unwrap().count(),
    }
}

/// Records until the life is over, and then is killed; what it held in the second half.
fn lived(user: &User, host: u32, soak: &Soak) -> Vec<Held> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["record", "--store", "s", "--interval", soak.interval])
        .args(["--host", &format!("web-{host}")])
        .current_dir(user.path(""))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (began, mut found) = (Instant::now(), Vec::new());
    while began.elapsed() < soak.life {
        sleep(soak.life / 100);
        assert_eq!(child.try_wait().unwrap(), None, "life {host} ended by itself");
        if began.elapsed() > soak.life / 2 {
            found.push(held(&child));
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    found
}

/// The most that was held in some of the moments.
fn most(moments: &[Held]) -> Held {
    let of = |value: fn(&Held) -> usize| moments.iter().map(value).max().unwrap();
    Held {
        memory_kib: of(|held| held.memory_kib as usize) as u64,
        threads: of(|held| held.threads),
        files: of(|held| held.files),
    }
}

#[test]
fn a_recording_does_not_grow() {
    let (user, soak) = (User::new(), Soak::asked());
    let (mut lives, mut sizes) = (Vec::new(), Vec::new());
    for life in 0..soak.lives {
        let found = lived(&user, life, &soak);
        let (early, late) = found.split_at(found.len() / 2);
        let (early, late) = (most(early), most(late));
        println!("life {life}: {early:?}, then {late:?}");
        // The head may fill meanwhile: it is a third of the store's 24 MiB.
        assert!(late.memory_kib <= 24 << 10 && late.threads <= early.threads, "{early:?} {late:?}");
        assert!(late.files <= early.files + FILES_BETWEEN_MERGES, "{early:?} {late:?}");
        lives.push(late);
        user.ends(DONE, "check --store s");
        user.ends(DONE, "retain --store s --keep 100ms");
        user.ends(DONE, "compact --store s");
        sizes.push(walk(&user.path("s")));
    }
    let (first, last) = (lives[0], lives[lives.len() - 1]);
    assert!(last.threads <= first.threads, "{lives:?}");
    assert!(last.files <= first.files + FILES_BETWEEN_MERGES, "{lives:?}");
    assert!(last.memory_kib <= first.memory_kib + first.memory_kib / 4, "{lives:?}");
    let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
    println!("files and bytes, each with old samples dropped: {sizes:?}");
    assert!(last.0 <= first.0 + FILES_BETWEEN_MERGES && last.1 <= 2 * first.1, "{sizes:?}");
}

/// Files in a folder and below, and their bytes.
fn walk(folder: &std::path::Path) -> (usize, u64) {
    let mut sum = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let of = if entry.file_type().unwrap().is_dir() {
            walk(&entry.path())
        } else {
            (1, entry.metadata().unwrap().len())
        };
        sum = (sum.0 + of.0, sum.1 + of.1);
    }
    sum
}
