//! Every codec gives back what it was given, and a report holds what was measured.

use crate::codec::{BLOCK, Codec};
use crate::data::{self, Column};
use crate::{Options, compare, measure, ours, peers};

fn codecs() -> Vec<Box<dyn Codec>> {
    ours::forms().into_iter().chain(peers::all().unwrap()).collect()
}

#[test]
fn every_codec_is_lossless_here() {
    let hard = vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 1.0 / 3.0, -1e300];
    let ramp: Vec<f64> = (0..2 * BLOCK + 7).map(|i| f64::from(u32::try_from(i).unwrap())).collect();
    let series = vec![hard, ramp, vec![42.0; BLOCK], vec![0.1]];
    let column = Column { name: "hard".to_owned(), series };
    let needs = measure::column(&column, &mut codecs(), 2).unwrap();
    assert_eq!(needs.len(), codecs().len());
    assert!(needs.iter().all(|need| need.bytes > 0));
}

/// Gives back something else.
struct Lossy(Vec<f64>);

impl Codec for Lossy {
    fn name(&self) -> &'static str {
        "lossy"
    }

    fn encode(&mut self, values: &[f64], out: &mut Vec<u8>) -> Result<(), crate::BoxError> {
        self.0 = values.iter().map(|value| value + 1e-9).collect();
        out.push(0);
        Ok(())
    }

    fn decode(&mut self, _: &[u8], _: usize) -> Result<&[f64], crate::BoxError> {
        Ok(&self.0)
    }
}

#[test]
fn a_codec_that_loses_a_bit_is_found() {
    let column = Column { name: "c".to_owned(), series: vec![vec![1.0; 10]] };
    let mut codecs: Vec<Box<dyn Codec>> = vec![Box::new(Lossy(Vec::new()))];
    let why = measure::column(&column, &mut codecs, 1).unwrap_err();
    assert_eq!(why.to_string(), "lossy: a block does not come back bit for bit");
}

#[test]
fn sizes_of_tsbs_are_those_of_its_steps() {
    let options = Options { bitbrains: None, tsbs_hosts: 1, rounds: 1, json: true };
    let set = data::tsbs(1).unwrap();
    assert_eq!(set.columns[0].series.len(), 10);
    let report = compare(&set, &options).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    let column = &json["columns"][0];
    assert_eq!(column["values"], 86_400);
    for codec in column["codecs"].as_array().unwrap() {
        // The entropy of a step is 0.27 bytes; nobody is below it, and nobody is above two.
        let bytes = codec["bytes_per_value"].as_f64().unwrap();
        assert!((0.26..2.0).contains(&bytes), "{codec}");
    }
    // Plimsoll's forms come first, and each peer stands beside all of them.
    let codecs = column["codecs"].as_array().unwrap();
    let names: Vec<&str> = codecs.iter().map(|codec| codec["name"].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["plimsoll", "compacted", "pco 1k"]);
    let beside = column["codecs"][2]["beside"].as_array().unwrap();
    assert!(beside.iter().map(|form| &form["form"]).eq(["plimsoll", "compacted"]));
}
