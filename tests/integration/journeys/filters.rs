//! Conditions over records: what the database selects is what they say of each record.

use fulcrum_api::customers::customers::searching::standard_columns;
use fulcrum_api::platform::filters;
use fulcrum_domain::platform::Condition;
use fulcrum_domain::platform::selecting::{Column, ColumnKind};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::support::{Client, TestApp};

const TEXTS: [&str; 8] = ["", "a", "A", "ab", "华东", "华东区", "%_", "x'y\\\\z"];

fn custom_columns() -> Vec<Column> {
    vec![
        Column::new("custom.t", ColumnKind::Text),
        Column::new("custom.n", ColumnKind::Number),
        Column::new("custom.d", ColumnKind::Decimal),
        Column::new("custom.m", ColumnKind::Object),
        Column::of("custom.m", "amount", ColumnKind::Decimal),
        Column::of("custom.m", "currency", ColumnKind::Text),
        Column::new("custom.day", ColumnKind::Date),
        Column::new("custom.at", ColumnKind::Instant),
        Column::new("custom.b", ColumnKind::Boolean),
        Column::new("custom.c", ColumnKind::Text),
        Column::new("custom.cs", ColumnKind::Texts),
    ]
}

/// Customers of all sorts, and the company's own fields.
fn fill(admin: &Client) {
    let choices = json!([{ "value": "east", "label": "东" }, { "value": "west", "label": "西" }]);
    for (key, kind) in [
        ("t", "text"),
        ("n", "number"),
        ("d", "decimal"),
        ("m", "money"),
        ("day", "date"),
        ("at", "instant"),
        ("b", "boolean"),
        ("c", "choice"),
        ("cs", "choices"),
    ] {
        let mut field = json!({ "object_type": "customer", "key": key, "label": key, "kind": kind });
        field["filterable"] = json!(kind != "choices");
        if kind.starts_with("choice") {
            field["choices"] = choices.clone();
        }
        admin.create("/v1/custom-fields", &field);
    }
    let texts: Vec<String> = TEXTS.iter().map(|text| text.replace("\\\\", "\\")).collect();
    for number in 0..60usize {
        // Different strides, so that every field meets every other one.
        let pick = |stride: usize, of: usize| (number * stride + number / 7) % of;
        let text = |stride: usize| texts[pick(stride, texts.len())].clone();
        let mut customer = json!({
            "kind": if pick(1, 3) == 0 { "individual" } else { "company" }, "name": format!("{}{number}", text(1)),
            "vip": pick(1, 2) == 0, "tags": texts[1..].iter().take(pick(3, 5)).collect::<Vec<_>>(),
            "lifecycle_stage": (["acquisition", "retention"][pick(5, 2)]),
        });
        let mut custom = Map::new();
        let mut some = |stride: usize, key: &str, value: Value| {
            if pick(stride, 3) != 0 {
                custom.insert(key.to_owned(), value);
            }
        };
        some(1, "t", json!(text(3)));
        some(2, "n", [json!(0), json!(-1.5), json!(2), json!(100)][pick(3, 4)].clone());
        some(3, "d", json!(["0", "0.10", "-2.5", "99.99"][pick(5, 4)]));
        some(
            4,
            "m",
            json!({ "amount": (["0", "10", "99.9"][pick(7, 3)]), "currency": (["CNY", "USD"][pick(2, 2)]) }),
        );
        some(5, "day", json!(["2026-01-01", "2026-02-28", "1999-12-31"][pick(2, 3)]));
        some(
            6,
            "at",
            json!(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2027-05-05T05:05:05Z"][pick(5, 3)]),
        );
        some(7, "b", json!(pick(3, 2) == 0));
        some(8, "c", json!(["east", "west"][pick(5, 2)]));
        some(9, "cs", json!([["east", "west"], ["west", "east"]][pick(3, 2)][..1 + pick(5, 2)]));
        if customer["kind"] == "company" {
            customer["staff_count"] = [json!(null), json!(0), json!(5), json!(100)][pick(1, 4)].clone();
            customer["annual_revenue"] =
                [json!(null), json!({ "amount": "10.5", "currency": "CNY" })][pick(3, 2)].clone();
        } else {
            customer["born_on"] = [json!(null), json!("1990-01-01")][pick(1, 2)].clone();
        }
        customer["grade"] = [json!(null), json!("A"), json!("B")][pick(2, 3)].clone();
        customer["source"] = [json!(null), json!(text(5))][pick(3, 2)].clone();
        customer["address"] = [json!(null), json!({}), json!({ "city": text(2) })][pick(4, 3)].clone();
        customer["custom"] = json!(custom);
        admin.create("/v1/customers", &customer);
    }
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(TEXTS.to_vec()).prop_map(|text| format!("\"{text}\""))
}

fn number() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["0", "2", "-1.5", "0.1", "100", "10.5", "99.9", "-1"]).prop_map(str::to_owned)
}

fn one_of(words: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

fn order() -> impl Strategy<Value = String> {
    one_of(&["==", "!=", "<", "<=", ">", ">="])
}

fn text_field() -> impl Strategy<Value = String> {
    one_of(&[
        "name",
        "grade",
        "source",
        "kind",
        "lifecycle_stage",
        "custom.t",
        "custom.c",
        "custom.m.currency",
        "address.city",
    ])
}

fn list() -> impl Strategy<Value = String> {
    one_of(&["tags", "pain_points", "custom.cs"])
}

fn instant() -> impl Strategy<Value = String> {
    one_of(&[
        "timestamp(\"2026-01-01T00:00:00Z\")",
        "timestamp(\"2026-01-01T08:00:00.5+08:00\")",
        "timestamp(now)",
        "timestamp(now) - duration(\"24h\")",
        "timestamp(now) + duration(\"1h30m\")",
    ])
}

/// Something asked of a record.
fn asked() -> impl Strategy<Value = String> {
    let joined = |(field, order, value): (String, String, String)| format!("{field} {order} {value}");
    let turned = |(field, order, value): (String, String, String)| format!("{value} {order} {field}");
    let day = one_of(&["\"2026-01-01\"", "\"1990-01-01\"", "\"2026-02-28\""]);
    let entry = prop_oneof![
        (one_of(&["==", "!="]), text()).prop_map(|(order, text)| format!("e {order} {text}")),
        (one_of(&["startsWith", "endsWith", "contains"]), text())
            .prop_map(|(test, text)| format!("e.{test}({text})")),
        prop::collection::vec(text(), 0..3).prop_map(|texts| format!("e in [{}]", texts.join(", "))),
    ];
    let entry = prop_oneof![
        entry.clone(),
        (entry.clone(), one_of(&["&&", "||"]), entry).prop_map(|(a, with, b)| format!("!({a}) {with} {b}")),
    ];
    prop_oneof![
        (text_field(), order(), text()).prop_map(joined),
        (text_field(), order(), text()).prop_map(turned),
        (one_of(&["staff_count", "custom.n"]), order(), number()).prop_map(joined),
        (
            one_of(&[
                "double(annual_revenue.amount)",
                "double(custom.d)",
                "double(custom.m.amount)",
                "double(custom.n)"
            ]),
            order(),
            number()
        )
            .prop_map(joined),
        (one_of(&["born_on", "custom.day"]), order(), day).prop_map(joined),
        (one_of(&["timestamp(created_at)", "timestamp(custom.at)"]), order(), instant()).prop_map(joined),
        (
            one_of(&[
                "grade",
                "source",
                "staff_count",
                "annual_revenue",
                "address",
                "address.city",
                "owner_id",
                "custom.t",
                "custom.n",
                "custom.m",
                "custom.b",
                "custom.cs",
                "custom.at",
                "annual_revenue.currency"
            ]),
            one_of(&["==", "!="]),
            one_of(&["null"]),
        )
            .prop_map(joined),
        (text_field(), prop::collection::vec(text(), 0..3))
            .prop_map(|(field, texts)| format!("{field} in [{}]", texts.join(", "))),
        (one_of(&["staff_count", "custom.n"]), prop::collection::vec(number(), 0..3))
            .prop_map(|(field, numbers)| format!("{field} in [{}]", numbers.join(", "))),
        (text_field(), one_of(&["startsWith", "endsWith", "contains"]), text())
            .prop_map(|(field, test, text)| format!("{field}.{test}({text})")),
        (text(), list()).prop_map(|(text, list)| format!("{text} in {list}")),
        (list(), one_of(&["exists", "all"]), entry)
            .prop_map(|(list, each, entry)| format!("{list}.{each}(e, {entry})")),
        (
            one_of(&[
                "size(tags)",
                "size(custom.cs)",
                "tags.size()",
                "size(name)",
                "size(source)",
                "size(custom.t)"
            ]),
            order(),
            one_of(&["0", "1", "2", "3"])
        )
            .prop_map(joined),
        one_of(&["vip", "custom.b", "vip == true", "custom.b != true", "true", "false"]),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    asked().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("!({inner})")),
            (inner.clone(), one_of(&["&&", "||"]), inner)
                .prop_map(|(a, with, b)| format!("({a}) {with} ({b})")),
        ]
    })
}

#[test]
fn the_database_selects_what_a_condition_holds_for() {
    let app = TestApp::start();
    let admin = app.user("admin");
    for id in admin.all_ids("/v1/customers", 200) {
        admin.delete(&format!("/v1/customers/{id}")).expect(204);
    }
    fill(&admin);
    let keys = ["t", "n", "d", "m", "day", "at", "b", "c", "cs"];
    let page = admin.get("/v1/customers?limit=200").ok();
    let records: Vec<Map<String, Value>> = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let mut row = row.as_object().unwrap().clone();
            for key in keys {
                row["custom"].as_object_mut().unwrap().entry(key).or_insert(Value::Null);
            }
            row.insert("now".into(), json!(app.now()));
            row
        })
        .collect();
    assert_eq!(records.len(), 60);
    let columns: Vec<Column> = standard_columns().chain(custom_columns()).collect();
    let fields = filters::fields(&columns);
    let (some, all) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    runner
        .run(&condition(), |text| {
            let parsed = Condition::parse(&text, &fields).expect("a condition");
            let holds = records.iter().filter(|record| parsed.holds(record) == Ok(true));
            let mut expected: Vec<&str> = holds.map(|record| record["id"].as_str().unwrap()).collect();
            expected.sort_unstable();
            let reply = admin.post("/v1/customers/search", &json!({ "filter": text, "limit": 200 }));
            prop_assert_eq!(reply.status, 200, "{}: {}", text, reply.body);
            let mut selected: Vec<&str> = reply.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap())
                .collect();
            selected.sort_unstable();
            prop_assert_eq!(&selected, &expected, "{}", text);
            all.set(all.get() + 1);
            some.set(some.get() + usize::from(!expected.is_empty() && expected.len() < records.len()));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(
        some.get() * 3 > all.get(),
        "most conditions tell records apart: {} of {}",
        some.get(),
        all.get()
    );
}

#[test]
fn what_the_database_isnt_asked_is_refused_where_it_stands() {
    let app = TestApp::start();
    let admin = app.user("admin");
    for (filter, column, said) in [
        ("grade == \"A\" && has(address.city)", 20, "has(…)"),
        ("created_at > \"2026-01-01\"", 12, "timestamp(created_at)"),
        ("annual_revenue.amount > 5", 23, "double(annual_revenue.amount)"),
        ("name + \"x\" == \"ax\"", 1, ""),
        ("grade == 5", 10, "another type"),
        ("name == source", 6, "written out"),
        ("tags.map(t, t).size() > 0", 1, ""),
        ("vip ? true : false", 1, ""),
        ("owner_id == \"me\"", 13, "an id is written"),
        ("born_on < \"yesterday\"", 11, "a day is written"),
        ("nickname == \"x\"", 1, "no field nickname"),
        ("custom.nothing == 1", 1, "no field custom"),
        ("grade ==", 9, ""),
        ("5", 1, "true or false"),
    ] {
        let problem = admin
            .post("/v1/customers/search", &json!({ "filter": filter }))
            .problem(422, "validation_failed");
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/filter"), &json!("condition")), "{filter}");
        let reason = error["params"]["reason"].as_str().unwrap();
        assert!(reason.contains(said), "{filter}: {reason}");
        assert_eq!(error["params"]["line"], 1, "{filter}");
        if !said.is_empty() {
            assert_eq!(error["params"]["column"], column, "{filter}: {reason}");
        }
    }
    // Pages of one search, and no other's cursor.
    let all = json!({ "filter": "vip || !vip", "limit": 3, "count": "exact" });
    let first = admin.post("/v1/customers/search", &all).ok();
    assert!(first["total_count"].as_i64().unwrap() > 3);
    let mut next = all.clone();
    next["cursor"] = first["next_cursor"].clone();
    let second = admin.post("/v1/customers/search", &next).ok();
    assert_ne!(second["data"][0]["id"], first["data"][2]["id"]);
    next["filter"] = json!("vip");
    admin.post("/v1/customers/search", &next).problem(400, "invalid_cursor");
    let problem =
        admin.post("/v1/customers/search", &json!({ "sort": "relevance" })).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["pointer"], "/sort");
    let problem = admin.post("/v1/contacts/search", &json!({ "q": "-" })).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "nothing_to_search");
    // Within the scope of who asks.
    let rep = app.user("rep.east");
    let own =
        rep.post("/v1/customers/search", &json!({ "filter": "true", "limit": 200, "count": "exact" })).ok();
    assert!(own["total_count"].as_i64() < first["total_count"].as_i64());
    let with_words = json!({ "filter": "kind == \"company\"", "q": "科", "limit": 5 });
    assert!(!admin.post("/v1/customers/search", &with_words).ok()["data"].as_array().unwrap().is_empty());
}
