//! The third table: what a company's own fields cost a list.

use serde_json::{Value, json};

use crate::load;
use crate::report::{OwnFields, Report, Spread};
use crate::stand::{Plan, Stand};
use crate::{Arguments, Failed};

/// Customers of both companies: how many there are is no matter to a first page, see the table of growth.
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
    fill(&with, own.get(..FILLED).ok_or("too few own fields")?)?;
    let filled = beside(arguments, &without, &with)?;
    let measured = OwnFields { fields: FIELDS, filled_in: FILLED, defined, filled };
    eprintln!("{}", measured.lines());
    report.own_fields = Some(measured);
    Ok(())
}

/// Defines fields until there are as many as there may be; returns their keys.
fn define(stand: &Stand) -> Result<Vec<String>, Failed> {
    let token = stand.token()?;
    let there = stand.expect(200, &token, "GET", DEFINITIONS, None)?;
    let there = there["data"].as_array().ok_or("no definitions")?.len();
    let keys: Vec<String> = (there..FIELDS).map(|number| format!("bench_{number}")).collect();
    for key in &keys {
        let body =
            json!({ "object_type": "customer", "key": key, "kind": "text", "label": format!("字段 {key}") });
        stand.expect(201, &token, "POST", "/v1/custom-fields", Some(&body.to_string()))?;
    }
    Ok(keys)
}

/// Fills some fields in each customer of the list.
fn fill(stand: &Stand, keys: &[String]) -> Result<(), Failed> {
    let token = stand.token()?;
    let page = stand.expect(200, &token, "GET", LIST, None)?;
    let values: serde_json::Map<String, Value> =
        keys.iter().map(|key| (key.clone(), json!(format!("值 {key}")))).collect();
    let body = json!({ "custom": values }).to_string();
    for customer in page["data"].as_array().ok_or("no list")? {
        let path = format!("{LIST}/{}", customer["id"].as_str().ok_or("no id")?);
        stand.expect(200, &token, "PATCH", &path, Some(&body))?;
    }
    Ok(())
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
        load::alone(&oha, &stand.folder, &requests, seconds)
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
