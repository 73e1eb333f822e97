//! `plimsoll calc`, whatever number stands in a question or in its file: it ends with a code that
//! the help knows, and what it answers are numbers.

use std::ops::Range;

use super::user::{DONE, FAILED, USAGE, User};

const QUESTIONS: &[&str] = &[
    "calc exhaustion --used 400 --limit 1000 --growth 2.5 --margin 0.2 --deviation 3 --within 60",
    "calc exhaustion --used 60 --limit 90 --growth 5%",
    "calc hardware --cores 16 --from 2.3*1 --to 3.5*1.15 --host-cores 64 --utilisation 0.6",
    "calc queue --rate 120 --service 0.01 --servers 2 --percentile 0.9 --over 0.5",
    "calc queue --population 100 --think 9 --service 1 --over 10",
    "calc queue --rate 1 --service 0.5 --variation 2",
    "calc staff --rate 10 --wait-probability 0.01",
    "calc staff --rate 10 --service 2 --wait-over 1 --share 0.2",
    "calc knee --servers 1,8 --times 4 --percentile 0.95",
    "calc failover --hosts 4 --used 0.8 --lose 1 --response 1.45 --line 0.9",
    "calc newsvendor --mean 10 --deviation 20 --shortage-cost 1 --surplus-cost 9 --amount 12",
    "calc budget --objective 99.9% --period-days 28 --burn 14.4:1 --mean 100 --deviation 20 \
     --per-host 8 --price 250 --mtbf-hours 2000 --mttr-hours 10 --hosts 30 --nines 4",
    "calc share --loads 30 --mean 5 --deviation 1 --correlation 0.1 --quantile 0.9",
    "calc usl law.csv --load 18 --throughput 1500 --response 0.2 --efficiency 0.5 --level 0.9",
    "calc demand used.csv --limit 100 --quantile 0.9 --near 0.99",
    "calc pack items.csv --shape cpu=32,memory=128 --reserve 0.1 --zones 2 --exact --nodes 1000",
    "calc savings hosts.csv --utilization-max 0.8 --hosts-min 1",
];

const FILES: &[(&str, &str)] = &[
    ("law.csv", "load,throughput\n1,955\n2,1878\n4,3548\n8,6531\n16,9897\n32,12000\n"),
    ("used.csv", "used\n40\n55\n61\n78\n80\n92\n100\n100\n"),
    ("items.csv", "name,cpu,memory,group\na,8,32,x\nb,8,64,x\nc,16,16,\nd,2,2,\n"),
    (
        "hosts.csv",
        "host,price_per_month,resource,capacity,used,reclaimable\na,100,cpu,64,10,5\n\
         b,120,cpu,64,20,0\nc,80,cpu,32,2,1\n",
    ),
];

/// What is put in the place of each number.
const NUMBERS: &[&str] =
    &["0", "-0", "-1", "1e-60", "1e60", "1e308", "nan", "inf", "0.5", "18446744073709551615"];

/// Where the numbers of a text are: digits that no letter stands before.
fn numbers(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        let is_part = letter.is_ascii_digit() || letter == '.';
        match found.last_mut().filter(|last| last.end == at) {
            Some(last) if is_part => last.end = at + 1,
            _ if letter.is_ascii_digit() && !before.is_alphanumeric() && before != '-' => {
                found.push(at..at + 1);
            }
            _ => {}
        }
        before = letter;
    }
    found
}

/// The texts in which one number is another.
fn changed(text: &str) -> impl Iterator<Item = String> {
    numbers(text).into_iter().flat_map(move |place| {
        let (start, end) = (&text[..place.start], &text[place.end..]);
        NUMBERS.iter().map(move |number| format!("{start}{number}{end}"))
    })
}

fn answers_in_numbers(user: &User, line: &str, of: &str) {
    let run = user.run(line);
    assert!([DONE, FAILED, USAGE].contains(&run.code), "{line}: {of}: {run:?}");
    assert!(run.code == DONE || !run.err.is_empty(), "{line}: {of}: {run:?}");
    let is_none = |word: &str| ["NaN", "nan", "inf", "-inf"].contains(&word);
    let words = run.out.split(|letter: char| letter.is_whitespace() || letter == '%');
    assert_eq!(words.clone().find(|word| is_none(word)), None, "{line}: {of}: {run:?}");
}

#[test]
fn whatever_number_is_asked_with_the_answer_is_a_number() {
    let user = User::new();
    for (name, text) in FILES {
        user.write(name, text);
    }
    let mut asked = 0;
    for question in QUESTIONS {
        user.ends(DONE, question);
        for line in changed(question) {
            answers_in_numbers(&user, &line, "");
            asked += 1;
        }
    }
    assert!(asked > 700, "{asked}");
}

#[test]
fn whatever_number_a_file_holds_the_answer_is_a_number() {
    let user = User::new();
    for (name, text) in FILES {
        let question = QUESTIONS.iter().find(|question| question.contains(name)).unwrap();
        for text in changed(text) {
            user.write(name, &text);
            answers_in_numbers(&user, question, &text);
        }
    }
}
