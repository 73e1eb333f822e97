//! Whole files through the importer.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::ingest::testing::Memory;

/// Timestamps of any year.
fn nanos() -> InfluxOptions {
    InfluxOptions { precision: Some(TimeUnit::Nanoseconds), ..InfluxOptions::default() }
}

fn import(text: &[u8], options: &InfluxOptions) -> Result<(Memory, ImportReport)> {
    let mut sink = Memory::default();
    let report = import_influx(Source::new(&mut &*text, "f.lp", &[]), options, &mut sink)?;
    assert_eq!(report.samples, sink.groups.iter().map(|g| g.samples() as u64).sum::<u64>());
    Ok((sink, report))
}

#[test]
fn fields_of_every_type() {
    let text = r#"
# a comment
cpu,host=a,zone=z user=58i,idle=2.5,up=true,note="a, b = \"c\" ",left=7u,odd=NaN 1000000000
cpu,zone=z,host=a idle=3e2,user=-1i 2000000000
m\,x\ y,t\=a\ g=v\,1\\ f\ 1=F -5000000000
"#;
    let (sink, report) = import(text.as_bytes(), &nanos()).unwrap();
    assert_eq!(report.problems, []);
    let expected = [
        r#"cpu_idle{host="a",zone="z"} @ 1 = 2.5"#,
        r#"cpu_idle{host="a",zone="z"} @ 2 = 300"#,
        r#"cpu_left{host="a",zone="z"} @ 1 = 7"#,
        r#"cpu_up{host="a",zone="z"} @ 1 = 1"#,
        r#"cpu_user{host="a",zone="z"} @ 1 = 58"#,
        r#"cpu_user{host="a",zone="z"} @ 2 = -1"#,
        r#"m,x y_f 1{t=a g="v,1\\\\"} @ -5 = 0"#,
    ];
    assert_eq!(sink.print(), expected);
    assert_eq!((report.lines, report.samples), (3, 7));
    assert_eq!((report.skipped_fields, report.missing), (1, 1));
}

#[test]
fn precision_and_labels_of_the_file() {
    let options = InfluxOptions {
        precision: Some(TimeUnit::Milliseconds),
        labels: vec![("site".into(), "ams".into())],
        strict: false,
    };
    let (sink, _) = import(b"m a=1 1500\r\nm a=2 2500", &options).unwrap();
    assert_eq!(sink.print(), ["m_a{site=\"ams\"} @ 1.5 = 1", "m_a{site=\"ams\"} @ 2.5 = 2"]);
    let (_, report) = import(b"m,site=b a=1 1500\n", &options).unwrap();
    assert_eq!(report.problems[0].to_string(), "f.lp:1: label \"site\" is given twice");
}

#[test]
fn bad_lines_say_where_why_and_what_to_do() {
    let past = format!("m a=1 {}", i64::MAX);
    for (line, part) in [
        ("m", "has no fields; write measurement"),
        ("m 12", "\"12\" is not of the form name=value"),
        ("m a=1", "has no timestamp; write one"),
        ("m a=1 ", "has no timestamp; write one"),
        ("m a=1 soon", "\"soon\" is no whole number; blanks in names need a backslash"),
        ("m a=1 1.5", "is no whole number"),
        ("m a=1 1 2", "is no whole number"),
        ("m a=1 99999999999999999999", "is outside 1678 to 2262 in ns; see --precision"),
        (&past, "which is reserved"),
        (",t=a a=1 1", "has no measurement"),
        ("m,t a=1 1", "the tag \"t\" is not of the form"),
        ("m,t= a=1 1", "the tag \"t=\" is not of the form"),
        ("m,t=a,t=b a=1 1", "label \"t\" is given twice"),
        ("m a 1", "\"a\" is not of the form name=value"),
        ("m =1 1", "\"\" is not of the form name=value"),
        (
            "m a=,b=1 1",
            "the field \"a\" is \"\", which is no number; text belongs in double quotes",
        ),
        ("m a=1x 1", "the field \"a\" is \"1x\""),
        ("m a=1.5i 1", "the field \"a\" is \"1.5i\""),
        ("m a=-1u 1", "the field \"a\" is \"-1u\""),
        ("m a=i 1", "the field \"a\" is \"i\""),
        ("m a=null 1", "the field \"a\" is \"null\""),
        ("m a=talse 1", "the field \"a\" is \"talse\""),
        ("m a=\"x 1", "does not close on its line"),
        ("m a=\"x\"y 1", "follows the closing quote of \"a\""),
        ("m a=1,a=2 1", "has a field twice; keep one"),
        ("good c=1,b=3,c=2 1", "has a field twice; keep one"),
        ("good new=1,b=x 1", "the field \"b\" is \"x\", which is no number"),
        ("good new=1", "has no timestamp"),
        ("m a=1, 1", "is not of the form name=value"),
    ] {
        let text = format!("good b=1,c=2 1\n{line}\ngood b=2,c=4 2\n");
        let options = nanos();
        let (sink, report) = import(text.as_bytes(), &options).unwrap();
        assert_eq!((report.samples, report.lines, report.rejected), (4, 3, 1), "{line}");
        let found = report.problems[0].to_string();
        assert!(found.starts_with("f.lp:2: ") && found.contains(part), "{line}: {found}");
        let made = sink.series.len() - 2;
        assert!(made == 0 || line.contains("a=1,a=2"), "{line} made a series");
        let strict = InfluxOptions { strict: true, ..options };
        assert_eq!(import(text.as_bytes(), &strict).unwrap_err().to_string(), found);
    }
    let (_, report) = import(b"m,t=\xFF a=1 1\n", &nanos()).unwrap();
    assert_eq!(report.reasons, [(Reason::Encoding, 1)].into());
}

#[test]
fn a_file_of_another_precision_is_refused_with_the_remedy() {
    let default = InfluxOptions::default();
    for (time, what) in [
        (
            "1451606400",
            "line protocol is in ns unless its writer was told otherwise, but \"1451606400\" is a \
             time between 2000 and 2100 only in s; give the precision: --precision s (or ns)",
        ),
        ("1451606400000", "only in ms; give the precision: --precision ms (or ns)"),
        ("7", "\"7\" is between 2000 and 2100 in no unit, so its unit cannot be told; give the"),
        ("-1451606400000000000", "in no unit, so its unit cannot be told; give the precision"),
    ] {
        let text = format!("# cpu\ncpu u=1 {time}\ncpu u=1 1451606400000000000\n");
        let error = import(text.as_bytes(), &default).unwrap_err().to_string();
        assert!(error.starts_with("f.lp:2: ") && error.contains(what), "{error}");
        let later = format!("cpu u=1 1451606400000000000\ncpu u=2 {time}\n");
        let (sink, report) = import(later.as_bytes(), &default).unwrap();
        assert_eq!(sink.print(), ["cpu_u @ 1451606400 = 1"]);
        let what = format!(
            "f.lp:2: the timestamp \"{time}\" is not between 2000 and 2100 in ns; if it is right, \
             give the precision (--precision ns)"
        );
        assert_eq!(report.problems[0].to_string(), what);
        assert_eq!(import(text.as_bytes(), &nanos()).unwrap().1.rejected, 0, "as it was told");
    }
}

#[test]
fn a_last_line_without_an_end_is_imported_and_noted() {
    let (sink, report) = import(b"m a=1 1\nm a=2 2", &nanos()).unwrap();
    assert_eq!(sink.print().len(), 2);
    let note = report.notes[0].to_string();
    assert!(note.starts_with("f.lp:2: the last line has no line end"), "{note}");
    assert_eq!((report.unended, report.rejected), (1, 0));
    for text in ["m a=1 1\n", "m a=1 1\n# a comment", "m a=1 1\nm a"] {
        assert_eq!(import(text.as_bytes(), &nanos()).unwrap().1.unended, 0, "{text}");
    }
}

#[test]
fn measurement_and_field_of_another_name_are_not_made_one_series() {
    let text = "disk,host=a used_percent=50 1\ndisk_used,host=a percent=7 1\n\
                disk_used,host=b percent=8 1\ndisk_used,host=a percent=9 2\n";
    let (sink, report) = import(text.as_bytes(), &nanos()).unwrap();
    let expected = [
        r#"disk_used_percent{host="a"} @ 0.000000001 = 50"#,
        r#"disk_used_percent{host="b"} @ 0.000000001 = 8"#,
    ];
    assert_eq!(sink.print(), expected);
    assert_eq!((report.rejected, report.reasons), (2, [(Reason::Label, 2)].into()));
    assert_eq!(
        report.problems[1].to_string(),
        "f.lp:4: another measurement and field are the series disk_used_percent{host=\"a\"} since \
         line 1; rename one of the two in the export, or leave it out"
    );
}

proptest! {
    /// Lines of a few hosts, their fields in any order and number: the last line wins.
    #[test]
    fn generated_lines_come_back(
        lines in proptest::collection::vec(
            (0_usize..3, any::<bool>(), 1_u32..32, 0_i64..9, any::<i32>(), any::<bool>()), 0..80
        )
    ) {
        let mut text = String::new();
        let mut expected = std::collections::BTreeMap::new();
        for (host, swapped, mask, time, value, reversed) in lines {
            let tags = if swapped { format!("z=1,h={host}") } else { format!("h={host},z=1") };
            let mut names: Vec<_> = (0..5).filter(|f| mask >> f & 1 == 1).collect();
            if reversed {
                names.reverse();
            }
            let value = f64::from(value) / 7.0;
            let fields: Vec<_> = names.iter().map(|f| format!("f{f}={value}")).collect();
            writeln!(text, "m,{tags} {} {time}", fields.join(",")).unwrap();
            for f in names {
                let key = (format!("m_f{f}{{h=\"{host}\",z=\"1\"}}"), time);
                expected.insert(key, value.to_bits());
            }
        }
        let (sink, report) = import(text.as_bytes(), &nanos()).unwrap();
        prop_assert_eq!(report.rejected, 0);
        prop_assert_eq!(sink.samples(), expected);
    }

    #[test]
    fn any_bytes_are_imported_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        text in "(m|a=|,|=| |\\\\|\"|\n|1i|t|1400000000|é){0,60}",
    ) {
        for options in [InfluxOptions::default(), nanos()] {
            let _ = import(&bytes, &options);
            let _ = import(text.as_bytes(), &options);
        }
    }
}
