//! The third table: what a company's own fields cost a list.

use serde_json::{Value, json};

use crate::load;
use crate::report::{OwnFields, Report, Spread};
use crate::stand::{Plan, Stand};
use crate::{Arguments, Failed};

/// Customers of both companies.
const SCALE: u32 = 2_000;
/// As many as a company may have for one kind of record.
const FIELDS: usize = 200;
/// Fields that are filled in each of the customers of the list.
const FILLED: usize = 10;

const LIST: &str = "/v1/customers";
const DEFINITIONS: &str = "/v1/custom-fields?object_type=customer&limit=200";

/// Measures a list of a company with all the fields it may have beside one of a company with those of the demo alone, A B A B,
/// one request at a time.
pub fn measure(arguments: &Arguments, plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    let without = Stand::start(plan, "own-fields-none", SCALE)?;
    let with = Stand::start(plan, "own-fields-all", SCALE)?;
    let own = define(&with)?;
    let defined = beside(arguments, &without, &with)?;
    fill(&with, &own[..FILLED.min(own.len())])?;
    let filled = beside(arguments, &without, &with)?;
    let measured = OwnFields { fields: FIELDS, filled_in: FILLED, defined, filled };
    eprintln!("{}", measured.lines());
    report.own_fields = Some(measured);
    Ok(())
}

/// Defines fields until there are as many as there may be; returns their keys.
fn define(stand: &Stand) -> Result<Vec<String>, Failed> {
    let token = stand.token()?;
    let there = stand.request(&token, "GET", DEFINITIONS, None)?;
    let there = there.body["data"].as_array().ok_or("no definitions")?.len();
    let keys: Vec<String> = (there..FIELDS).map(|number| format!("bench_{number}")).collect();
    for key in &keys {
        let body =
            json!({ "object_type": "customer", "key": key, "kind": "text", "label": format!("字段 {key}") });
        expect(201, stand.request(&token, "POST", "/v1/custom-fields", Some(&body.to_string()))?)?;
    }
    Ok(keys)
}

/// Fills some fields in each customer of the list.
fn fill(stand: &Stand, keys: &[String]) -> Result<(), Failed> {
    let token = stand.token()?;
    let page = expect(200, stand.request(&token, "GET", LIST, None)?)?;
    let values: serde_json::Map<String, Value> =
        keys.iter().map(|key| (key.clone(), json!(format!("值 {key}")))).collect();
    let body = json!({ "custom": values }).to_string();
    for customer in page["data"].as_array().ok_or("no list")? {
        let path = format!("{LIST}/{}", customer["id"].as_str().ok_or("no id")?);
        expect(200, stand.request(&token, "PATCH", &path, Some(&body))?)?;
    }
    Ok(())
}

fn expect(status: u16, reply: crate::stand::Reply) -> Result<Value, Failed> {
    if reply.status == status {
        Ok(reply.body)
    } else {
        Err(format!("{} {}", reply.status, reply.body).into())
    }
}

/// The p50 of both in milliseconds, by round.
fn beside(arguments: &Arguments, without: &Stand, with: &Stand) -> Result<[Spread; 2], Failed> {
    let oha = load::oha()?;
    let once = |stand: &Stand, seconds: f64| -> Result<f64, Failed> {
        let token = stand.token()?;
        let requests = load::Requests {
            method: "GET",
            urls: vec![format!("{}{LIST}", stand.address)],
            bodies: &[],
            status: 200,
            token: Some(&token),
        };
        let measured = load::run(&oha, &stand.folder, &requests, 1, seconds)?;
        if measured.errors == 0 { Ok(measured.p50) } else { Err("a list failed".into()) }
    };
    for stand in [without, with] {
        once(stand, 1.0)?;
    }
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..arguments.rounds {
        times[0].push(once(without, arguments.seconds)?);
        times[1].push(once(with, arguments.seconds)?);
    }
    Ok(times.map(|times| Spread::of(times.into_iter())))
}
