//! `plimsoll calc pack`: the worked examples, as a user would ask for them.

use super::user::{User, golden};

#[test]
fn four_of_each_kind_take_four_hosts() {
    let user = User::new();
    // capacity.md, feature 21.
    user.write(
        "items.csv",
        "name,cpu,memory,count\ncompute,0.6,0.1,4\ncache,0.1,0.6,4\nweb,0.3,0.3,4\n",
    );
    let line = "calc pack items.csv --shape cpu=1,memory=1 --exact --assign";
    golden("calc-pack.txt", &user.ok(line));
    golden("calc-pack.csv", &user.ok(&format!("{line} --format csv")));
    let facts = user.json(line)["facts"].clone();
    assert_eq!((&facts["hosts"], &facts["hosts_at_least"]), (&4.into(), &4.into()));
    assert_eq!((&facts["gap"], &facts["proven"]), (&0.0.into(), &"yes".into()));
}

#[test]
fn half_of_the_memory_is_stranded_where_cores_are_sold_out() {
    let user = User::new();
    // capacity.md, feature 21: 32 cores and 128 GiB, four guests of 8 cores and 16 GiB.
    user.write("guests.csv", "name,cpu,memory,count\nguest,8,16,4\n");
    let found = user.json("calc pack guests.csv --shape cpu=32,memory=128 --for cpu=1,memory=8");
    let memory = &found["tables"]["resources"][1];
    assert_eq!((&memory["stranded"], &memory["stranded_share"]), (&64.0.into(), &0.5.into()));
    assert_eq!(found["tables"]["resources"][0]["stranded"], 0.0);
    // A tenth kept free leaves room for three.
    let reserved = user.json("calc pack guests.csv --shape cpu=32,memory=128 --reserve 0.1");
    assert_eq!(reserved["facts"]["hosts"], 2);
}

#[test]
fn shapes_have_prices_and_replicas_are_spread() {
    let user = User::new();
    user.write(
        "items.csv",
        "name,cpu,memory,count,group\ndb,6,48,3,db\nweb,4,8,7,\ncache,1,30,2,cache\n",
    );
    user.write("shapes.csv", "name,cpu,memory,price\nsmall,8,64,3\nlarge,32,128,9\n");
    let line = "calc pack items.csv --shapes shapes.csv --zones 3 --exact --assign";
    golden("calc-pack-shapes.txt", &user.ok(line));
    let found = user.json(line);
    let rows = found["tables"]["assignment"].as_array().unwrap();
    let zones: Vec<_> = rows.iter().filter(|row| row["item"] == "db").collect();
    assert_eq!(zones.len(), 3);
    assert!(zones.iter().all(|row| row["count"] == 1));
}

#[test]
fn mistakes_are_named_with_their_place() {
    let user = User::new();
    user.write("items.csv", "name,cpu,memory\nvm-1,40,16\nvm-2,1,1\n");
    user.fails(
        "calc pack items.csv --shape cpu=32,memory=128 --reserve 0.25",
        "plimsoll: vm-1 needs 40 of cpu, and no shape has more than 24 to use: give a larger \
         shape, a smaller reserve, or leave them out",
    );
    user.fails(
        "calc pack items.csv --shape cpu=64",
        "plimsoll: items.csv:1: column \"memory\" is no resource of a host: these are cpu",
    );
    user.fails(
        "calc pack items.csv --shape cpu=64,memory=128,disk=1",
        "plimsoll: items.csv:1: no column disk; the header has name, cpu, memory",
    );
    user.fails(
        "calc pack items.csv --shape cpu=64,memory=128 --for gpu=1",
        "plimsoll: --for: gpu is no resource; these are cpu, memory",
    );
    user.write("count.csv", "name,cpu,count\nvm,1,1.5\n");
    user.fails(
        "calc pack count.csv --shape cpu=64",
        "plimsoll: count.csv:2: 1.5 is no count: give a whole number",
    );
    let usage = user.ends(super::user::USAGE, "calc pack items.csv --shape cpu");
    assert!(usage.err.contains("\"cpu\" is no amount of a resource"), "{usage:?}");
}
