//! `plimsoll calc hardware`: the worked example, as a user would ask for it.

use super::user::{User, golden};

#[test]
fn sixteen_old_cores_are_ten_new_ones() {
    let user = User::new();
    // capacity.md, feature 22.
    let line = "calc hardware --cores 16 --from 2.3*1 --to 3.5*1.15";
    golden("calc-hardware.txt", &user.ok(line));
    let found = user.json(line);
    let cores = found["facts"]["cores"].as_f64().unwrap();
    assert!((cores - 9.143).abs() < 5e-4, "{cores}");
    assert_eq!(found["facts"]["whole_cores"], 10.0);
    // capacity.md, 2.4: a thread is worth 0.6 of a core.
    let threads = user.json("calc hardware --cores 3 --from 10 --to 10 --to-threads 0.6");
    assert_eq!(threads["facts"]["whole_cores"], 5.0);
}

#[test]
fn a_table_of_hardware_is_compared() {
    let user = User::new();
    user.write(
        "hardware.csv",
        "name,ghz,ipc,threads,cores\nold,2.3,1,,16\nnew,3.5,1.15,,32\nvirtual,3.5,1.15,0.6,64\n",
    );
    let line = "calc hardware --cores 640 --from old --shapes hardware.csv --utilisation 0.6";
    golden("calc-hardware-shapes.txt", &user.ok(line));
    let one = user.json(&format!("{line} --to new"));
    assert_eq!(one["facts"]["hosts"], 20);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let user = User::new();
    user.fails(
        "calc hardware --cores 16 --from 2.3*1 --to 40",
        "plimsoll: 2.3*1 and 40 are not measured alike: give both a clock, or both a score of one \
         benchmark",
    );
    user.fails(
        "calc hardware --cores 16 --from old --to 40",
        "plimsoll: \"old\" is no speed of a core: write GHz times instructions per cycle, as in \
         2.3*1, or a score",
    );
    user.fails(
        "calc hardware --cores 1e30 --from 10 --to 100 --host-cores 100",
        "plimsoll: this comes to more hosts of 100 than can be counted: check the cores and the \
         speeds",
    );
    user.write("bad.csv", "name,ghz,ipc\nold,2.3,\n");
    user.fails(
        "calc hardware --cores 1 --from old --shapes bad.csv",
        "plimsoll: bad.csv:2: give ghz and ipc, or score alone",
    );
}
