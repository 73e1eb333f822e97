//! Promises of the recorder, held against a made-up machine.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::*;
use crate::model::{Group, SeriesId, Unit};

/// A machine made of texts.
#[derive(Debug, Default)]
struct Texts {
    files: BTreeMap<String, String>,
    spaces: BTreeMap<String, Space>,
}

impl Texts {
    fn set(&mut self, path: &str, text: &str) {
        self.files.insert(path.to_owned(), text.to_owned());
    }

    /// A machine with two cores, a disk with two partitions, a network card, and much that does
    /// not count.
    fn small_server() -> Self {
        let mut texts = Self::default();
        texts.set("/proc/stat", "cpu  100 0 50 1000 20 0 0 0 0 0\ncpu0 1\ncpu1 1\nintr 5\n");
        texts.set(
            "/proc/meminfo",
            "MemTotal: 1000 kB\nMemFree: 300 kB\nMemAvailable: 600 kB\nBuffers: 10 kB\n\
             Cached: 200 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        );
        texts.set(
            "/proc/mounts",
            "/dev/sda1 / ext4 rw 0 0\n/dev/sda2 /data xfs rw 0 0\ntmpfs /run tmpfs rw 0 0\n",
        );
        let line = |name: &str| format!("8 0 {name} 10 0 100 7 20 0 200 8 0 9 15\n");
        let disks = ["sda", "sda1", "loop0", "dm-0", "sr0"].map(line);
        texts.set("/proc/diskstats", &disks.concat());
        texts.set("/sys/block/sda/device", "");
        texts.set("/sys/block/sda/size", "4096\n");
        texts.set("/sys/block/sr0/device", "");
        texts.set("/sys/block/sr0/size", "0\n");
        texts.network(1_000, 2_000);
        for (file, text) in [("device", ""), ("speed", "1000\n"), ("operstate", "up\n")] {
            texts.set(&format!("/sys/class/net/eth0/{file}"), text);
        }
        let space = |size, free, available| Space { size, free, available };
        texts.spaces.insert("/".to_owned(), space(1_000, 600, 550));
        texts.spaces.insert("/data".to_owned(), space(8_000, 8_000, 8_000));
        texts
    }

    fn network(&mut self, received: u64, sent: u64) {
        let line =
            |name: &str| format!("  {name}: {received} 11 1 2 0 0 0 0 {sent} 12 3 4 0 0 0 0\n");
        let lines = ["lo", "eth0", "docker0", "veth12ab"].map(line).concat();
        self.set("/proc/net/dev", &format!("Inter-|\n face |\n{lines}"));
    }
}

impl Machine for Texts {
    fn read(&mut self, path: &str, text: &mut String) -> io::Result<()> {
        let found = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        text.push_str(found);
        Ok(())
    }

    fn exists(&mut self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    fn space(&mut self, point: &str) -> io::Result<Space> {
        self.spaces.get(point).copied().ok_or_else(|| io::ErrorKind::PermissionDenied.into())
    }
}

/// Keeps the last group as `labels = value`.
#[derive(Debug, Default)]
struct Memory {
    series: Vec<(Labels, Unit)>,
    last: BTreeMap<String, f64>,
    times: Vec<i64>,
    groups: usize,
}

impl Sink for Memory {
    fn series(&mut self, labels: &Labels, unit: Option<&Unit>) -> Result<SeriesId> {
        let at = self.series.iter().position(|s| s.0 == *labels).unwrap_or(self.series.len());
        if at == self.series.len() {
            self.series.push((labels.clone(), unit.unwrap().clone()));
        }
        Ok(SeriesId(at as u32))
    }

    fn group(&mut self, group: &Group) -> Result<()> {
        group.check()?;
        self.groups += 1;
        self.times.clone_from(&group.times);
        let named = group
            .series
            .iter()
            .zip(&group.values)
            .map(|(id, value)| (self.series[id.0 as usize].0.to_string(), *value));
        self.last = named.collect();
        assert_eq!(self.last.len(), group.series.len(), "a series twice in one group");
        Ok(())
    }
}

impl Memory {
    #[track_caller]
    fn value(&self, series: &str) -> f64 {
        *self.last.get(series).unwrap_or_else(|| panic!("no {series} in {:#?}", self.last))
    }

    fn has(&self, metric: &str) -> bool {
        self.last.keys().any(|series| series.starts_with(&format!("{metric}{{")))
    }
}

struct Scene {
    texts: Texts,
    recorder: Recorder,
    memory: Memory,
    now: Moment,
}

impl Scene {
    fn new(texts: Texts) -> Self {
        let recorder = Recorder::new("web-1", 100).unwrap();
        let now = Moment { at: Timestamp::from_seconds(0), elapsed: Duration::ZERO };
        Self { texts, recorder, memory: Memory::default(), now }
    }

    /// Scrapes `seconds` after the last time.
    fn scrape(&mut self, seconds: f64) -> Scraped {
        self.now.elapsed += Duration::from_secs_f64(seconds);
        self.now.at = Timestamp::from_nanos(self.now.at.nanos() + (seconds * 1e9) as i64);
        self.recorder.scrape(&mut self.texts, self.now, &mut self.memory).unwrap()
    }
}

#[test]
fn the_first_scrape_has_levels_totals_and_limits_of_what_counts() {
    let mut scene = Scene::new(Texts::small_server());
    let scraped = scene.scrape(5.0);
    assert_eq!(scraped.troubles, Vec::<String>::new());
    assert_eq!((scraped.samples, scene.memory.groups), (scene.memory.last.len(), 1));
    assert_eq!(scene.memory.times, [5_000_000_000]);
    for (series, value) in [
        (r#"cpu_capacity{host="web-1"}"#, 2.0),
        (r#"cpu_seconds_total{host="web-1",state="idle"}"#, 10.0),
        (r#"cpu_seconds_total{host="web-1",state="steal"}"#, 0.0),
        (r#"memory_used_bytes{host="web-1"}"#, 400.0 * 1_024.0),
        (r#"memory_size_bytes{host="web-1"}"#, 1_000.0 * 1_024.0),
        (r#"disk_used_bytes{host="web-1",mountpoint="/"}"#, 400.0),
        (r#"disk_size_bytes{host="web-1",mountpoint="/"}"#, 950.0),
        (r#"disk_size_bytes{host="web-1",mountpoint="/data"}"#, 8_000.0),
        (r#"disk_device_size_bytes{device="sda",host="web-1"}"#, 4_096.0 * 512.0),
        (r#"disk_read_bytes_total{device="sda",host="web-1"}"#, 51_200.0),
        (r#"disk_write_time_seconds_total{device="sda",host="web-1"}"#, 0.008),
        (r#"disk_io_time_seconds_total{device="sda",host="web-1"}"#, 0.009),
        (r#"network_receive_bytes_total{device="eth0",host="web-1"}"#, 1_000.0),
        (r#"network_transmit_drops_total{device="eth0",host="web-1"}"#, 4.0),
        (r#"network_transmit_capacity{device="eth0",host="web-1"}"#, 125e6),
    ] {
        assert_eq!(scene.memory.value(series), value, "{series}");
    }
    for other in ["loop0", "dm-0", "sda1", "sr0", "\"lo\"", "docker0", "veth", "/run", "swap"] {
        let found = scene.memory.last.keys().find(|series| series.contains(other));
        assert_eq!(found, None, "{other} does not count");
    }
    assert!(!scene.memory.has("cpu_usage") && !scene.memory.has("network_receive_usage"));
}

#[test]
fn levels_are_worked_out_by_the_monotonic_clock() {
    let mut scene = Scene::new(Texts::small_server());
    scene.scrape(0.0);
    scene.texts.network(6_000, 2_000);
    scene.texts.set("/proc/stat", "cpu  150 0 75 1325 20 0 0 0\ncpu0 1\ncpu1 1\n");
    // The wall clock is set back by an hour meanwhile.
    scene.now.at = Timestamp::from_seconds(-3_600);
    scene.scrape(2.0);
    let value = |series: &str| scene.memory.value(series);
    assert_eq!(value(r#"network_receive_usage{device="eth0",host="web-1"}"#), 2_500.0);
    assert_eq!(value(r#"network_transmit_usage{device="eth0",host="web-1"}"#), 0.0);
    // 75 of 400 ticks, two cores.
    assert_eq!(value(r#"cpu_usage{host="web-1"}"#), 0.375);
    assert_eq!(scene.memory.times, [-3_598_000_000_000]);
    // The interface begins anew: a total, and no use.
    scene.texts.network(10, 10);
    scene.scrape(2.0);
    assert!(!scene.memory.has("network_receive_usage"));
    assert_eq!(
        scene.memory.value(r#"network_receive_bytes_total{device="eth0",host="web-1"}"#),
        10.0
    );
    // No time between two readings: no rate either.
    scene.texts.network(20, 20);
    scene.scrape(0.0);
    assert!(!scene.memory.has("network_receive_usage"));
}

#[test]
fn a_total_of_processor_time_falls_only_where_a_processor_went() {
    let mut scene = Scene::new(Texts::small_server());
    let mut waited = |iowait: u64| {
        let text = format!("cpu  100 0 50 1000 {iowait} 0 0 0\ncpu0 1\n");
        scene.texts.set("/proc/stat", &text);
        scene.scrape(1.0);
        scene.memory.value(r#"cpu_seconds_total{host="web-1",state="iowait"}"#)
    };
    assert_eq!(waited(9_000), 90.0);
    assert_eq!(waited(8_990), 90.0, "held");
    assert_eq!(waited(8_995), 90.0, "held");
    assert_eq!(waited(9_010), 90.1);
    assert_eq!(waited(500), 5.0, "a processor was taken out");
}

#[test]
fn what_cannot_be_read_is_said_once_and_the_rest_goes_on() {
    let mut texts = Texts::small_server();
    texts.files.remove("/proc/diskstats");
    texts.spaces.remove("/data");
    texts.set("/proc/net/dev", "Inter-|\n face |\n  eth0: 1 2 3\n  eth0: 4 5 6\n");
    texts.set("/proc/stat", "cpu  1 2\n");
    let mut scene = Scene::new(texts);
    let scraped = scene.scrape(1.0);
    let expected = [
        "/proc/stat: it has no line of all processors; left out",
        "/data: cannot ask for its space (permission denied); left out",
        "/proc/diskstats: cannot read it (entity not found); left out",
        "/proc/net/dev: line 3 is odd (\"  eth0: 1 2 3\"); left out",
    ];
    assert_eq!(scraped.troubles, expected);
    assert_eq!(scene.memory.value(r#"disk_used_bytes{host="web-1",mountpoint="/"}"#), 400.0);
    assert!(scene.memory.has("memory_used_bytes"));
    assert_eq!(scene.scrape(1.0).troubles, Vec::<String>::new(), "said already");

    let mut nothing = Scene::new(Texts::default());
    let scraped = nothing.scrape(1.0);
    assert_eq!((scraped.samples, scraped.troubles.len(), nothing.memory.groups), (0, 5, 0));
}

#[test]
fn devices_come_and_go() {
    let mut scene = Scene::new(Texts::small_server());
    scene.scrape(1.0);
    let disks = scene.texts.files["/proc/diskstats"].clone();
    scene.texts.set("/proc/diskstats", &format!("{disks}8 16 sdb 1 0 1 1 1 0 1 1 0 1 1\n"));
    scene.texts.set("/sys/block/sdb/device", "");
    scene.texts.set("/sys/block/sdb/size", "8\n");
    scene.scrape(1.0);
    assert_eq!(scene.memory.value(r#"disk_reads_completed_total{device="sdb",host="web-1"}"#), 1.0);

    // A thousand disks, one after the other: the recorder remembers only what is there.
    for n in 0..1_000 {
        let line = format!("8 16 sd{n}x 1 0 1 1 1 0 1 1 0 1 1\n");
        scene.texts.set("/proc/diskstats", &line);
        scene.texts.set(&format!("/sys/block/sd{n}x/device"), "");
        scene.texts.set(&format!("/sys/block/sd{n}x/size"), "8\n");
        scene.scrape(1.0);
    }
    assert_eq!(scene.recorder.collector.known_series(), scene.memory.last.len());

    // A line twice, as no kernel writes it: the sink has asserted that no series comes twice.
    scene.texts.set("/proc/diskstats", &disks.repeat(2));
    assert_eq!(scene.scrape(1.0).troubles, Vec::<String>::new());
}

#[test]
fn links_count_once_and_without_a_speed_there_is_no_capacity() {
    let mut texts = Texts::small_server();
    texts.set("/sys/class/net/eth0/speed", "-1\n");
    let mut scene = Scene::new(texts);
    scene.scrape(1.0);
    scene.scrape(1.0);
    assert!(!scene.memory.has("network_receive_capacity"));
    assert!(scene.memory.has("network_receive_usage"), "traffic still counts");

    // A virtual function under a synthetic card, as some clouds have it.
    scene.texts.set("/sys/class/net/veth12ab/device", "");
    scene.texts.set("/sys/class/net/veth12ab/master/device", "");
    scene.scrape(1.0);
    assert!(!scene.memory.last.keys().any(|series| series.contains("veth12ab")));

    // A container has no device, only its end of a pair.
    scene.texts.files.retain(|path, _| !path.contains("/device") || path.contains("block"));
    scene.texts.set("/sys/class/net/eth0/ifindex", "2\n");
    scene.texts.set("/sys/class/net/eth0/iflink", "9\n");
    scene.texts.set("/sys/class/net/lo/ifindex", "1\n");
    scene.texts.set("/sys/class/net/lo/iflink", "1\n");
    scene.scrape(1.0);
    assert!(
        scene
            .memory
            .last
            .contains_key(r#"network_receive_bytes_total{device="eth0",host="web-1"}"#)
    );
    assert!(!scene.memory.last.keys().any(|series| series.contains("\"lo\"")));
}

#[test]
fn a_container_that_holds_containers_counts_its_way_out_only() {
    let mut texts = Texts::small_server();
    texts.files.retain(|path, _| !path.contains("/device") || path.contains("block"));
    let line = |name: &str| format!("  {name}: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n");
    let names = ["lo", "eth0", "docker0", "veth1", "veth2"];
    texts.set("/proc/net/dev", &format!("Inter-|\n face |\n{}", names.map(line).concat()));
    for (name, index, peer) in
        [("lo", 1, 1), ("eth0", 2, 9), ("docker0", 3, 3), ("veth1", 4, 2), ("veth2", 6, 2)]
    {
        texts.set(&format!("/sys/class/net/{name}/ifindex"), &format!("{index}\n"));
        texts.set(&format!("/sys/class/net/{name}/iflink"), &format!("{peer}\n"));
        texts.set(&format!("/sys/class/net/{name}/speed"), "10000\n");
        texts.set(&format!("/sys/class/net/{name}/operstate"), "up\n");
    }
    texts.set("/sys/class/net/veth1/master", "");
    let mut scene = Scene::new(texts);
    let counted = |scene: &mut Scene| -> Vec<String> {
        scene.scrape(1.0);
        assert!(!scene.memory.has("network_receive_capacity"), "a constant of the driver");
        let totals = scene.memory.last.keys();
        let totals = totals.filter_map(|s| s.strip_prefix("network_receive_bytes_total{device="));
        totals.filter_map(|s| s.split('"').nth(1)).map(ToOwned::to_owned).collect()
    };
    // Without a route only a bridge tells which ones are inner ones.
    assert_eq!(counted(&mut scene), ["eth0", "veth2"]);
    let heading = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n";
    let route = "eth0 00000000 010011AC 0003 0 0 0 00000000 0 0 0\n\
                 docker0 000012AC 00000000 0001 0 0 0 0000FFFF 0 0 0\n";
    scene.texts.set("/proc/net/route", &format!("{heading}{route}"));
    assert_eq!(counted(&mut scene), ["eth0"]);
    scene.texts.set("/proc/net/route", heading);
    let zeros = "0".repeat(32);
    let route = format!("{zeros} 00 {zeros} 00 {zeros} 400 1 0 00000003 veth2\n");
    scene.texts.set("/proc/net/ipv6_route", &route);
    assert_eq!(counted(&mut scene), ["veth2"]);
}

#[test]
fn odd_text_of_any_kind_is_no_reason_to_stop() {
    use proptest::prelude::*;
    let paths = ["/proc/stat", "/proc/meminfo", "/proc/mounts", "/proc/diskstats", "/proc/net/dev"];
    let whole = Texts::small_server();
    let word = prop::sample::select(vec![
        "cpu ",
        "cpu0 ",
        "MemTotal:",
        " 12 kB",
        "sda ",
        "eth0:",
        "18446744073709551615 ",
        "-1 ",
        "\n",
        "\\040",
        "/ ",
        "/dev/x ",
        "ext4 ",
        "rw ",
        "ä",
        "\0",
        "0 ",
        "9e9 ",
    ]);
    proptest!(|(
        at in 0..paths.len(), cut in 0_usize..400, words in prop::collection::vec(word, 0..40),
    )| {
        let mut scene = Scene::new(Texts::small_server());
        scene.scrape(1.0);
        let text = &whole.files[paths[at]];
        let kept: String = text.chars().take(cut).collect();
        scene.texts.set(paths[at], &(kept + &words.concat()));
        scene.scrape(1.0);
        prop_assert!(scene.scrape(1.0).troubles.is_empty(), "said twice");
    });
}

#[test]
fn a_host_needs_a_name() {
    for name in ["", " ", "\n", &"x".repeat(5_000)] {
        assert!(Recorder::new(name, 100).is_err(), "{name:?}");
    }
}
