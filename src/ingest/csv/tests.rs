//! Whole tables through the importer.

use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::ingest::testing::Memory;
use crate::ingest::time::{TimeForm, TimeOptions};
use crate::model::Unit;

fn options(edit: impl FnOnce(&mut CsvOptions)) -> CsvOptions {
    let mut options = CsvOptions::default();
    edit(&mut options);
    options
}

fn rules(rules: &[&str]) -> CsvOptions {
    options(|o| o.columns = rules.iter().map(|rule| rule.parse().unwrap()).collect())
}

fn form(text: &str) -> CsvOptions {
    options(|o| o.time.form = Some(text.parse().unwrap()))
}

fn zone(text: &str) -> CsvOptions {
    options(|o| o.time.zone = Some(text.parse().unwrap()))
}

fn import(text: &[u8], options: &CsvOptions) -> Result<(Memory, ImportReport)> {
    let mut sink = Memory::default();
    let labels = [("file".to_owned(), "f".to_owned())];
    let report = import_csv(Source::new(&mut &*text, "f.csv", &labels), options, &mut sink)?;
    assert_eq!(report.samples, sink.groups.iter().map(|g| g.samples() as u64).sum::<u64>());
    Ok((sink, report))
}

#[track_caller]
fn samples(text: &str, options: &CsvOptions) -> Vec<String> {
    let (sink, report) = import(text.as_bytes(), options).unwrap();
    assert_eq!(report.problems, []);
    sink.print()
}

/// The one problem of a table.
#[track_caller]
fn problem(text: &[u8], options: &CsvOptions) -> String {
    let (_, report) = import(text, options).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    report.problems[0].to_string()
}

fn error(text: &[u8], options: &CsvOptions) -> String {
    let error: Error = import(text, options).unwrap_err();
    error.to_string()
}

#[test]
fn a_wide_table_as_bitbrains_writes_it() {
    let text = "Timestamp [ms];\tCPU cores;\tCPU usage [MHZ];\tCPU usage [%]\r\n\
                1372629804;\t2;\t87.7799835;\t1.5\r\n1372630104;\t2;\t;\tNaN\r\n";
    let (sink, report) = import(text.as_bytes(), &form("s")).unwrap();
    let expected = [
        "cpu_cores{file=\"f\"} @ 1372629804 = 2",
        "cpu_cores{file=\"f\"} @ 1372630104 = 2",
        "cpu_usage_mhz{file=\"f\"} @ 1372629804 = 87.7799835",
        "cpu_usage_percent{file=\"f\"} @ 1372629804 = 1.5",
    ];
    assert_eq!(sink.print(), expected);
    let units: Vec<_> = sink.series.iter().map(|s| s.1.as_ref().map(Unit::as_str)).collect();
    assert_eq!(units, [None, Some("MHZ"), Some("%")]);
    assert_eq!((report.lines, report.samples, report.missing, report.rejected), (2, 4, 2, 0));
    let error = error(text.as_bytes(), &CsvOptions::default());
    let start = "f.csv:2: the header \"Timestamp [ms]\" says ms, but \"1372629804\" is a time \
                 between 2000 and 2100 only in s; give the unit: --time-unit s";
    assert!(error.starts_with(start), "{error}");
}

#[test]
fn the_mapping_file_of_the_manual_does_what_it_says() {
    let manual = include_str!("../../../docs/import.md");
    let mapping = manual.split("```").find_map(|block| block.strip_prefix("toml\n")).unwrap();
    let options = CsvOptions::from_toml(mapping, "import.md").unwrap();
    let text = "Timestamp [ms];\tCPU cores;\tCPU capacity provisioned [MHZ];\tCPU usage [MHZ];\t\
                CPU usage [%];\tMemory usage [KB]\n1372629804;\t2;\t5851;\t87;\t1.5;\t1034592\n";
    let labels = r#"{file="f",provider="bitbrains"} @ 1372629804"#;
    let expected = [
        ("cpu_cores", 2),
        ("cpu_mhz_limit", 5_851),
        ("cpu_mhz", 87),
        ("memory_bytes", 1_034_592_000),
    ]
    .map(|(metric, value)| format!("{metric}{labels} = {value}"));
    assert_eq!(samples(text, &options), expected);
}

#[test]
fn threads_share_the_options() {
    let options = &rules(&["v=w"]);
    let read = |start: i64, options: &CsvOptions| {
        let rows: Vec<_> = (start..start + 100).map(|t| format!("{t},{t}")).collect();
        samples(&format!("time,v\n{}", rows.join("\n")), options).len()
    };
    let counts = std::thread::scope(|scope| {
        let threads =
            [1_400_000_000, 1_500_000_000].map(|start| scope.spawn(move || read(start, options)));
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(counts, [100, 100]);
}

#[test]
fn columns_become_metrics_and_labels() {
    let text = "time,host,rack,Memory [KB],note,used\n\
                1400000000,a,1,2,x,3\n1400000060,b,1,4,y,5\n1400000060,a,1,6,z,7\n";
    let rules = rules(&[
        "rack,label",
        "Memory [KB]=mem,scale=1000,unit=B",
        "note,drop",
        "used,unit=KB",
        "used=used_memory",
    ]);
    let (sink, _) = import(text.as_bytes(), &rules).unwrap();
    let expected = [
        "mem{file=\"f\",host=\"a\",rack=\"1\"} @ 1400000000 = 2000",
        "mem{file=\"f\",host=\"a\",rack=\"1\"} @ 1400000060 = 6000",
        "mem{file=\"f\",host=\"b\",rack=\"1\"} @ 1400000060 = 4000",
        "used_memory{file=\"f\",host=\"a\",rack=\"1\"} @ 1400000000 = 3",
        "used_memory{file=\"f\",host=\"a\",rack=\"1\"} @ 1400000060 = 7",
        "used_memory{file=\"f\",host=\"b\",rack=\"1\"} @ 1400000060 = 5",
    ];
    assert_eq!(sink.print(), expected);
    assert_eq!(sink.series[0].1, Some("B".parse().unwrap()));
    assert_eq!(sink.series[1].1, Some("KB".parse().unwrap()));
}

#[test]
fn a_long_table_by_names_and_by_rules() {
    let text = "value,metric,time,host,zone\n1,cpu,1400000000,a,z\n2,mem,1400000000,a,z\n\
                n/a,cpu,1400000060,a,z\n3,cpu,1400000060,b,\nup,state,1400000060,b,\n";
    let expected = [
        "cpu_pct{file=\"f\",host=\"a\",zone=\"z\"} @ 1400000000 = 10",
        "cpu_pct{file=\"f\",host=\"b\"} @ 1400000060 = 30",
        "mem{file=\"f\",host=\"a\",zone=\"z\"} @ 1400000000 = 2",
    ];
    let named = ["cpu=cpu_pct,unit=%,scale=10", "state,drop"];
    let (sink, report) = import(text.as_bytes(), &rules(&named)).unwrap();
    assert_eq!((sink.print(), report.missing), (expected.map(str::to_owned).to_vec(), 1));
    assert_eq!(sink.series[0].1, Some("%".parse().unwrap()));
    let other = text.replace("value,metric", "Reading,Sensor");
    let mut ruled = rules(&["Sensor,label=__name__", "Reading=value"]);
    ruled.columns.extend(rules(&named).columns);
    assert_eq!(samples(&other, &ruled), expected);
}

#[test]
fn times_in_every_form() {
    let at = |time: &str| format!("time,v\n{time},1\n");
    let seconds = |time: &str, options: &CsvOptions| {
        let line = samples(&at(time), options).remove(0);
        line.split(' ').nth(2).unwrap().to_owned()
    };
    let default = CsvOptions::default();
    for time in [
        "1400000000",
        "1400000000000",
        "1400000000000000",
        "1400000000000000000",
        "1400000000.000",
        "2014-05-13T16:53:20Z",
        "2014-05-13 18:53:20+02:00",
        "2014-05-13 16:53:20 UTC",
    ] {
        assert_eq!(seconds(time, &default), "1400000000", "{time}");
    }
    assert_eq!(seconds("2014-05-13 18:53:20", &zone("CET")), "1400000000");
    assert_eq!(seconds("2014-05-13T18:53:20", &zone("+02")), "1400000000");
    assert_eq!(seconds("2014-05-13T16:53:20Z", &zone("+02")), "1400000000");
    // A zone in the text counts, whatever the option says.
    for time in [
        "2014-05-13T18:53:20[Europe/Berlin]",
        "2014-05-13T18:53:20[+02:00]",
        "2014-05-13T18:53:20+02:00[Europe/Berlin]",
        "2014-05-13T16:53:20Z[Europe/Berlin]",
        "2014-05-13T16:53:20+00:00 UTC",
        "2014-05-13T16:53:20[UTC]",
        "2014-05-13T16:53:20Z[u-ca=iso8601]",
        "2014-05-13T18:53:20+02:00[u-ca=gregory]",
    ] {
        assert_eq!(seconds(time, &zone("America/New_York")), "1400000000", "{time}");
    }
    assert_eq!(seconds("2014-05-13", &zone("UTC")), "1399939200");
    assert_eq!(seconds("1500.25", &form("ms")), "1.50025");
    assert_eq!(seconds("-1", &form("s")), "-1");
    let pattern = |format: &str| {
        let time = TimeOptions { format: Some(format.into()), ..zone("+02:00").time };
        options(|o| o.time = time)
    };
    assert_eq!(seconds("13.05.2014 18:53:20", &pattern("%d.%m.%Y %H:%M:%S")), "1400000000");
    assert_eq!(seconds("2014/05/13", &pattern("%Y/%m/%d")), "1399932000");
    let named = "%Y-%m-%d %H:%M:%S %Q";
    assert_eq!(seconds("2014-05-13 12:53:20 America/New_York", &pattern(named)), "1400000000");
    assert_eq!(seconds("2014-05-13 12:53:20 -0400", &pattern(named)), "1400000000");
    assert_eq!(seconds("2014-05-13 12:53:20 -0400", &pattern("%F %T %z")), "1400000000");
    assert_eq!(samples("ts_ms;v\n1400000000000;1\n", &default).len(), 1);
    assert_eq!(samples(",v\n1400000000,1\n", &default).len(), 1, "an index of pandas");
}

#[test]
fn bytes_around_the_text_do_no_harm() {
    let text = "\u{FEFF}\r\n\"time\" | \"Disk, read\" | b |\r\n\r\n1400000000| \"1\" |2|\n\
                1400000060|3|4| |";
    let expected = [
        "b{file=\"f\"} @ 1400000000 = 2",
        "b{file=\"f\"} @ 1400000060 = 4",
        "disk_read{file=\"f\"} @ 1400000000 = 1",
        "disk_read{file=\"f\"} @ 1400000060 = 3",
    ];
    assert_eq!(samples(text, &CsvOptions::default()), expected);
    let comma = options(|o| o.decimal_comma = true);
    assert_eq!(samples("time;v\n1400000000;-1,5", &comma), ["v{file=\"f\"} @ 1400000000 = -1.5"]);
    assert_eq!(samples("time,v\n1400000000,\"1,5\"", &comma).len(), 1);
}

#[test]
fn of_rows_with_one_time_the_last_one_wins() {
    let text =
        "time,a,b\n1400000000,1,1\n1400000060,2,2\n1400000000,3,\n1400000060,,4\n1400000000,5,5\n";
    let expected =
        ["a @ 1400000000 = 5", "a @ 1400000060 = 2", "b @ 1400000000 = 5", "b @ 1400000060 = 4"]
            .map(|line| line.replacen(' ', "{file=\"f\"} ", 1));
    assert_eq!(samples(text, &CsvOptions::default()), expected);
}

#[test]
fn bad_lines_say_where_why_and_what_to_do() {
    let wide = |row: &str| format!("time,v,w\n1400000000,1,2\n{row}\n1400000060,3,4\n");
    for (row, start) in [
        ("1400000030,1", "f.csv:3: the row has 2 cells and the header 3"),
        ("1400000030,1,2,3", "f.csv:3: the row has 4 cells and the header 3"),
        ("1400000030,\"1,2", "f.csv:3: a quote does not close on its line; close"),
        ("1400000030,\"1\"x,2", "f.csv:3: text follows a closing quote; write"),
        (",1,2", "f.csv:3: the row has no time"),
        ("soon,1,2", "f.csv:3: the time \"soon\" does not read in s: write digits"),
        ("400000030,1,2", "f.csv:3: the time \"400000030\" is not between 2000 and 2100"),
        ("1400000030000,1,2", "f.csv:3: the time \"1400000030000\" does not read in s: outside"),
        ("1400000000.0000000001,1,2", "f.csv:3: the time \"1400000000.0000000001\" does not read"),
        ("99999999999999999999,1,2", "f.csv:3: the time \"99999999999999999999\" does not read"),
        (
            "1400000030,up,2",
            "f.csv:3: column \"v\": \"up\" is no number; if none of the column is, make it a label",
        ),
        ("1400000030,1,\"2,5\"", "f.csv:3: column \"w\": \"2,5\" has a comma; if it separates"),
        ("1400000030,1,1e999", "f.csv:3: column \"w\": \"1e999\" is no number"),
    ] {
        let (text, default) = (wide(row), CsvOptions::default());
        let found = problem(text.as_bytes(), &default);
        assert!(found.starts_with(start), "{found}");
        let (sink, report) = import(text.as_bytes(), &default).unwrap();
        assert_eq!((sink.by_id().len(), report.rejected, report.lines), (4, 1, 3), "{row}");
        let strict = options(|o| o.strict = true);
        assert_eq!(error(text.as_bytes(), &strict), found);
    }
    for text in ["time,v\n1400000000,10\n", "time,metric,value\n1400000000,v,10\n"] {
        let found = problem(text.as_bytes(), &rules(&["v=m,scale=1e308"]));
        assert!(found.contains("10 times the scale 1"), "{found}");
    }
    let longest = format!("time,v\n1400000000,1\n{}\n", "9".repeat(2 << 20));
    let found = problem(longest.as_bytes(), &CsvOptions::default());
    assert_eq!(found, "f.csv:3: the line is longer than 1 MiB");
}

#[test]
fn bad_labels_and_times_say_where_and_why() {
    let text = b"time,host,v\n1400000000,\xFF,1\n1400000000,a,1\n";
    let found = problem(text, &CsvOptions::default());
    assert_eq!(found, "f.csv:2: the label host is not UTF-8; convert the file (iconv)");
    let long = b"time,metric,value\n1400000000,,1\n1400000000,a,1\n";
    assert_eq!(problem(long, &CsvOptions::default()), "f.csv:2: \"\" is no name of a metric");
    let last = format!("time,v\n{},1\n1,2\n", i64::MAX);
    assert!(problem(last.as_bytes(), &form("ns")).contains("which is reserved"));
    let central = zone("CET");
    for time in ["2014-10-26 02:30:00", "2014-03-30 02:30:00"] {
        let text = format!("time,v\n2014-01-01 00:00:00,1\n{time},1\n");
        let found = problem(text.as_bytes(), &central);
        assert!(found.contains("occurs twice or never") && found.contains("UTC"), "{found}");
    }
    for (time, what) in [
        ("2014-05-13T12:00:00+02:00 UTC", "does not read as"),
        ("2014-05-13T12:00:00[Europe/Berlin] UTC", "does not read as"),
        ("2014-05-13T12:00:00+05:00[Europe/Berlin]", "with the offset of that zone or none"),
        ("2014-05-13T12:00:00[Europe/Atlantis]", "a time in a zone known here"),
        ("2014-10-26T02:30:00[Europe/Berlin]", "occurs twice or never"),
    ] {
        let text = format!("time,v\n2014-01-01T00:00:00Z,1\n{time},1\n");
        let found = problem(text.as_bytes(), &central);
        assert!(found.contains(what), "{time}: {found}");
    }
    let named = TimeOptions { format: Some("%F %T %Q".into()), ..TimeOptions::default() };
    let text = b"time,v\n2014-01-01 00:00:00 CET,1\n2014-10-26 02:30:00 CET,1\n";
    let found = problem(text, &options(|o| o.time = named));
    assert!(found.contains("occurs twice or never"), "{found}");
    let mixed = b"time,v\n2014-01-01T00:00:00Z,1\n2014-01-01 00:00:00,1\n2014-01-32,1\n";
    let (_, report) = import(mixed, &CsvOptions::default()).unwrap();
    assert!(report.problems[0].what.contains("has no zone; give it: --zone UTC"));
    assert!(report.problems[1].what.contains("another form needs --time-format"));
    assert_eq!(report.reasons, [(Reason::Time, 2)].into());
    let comma = options(|o| o.decimal_comma = true);
    assert!(problem(b"time;v\n1400000000;1.5\n", &comma).contains("has a point"));
}

#[test]
fn what_is_ambiguous_is_refused_as_a_whole() {
    let default = CsvOptions::default();
    for (text, options, part) in [
        ("", &default, "f.csv:1: the file is empty"),
        ("\n\n", &default, "f.csv:1: the file is empty"),
        ("time\n1\n", &default, "one column only"),
        ("time,a;b\n", &default, "as many of one delimiter as of another"),
        ("a,b\n", &default, "no column looks like the time; give it (--time-column)"),
        ("time,timestamp,v\n", &default, "both \"time\" and \"timestamp\""),
        ("time,v,v\n", &default, "columns 2 and 3 have the same header \"v\""),
        ("time,Cpu Use,cpu_use\n", &default, "would both be the metric \"cpu_use\""),
        ("time,host\n", &default, "no column is left for a metric"),
        ("time,file,v\n", &rules(&["file,label"]), "the label \"file\" is given twice"),
        ("time,x,v\n", &rules(&["x,label=__name__"]), "cannot be the name of a label"),
        (
            "time,v\n",
            &rules(&["w=cpu"]),
            "there is no column \"w\"; the header has \"time\", \"v\"",
        ),
        ("time,v\n", &options(|o| o.time.column = Some("t".into())), "no time column \"t\""),
        ("time,v\n", &options(|o| o.shape = Some(Shape::Long)), "needs a column metric"),
        ("time,metric,v\n", &options(|o| o.shape = Some(Shape::Long)), "needs a column value"),
        ("time,ts,v\n", &rules(&["ts,drop", "time,drop"]), "no column looks like the time"),
        (
            "time,v\n12345,1\n",
            &default,
            "f.csv:2: the time \"12345\" is between 2000 and 2100 in no",
        ),
        (
            "time,v\n2014-04-02 14:29:00,1\n",
            &default,
            "f.csv:2: the time \"2014-04-02 14:29:00\" has no zone",
        ),
        ("time,v\n2014-04-02 14:29:00,1\n", &form("text"), "has no zone; give it"),
    ] {
        let found = error(text.as_bytes(), options);
        assert!(found.contains(part), "{text:?}: {found}");
    }
    assert!(error(b"\xFF\xFEt\0i\0", &default).contains("UTF-16"));
    assert!(error(b"time,v\r1400000000,1\r", &default).contains("carriage return alone"));
    assert!(error(b"time,\xE9\n", &default).contains("not UTF-8 at byte 5"));
    let both = TimeOptions {
        format: Some("%Y".into()),
        form: Some("s".parse::<TimeForm>().unwrap()),
        ..TimeOptions::default()
    };
    assert!(error(b"time,v\n", &options(|o| o.time = both)).contains("give one"));
}

#[test]
fn columns_without_a_header_are_not_read_wherever_they_stand() {
    let expected = ["v{file=\"f\"} @ 1400000000 = 1", "v{file=\"f\"} @ 1400000060 = 2"];
    for text in [
        "time,v,\n1400000000,1,note\n1400000060,2,\n",
        "time,v,,\n1400000000,1,note,more\n1400000060,2\n",
        "time,,v,\n1400000000,x,1,y\n1400000060,,2,,,\n",
    ] {
        assert_eq!(samples(text, &CsvOptions::default()), expected, "{text}");
    }
    let found = problem(b"time,v,\n1400000000,1,note,2\n", &CsvOptions::default());
    assert_eq!(found, "f.csv:2: the row has 4 cells and the header 3");
    let found = problem(b"time,v,\n1400000000\n", &CsvOptions::default());
    assert_eq!(found, "f.csv:2: the row has 1 cells and the header 3");
}

#[test]
fn a_last_line_without_an_end_is_imported_and_noted() {
    let noted = |text: &str| {
        let (sink, report) = import(text.as_bytes(), &CsvOptions::default()).unwrap();
        assert_eq!(report.unended, report.notes.len() as u64);
        (sink.print().len(), report.notes.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let (count, notes) = noted("time,v\n1400000000,1\n1400000060,987");
    assert!(
        count == 2 && notes.len() == 1 && notes[0].starts_with("f.csv:3: the last"),
        "{notes:?}"
    );
    for text in ["time,v", "time,v\n1400000000,1\n", "time,v\n1400000000,1\n  ", "time,v\n1"] {
        assert_eq!(noted(text).1.len(), 0, "{text}");
    }
}

#[test]
fn rules_of_a_long_table_that_met_no_metric_are_reported() {
    let ruled = rules(&["cpu=c,scale=10", "mem,unit=KB", "state,drop", "gone,drop", "late=c"]);
    let read = |text: &str| import(text.as_bytes(), &ruled).unwrap().1;
    let first = read("time,metric,value\n1400000000,cpu,1\n1400000000,state,1\n");
    assert_eq!(first.unmet_rules, ["gone", "late", "mem"].map(str::to_owned).into());
    let mut all = ImportReport::default();
    all.merge(first);
    all.merge(read("time,metric,value\n1400000000,mem,\n1400000000,late,1\n"));
    assert_eq!(all.unmet_rules, ["gone".to_owned()].into());
}

#[test]
fn metrics_that_rules_make_one_are_one_series_in_which_the_later_line_wins() {
    let text = "time,metric,value\n1400000000,a,1\n1400000000,b,2\n1400000000,a,3\n\
                1400000060,b,4\n1400000060,a,5\n1400000060,b,6\n";
    let expected = ["c{file=\"f\"} @ 1400000000 = 3", "c{file=\"f\"} @ 1400000060 = 6"];
    assert_eq!(samples(text, &rules(&["a=c", "b=c"])), expected);
}

/// Imports one table after the other into one sink.
fn import_all(texts: &[&str], options: &CsvOptions) -> (Memory, Result<()>) {
    let mut sink = Memory::default();
    let outcome = texts.iter().enumerate().try_for_each(|(at, text)| {
        let (mut bytes, origin) = (text.as_bytes(), format!("{at}.csv"));
        import_csv(Source::new(&mut bytes, &origin, &[]), options, &mut sink).map(|_| ())
    });
    (sink, outcome)
}

#[test]
fn a_table_in_another_unit_is_refused_before_its_first_sample() {
    let kb = "time,Memory [KB]\n1400000000,1\n";
    for (second, what) in [
        (
            "\ntime,Memory [MB]\n1400000060,2\n",
            "1.csv:2: \"Memory [MB]\" is in MB, but the metric \"memory\" is in KB already; \
             convert it (--column 'Memory [MB]=memory,scale=1000,unit=KB'), or give the metric \
             another name (--column 'Memory [MB]=NAME')",
        ),
        (
            "time,Memory [MHz]\n1400000060,2\n",
            "1.csv:1: \"Memory [MHz]\" is in MHz, but the metric \"memory\" is in KB already; the \
             two measure different things: give the metric another name (--column",
        ),
    ] {
        let (sink, outcome) = import_all(&[kb, second], &CsvOptions::default());
        let found = outcome.unwrap_err().to_string();
        assert!(found.starts_with(what), "{found}");
        assert_eq!(sink.print(), ["memory @ 1400000000 = 1"]);
    }
    // The remedy mends it.
    let mended = rules(&["Memory [MB]=memory,scale=1000,unit=KB"]);
    let (mut sink, _) = import_all(&[kb], &CsvOptions::default());
    let mut bytes = &b"time,Memory [MB]\n1400000060,2\n"[..];
    import_csv(Source::new(&mut bytes, "1.csv", &[]), &mended, &mut sink).unwrap();
    assert_eq!(sink.print(), ["memory @ 1400000000 = 1", "memory @ 1400000060 = 2000"]);
}

#[test]
fn the_header_of_the_values_says_the_unit_of_metrics_without_a_rule() {
    let text = "time,metric,value [MB]\n1400000000,disk,1\n1400000000,memory,2\n\
                1400000000,cpu,3\n1400000000,swap,4\n";
    let ruled = rules(&["memory,scale=1000", "cpu,unit=%", "swap=free_swap"]);
    let sink = import(text.as_bytes(), &ruled).unwrap().0;
    let units = ["disk", "memory", "cpu", "free_swap"].map(|metric| sink.unit(metric));
    let [mb, percent] = ["MB", "%"].map(|unit| Some(unit.parse().unwrap()));
    assert_eq!(units, [mb.clone(), None, percent, mb]);
    // A metric that is in another unit already is left out, line by line.
    let mut sink = import_all(&["time,memory [KB]\n1400000000,1\n"], &CsvOptions::default()).0;
    let mut bytes = text.as_bytes();
    let source = Source::new(&mut bytes, "l.csv", &[]);
    let report = import_csv(source, &CsvOptions::default(), &mut sink).unwrap();
    assert_eq!((report.samples, report.rejected), (3, 1));
    let what = "\"memory\" is in MB, but the metric \"memory\" is in KB already; convert it \
                (--column 'memory=memory,scale=1000,unit=KB')";
    assert!(report.problems[0].what.starts_with(what), "{:?}", report.problems);
}

#[test]
fn units_that_agree_or_were_not_known_are_no_conflict() {
    let [plain, kb, other] = ["memory", "memory [KB]", "Memory [kB]"]
        .map(|header| format!("time,{header}\n1400000000,1\n"));
    for texts in [[&*kb, &*other], [&*kb, &*plain], [&*plain, &*kb]] {
        import_all(&texts, &CsvOptions::default()).1.unwrap();
    }
}

#[test]
fn a_long_table_in_another_unit_is_refused_before_its_first_sample() {
    let long = "time,metric,value\n1400000000,free,1\n1400000000,memory,2\n";
    let mut sink = import_all(&["time,memory [KB]\n1400000000,1\n"], &CsvOptions::default()).0;
    let mut bytes = long.as_bytes();
    let source = Source::new(&mut bytes, "l.csv", &[]);
    let found = import_csv(source, &rules(&["memory,scale=2,unit=MB"]), &mut sink).unwrap_err();
    let what = "l.csv:1: \"memory\" is in MB, but the metric \"memory\" is in KB already; convert \
                it (--column 'memory=memory,scale=2000,unit=KB')";
    assert!(found.to_string().starts_with(what), "{found}");
    assert_eq!(sink.series.len(), 1);
    let two = rules(&["memory=m,unit=MB", "free=m,unit=KB"]);
    let found = error(long.as_bytes(), &two);
    assert!(found.contains("\"free\" is in KB, but the metric \"m\" is in MB already"), "{found}");
}

/// Rows of a table: seconds and cells.
type Numbers = Vec<(i64, Vec<Option<f64>>)>;

/// A table, whether it is wide, whether all is quoted, and the delimiter.
fn tables() -> impl Strategy<Value = (Numbers, bool, bool, u8)> {
    let value = prop_oneof![
        3 => any::<i16>().prop_map(|v| Some(f64::from(v) / 8.0)),
        1 => any::<f64>().prop_map(|v| Some(v).filter(|v| !v.is_nan())),
        1 => Just(None),
    ];
    let row = (946_684_800_i64..4_102_444_800, proptest::collection::vec(value, 4));
    let delimiter = proptest::sample::select(vec![b',', b';', b'\t', b'|']);
    (proptest::collection::vec(row, 0..40), any::<bool>(), any::<bool>(), delimiter)
}

proptest! {
    #[test]
    fn generated_tables_come_back((rows, wide, quoted, delimiter) in tables()) {
        let style = if quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut writer =
            csv::WriterBuilder::new().delimiter(delimiter).quote_style(style).from_writer(vec![]);
        let header: &[&str] =
            if wide { &["time", "m0", "m1", "m2", "m3"] } else { &["time", "metric", "value"] };
        writer.write_record(header).unwrap();
        let mut expected = std::collections::BTreeMap::new();
        for (time, cells) in &rows {
            let text = |cell: &Option<f64>| cell.map(|v| v.to_string()).unwrap_or_default();
            let time_text = time.to_string();
            if wide {
                let cells = cells.iter().map(text);
                writer.write_record(std::iter::once(time_text.clone()).chain(cells)).unwrap();
            }
            for (c, cell) in cells.iter().enumerate() {
                let metric = format!("m{c}");
                if !wide {
                    writer.write_record([&time_text, &metric, &text(cell)]).unwrap();
                }
                if let Some(value) = cell {
                    let key = (format!("{metric}{{file=\"f\"}}"), time * 1_000_000_000);
                    expected.insert(key, value.to_bits());
                }
            }
        }
        let text = writer.into_inner().unwrap();
        let (sink, report) = import(&text, &CsvOptions::default()).unwrap();
        prop_assert_eq!(report.problems, vec![]);
        prop_assert_eq!(sink.samples(), expected);
    }

    #[test]
    fn any_bytes_are_imported_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        text in "(time|metric|value|host|v|,|;|\"|\n|1400000000|1,5|-|2014-01-01T00:00Z|é){0,40}",
    ) {
        for options in [CsvOptions::default(), options(|o| o.decimal_comma = true), form("ns")] {
            let _ = import(&bytes, &options);
            let _ = import(text.as_bytes(), &options);
            let table = [b"time,host,v\n".as_slice(), &bytes].concat();
            let _ = import(&table, &options);
        }
    }
}
