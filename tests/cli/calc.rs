//! `plimsoll calc`: the worked examples, as a user would ask for them.

use super::user::{USAGE, User, golden};

#[test]
fn exhaustion_is_worked_out_on_a_straight_path() {
    let user = User::new();
    // capacity.md, feature 1.
    let straight = "calc exhaustion --used 400 --limit 1000 --growth 2.5";
    assert_eq!(user.json(straight)["facts"]["days_to_line"], 240.0);
    let with_margin = user.json(&format!("{straight} --margin 0.1"));
    assert_eq!(with_margin["facts"]["days_to_line"], 200.0);
    let compound = user.json("calc exhaustion --used 60 --limit 90 --growth 5%");
    let months = compound["facts"]["periods_to_line"].as_f64().unwrap();
    assert!((months / 8.310_386 - 1.0).abs() < 1e-6);
    let falling = user.ok("calc exhaustion --used 400 --limit 1000 --growth -1");
    assert!(falling.contains("never reached"), "{falling}");
    let nothing = user.ok("calc exhaustion --used 0 --limit 1000 --growth 5%");
    assert!(nothing.contains("a share of nothing is nothing"), "{nothing}");
}

#[test]
fn exhaustion_is_worked_out_as_a_distribution() {
    let user = User::new();
    // capacity.md, feature 2.
    let walk = "calc exhaustion --used 0 --limit 100 --growth 1 --deviation 2 --within 60";
    golden("calc-exhaustion.txt", &user.ok(walk));
    golden("calc-exhaustion.csv", &user.ok(&format!("{walk} --format csv")));
    user.fails(
        "calc exhaustion --used 0 --limit 100 --growth fast",
        "plimsoll: --growth fast is no number: give an amount per day, or a percentage, as in 5%",
    );
    user.fails(
        "calc exhaustion --used 60 --limit 90 --growth 5% --deviation 3 --within 10",
        "plimsoll: --deviation and --within are of growth by an amount a day; with a percentage \
         give neither",
    );
    let far = "calc exhaustion --used 0 --limit 1e200 --growth 1 --deviation 2";
    let said = user.ends(USAGE, far).err;
    assert!(said.contains("of a size from 1e-60 to 1e60; write it in another unit"), "{said}");
}
