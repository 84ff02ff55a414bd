use proptest::prelude::*;
use serde_json::json;

use super::*;

fn fields() -> Field {
    let change = Field::Object(BTreeMap::from([("from".into(), Field::Any), ("to".into(), Field::Any)]));
    Field::Object(BTreeMap::from([
        ("type".into(), Field::Value),
        ("version".into(), Field::Value),
        ("changes".into(), Field::Object(BTreeMap::from([("grade".into(), change)]))),
        ("anything".into(), Field::Any),
    ]))
}

fn holds(condition: &str) -> Result<bool, String> {
    let event = json!({
        "type": "customer.updated", "version": 3, "changes": { "grade": { "from": "B", "to": "A" } },
        "anything": { "list": [1, 2, 3] },
    });
    Condition::parse(condition, &fields()).expect(condition).holds(event.as_object().unwrap())
}

fn errors(condition: &str) -> Vec<(usize, usize, String)> {
    let errors = Condition::parse(condition, &fields()).expect_err(condition);
    errors.into_iter().map(|error| (error.line, error.column, error.fault.to_string())).collect()
}

#[test]
fn conditions_are_true_or_false_or_cannot_be_told() {
    assert_eq!(holds(r#"type == "customer.updated" && version > 2"#), Ok(true));
    assert_eq!(holds(r#"has(changes.grade) && changes.grade.to == "A""#), Ok(true));
    assert_eq!(holds(r#"changes["grade"].from in ["A", "C"]"#), Ok(false));
    assert_eq!(holds("anything.list.exists(n, n > 2) && type.startsWith('customer.')"), Ok(true));
    assert_eq!(holds("true"), Ok(true));
    assert_eq!(holds("has(changes.grade)"), Ok(true));
    assert_eq!(holds("version % 2 == 1 && version * 2 - 1 == 5 && anything.list[0] + 1 == 2"), Ok(true));
    assert!(holds("anything.missing == 1").is_err());
    assert!(holds("type > 1").is_err());
    assert!(holds("anything.list").is_err());
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    assert_eq!(errors("type == 1 && missing == 2"), [(1, 14, "there is no field missing".into())]);
    assert_eq!(
        errors("type == '客户' &&\n  changes.colour.to == 'x'"),
        [(2, 3 + 7, "there is no field colour".into())]
    );
    assert_eq!(errors("type.length == 3"), [(1, 5, "there is no field length".into())]);
    for never in ["version", "changes", "changes.grade", "type.matches('a')"] {
        assert_eq!(errors(never).len(), 1, "{never}");
    }
    assert_eq!(errors("sleep(5) == 1"), [(1, 6, "there is no function sleep".into())]);
    assert_eq!(errors("1 + 1"), [(1, 3, "a condition has to be true or false".into())]);
    let syntax = errors("type == ");
    assert_eq!((syntax[0].0, syntax[0].1), (1, 9), "{syntax:?}");
    assert!(
        errors("anything.list.all(a, anything.list.all(b, a < b))").iter().any(|e| e.2.contains("macros"))
    );
}

proptest! {
    #[test]
    fn nothing_that_is_written_makes_it_panic(text in "[ -~\\n客]{0,80}") {
        if let Ok(condition) = Condition::parse(&text, &fields()) {
            let _ = condition.holds(json!({ "type": "x" }).as_object().unwrap());
        }
    }
}

#[test]
fn what_could_double_again_and_again_is_refused() {
    for condition in [
        format!("['a'].map(x, x + x){} == []", ".map(x, x + x)".repeat(30)),
        "[1].map(x, [x, x]).exists(y, y == y)".into(),
        "anything.list.filter(x, x > 1).size() > 1 && [[1].map(x, x)].exists(y, y == [1])".into(),
        "[1].all(x, [2].all(y, x < y))".into(),
    ] {
        assert!(errors(&condition).iter().any(|error| error.2.contains("macro")), "{condition}");
    }
    // Neither long lists that are written out, nor large texts made for each element.
    for condition in [
        format!("[{}].exists(x, x == 2)", vec!["1"; 400].join(",")),
        "anything.list.map(x, anything.text + '').size() > 0".into(),
        "anything.list.exists(x, [anything.text + ''].size() > 0)".into(),
    ] {
        assert_eq!(errors(&condition).len(), 1, "{condition}");
    }
    assert_eq!(holds("anything.list.map(x, x == 1).size() == 3"), Ok(true));
    assert_eq!(holds("anything['list'].exists(x, x == 1)"), Ok(true));
    assert_eq!(holds("anything.list.filter(x, x > 1).size() == 2 && anything.list.all(x, x < 4)"), Ok(true));
}

#[test]
fn what_is_too_deep_is_refused() {
    for (open, core, close) in
        [("(", "true", ")"), ("[", "1", "]"), ("", "anything", ".a"), ("1 + ", "1", "")]
    {
        let deep = format!("{}{core}{}", open.repeat(900), close.repeat(900));
        assert!(Condition::parse(&deep, &fields()).is_err(), "{open}{close}");
        let broken = format!("#{}", open.repeat(900));
        assert!(Condition::parse(&broken, &fields()).is_err(), "{open}");
    }
    let brackets = format!("{}true{}", "(".repeat(90), ")".repeat(90));
    let nots = format!("{}true", "!".repeat(901));
    for condition in [brackets, nots, format!("{}1 == 1", "-".repeat(900))] {
        if let Ok(condition) = Condition::parse(&condition, &fields()) {
            let _ = condition.holds(&serde_json::Map::new());
        }
    }
    for link in [" && ", " || ", " + ", " == ", " ? true : "] {
        let _ = Condition::parse(&vec!["true"; 250].join(link), &fields());
    }
    assert_eq!(holds(&vec!["version < 9"; 30].join(" && ")), Ok(true));
}
