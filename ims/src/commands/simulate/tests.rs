use super::*;
use connectors::{
    reference::FileReference,
    simulator::{Behaviour, SimulatorSettings, Spread},
};
use processors::ports::ReferenceSource as _;
use std::{collections::BTreeMap, io::Write};

fn reference() -> Arc<Reference> {
    FileReference::demo().unwrap().current()
}

fn pair(family: Family, name: &str) -> Pair {
    pairs(&reference()).into_iter().find(|(f, vendor)| *f == family && vendor.name == name).unwrap()
}

/// The lines of made-up requests to one vendor that behaves so.
fn lines(family: Family, name: &str, behaviour: Behaviour, messages: u32, rate: u32) -> Vec<serde_json::Value> {
    let settings = SimulatorSettings { every_vendor: behaviour, ..SimulatorSettings::default() };
    let mut play = Play::open(settings).unwrap();
    let line = |step: steps::Step| {
        let played = play.request(&step);
        serde_json::to_value(show::Line::of(&step, &played)).unwrap()
    };
    steps::made_up(&pair(family, name), messages, Some(rate)).map(line).collect()
}

fn always(code: &str) -> BTreeMap<String, f64> {
    BTreeMap::from([(code.to_owned(), 1.0)])
}

#[test]
fn a_receipt_follows_its_request_by_the_time_of_the_settings_and_nobody_waits_for_it() {
    let mut behaviour = Behaviour { latency_ms: Spread::exactly(40.0), codes: always("1000"), ..Behaviour::perfect() };
    behaviour.receipts.delay_ms = Spread::exactly(86_400_000.0);
    behaviour.receipts.codes = always("3001");
    let lines = lines(Family::Sms, "text-one", behaviour, 3, 10);
    let expected = |n: u64| {
        let row = judge(processors::reference::CodeTable::Text, "3001");
        serde_json::json!({
            "vendor": "text-one", "family": "SMS", "serial_number": format!("text-one-SMS-00000{}", n + 1),
            "attempt": 1, "after_ms": n * 100, "answer": "code", "code": "1000", "class": "done",
            "meaning": judge(processors::reference::CodeTable::Text, "1000").meaning, "latency_ms": 40,
            "receipts": [{
                "after_ms": n * 100 + 40 + 86_400_000, "code": "3001",
                "class": row.class.name(), "meaning": row.meaning,
            }],
        })
    };
    assert_eq!(lines, (0..3).map(expected).collect::<Vec<_>>());
}

#[test]
fn a_vendor_that_is_asked_faster_than_it_allows_throttles_the_rest_of_each_second() {
    let behaviour = Behaviour { tps: Some(5), ..Behaviour::perfect() };
    let answers = |rate| {
        let lines = lines(Family::At, "talk-one", behaviour.clone(), 20, rate);
        lines.iter().filter(|line| line["answer"] == "throttled").count()
    };
    assert_eq!((answers(5), answers(10)), (0, 10));
}

#[test]
fn the_table_tells_the_shares_of_the_settings() {
    let mut behaviour =
        Behaviour { no_answer_share: 0.1, no_answer_taken_share: 0.0, codes: always("1000"), ..Behaviour::perfect() };
    behaviour.receipts.codes = BTreeMap::from([("1000".into(), 3.0), ("2003".into(), 1.0)]);
    behaviour.receipts.never_share = 0.2;
    let settings = SimulatorSettings { every_vendor: behaviour, ..SimulatorSettings::default() };
    let (mut play, mut table) = (Play::open(settings).unwrap(), Table::default());
    for step in steps::made_up(&pair(Family::Sms, "text-one"), 20_000, None) {
        let played = play.request(&step);
        table.add(&step, &played);
    }
    let text = table.text();
    let cells: Vec<&str> = text.lines().find(|line| line.contains("text-one")).unwrap().split_whitespace().collect();
    let number = |at: usize| cells[at].parse::<f64>().unwrap();
    // family, vendor, requests, delivered, failed, no answer, …; nine tenths of 0.8 of 0.75 are 54 %.
    assert_eq!(&cells[..3], ["SMS", "text-one", "20,000"]);
    for (at, expected) in [(3, 54.0), (4, 18.0), (5, 10.0)] {
        assert!((number(at) - expected).abs() < 1.0, "{expected} in {text}");
    }
    let never = number(cells.len() - 3);
    assert!((never - 20.0).abs() < 1.0, "{text}");
    assert_eq!(cells[cells.len() - 2], "2003", "{text}");
}

#[test]
fn a_line_that_is_no_step_is_told_by_its_number_and_the_rest_goes_on() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = r#"{"vendor": "text-one", "serial_number": "A", "family": "lms"}

{"vendor": "nobody", "serial_number": "A"}
{"vendor": "text-one", "serial_number": "A", "attempt": 0}
{"vendor": "text-one", "serial_number": "A", "atempt": 1}
not json
{"vendor": "text-one", "serial_number": "A", "attempt": 2, "after_ms": 500}
{"vendor": "text-one", "serial_number": "B", "after_ms": 499}
"#;
    file.write_all(text.as_bytes()).unwrap();
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    let mut take = |step: steps::Step| {
        taken.push((step.family, step.serial_number, step.attempt, step.after_ms));
        Ok(())
    };
    let count =
        steps::read(file.path(), &pairs(&reference()), &mut take, |line, why| refused.push((line, why.to_owned())));
    assert_eq!(count.unwrap(), 5);
    assert_eq!(taken, [(Family::Lms, "A".into(), 1, 0), (Family::Sms, "A".into(), 2, 500)]);
    assert_eq!(refused.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4, 5, 6, 8]);
    assert!(refused[0].1.contains("text-two") && refused[2].1.contains("atempt"), "{refused:?}");
}

#[test]
fn settings_that_no_vendor_will_ever_follow_are_doubted() {
    let strange = Behaviour { codes: always("77777"), ..Behaviour::default() };
    let mut talk = Behaviour::default();
    talk.receipts.codes = always("0000");
    let vendors = [("text_one", strange.clone()), ("text-one", strange), ("talk-one", talk)];
    let vendors = vendors.map(|(name, behaviour)| (name.to_owned(), behaviour)).into();
    let doubts = doubts(&SimulatorSettings { vendors, ..SimulatorSettings::default() }, &reference());
    assert_eq!(doubts.len(), 3, "{doubts:?}");
    assert!(doubts[0].contains("vendors.text_one") && doubts[0].contains("text-one"), "{doubts:?}");
    assert!(doubts.iter().any(|d| d.contains("talk-one") && d.contains("gives no receipts")), "{doubts:?}");
    assert!(doubts.iter().any(|d| d.contains("vendors.text-one") && d.contains("77777")), "{doubts:?}");
}
