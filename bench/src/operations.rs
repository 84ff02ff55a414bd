//! The operations that are measured.

use serde_json::{Value, json};

use crate::Failed;
use crate::stand::Stand;

/// Something that callers do, over and over.
pub struct Operation {
    /// Name in the report.
    pub name: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Paths to choose from.
    pub paths: Vec<String>,
    /// Bodies to choose from; none for reading.
    pub bodies: Vec<String>,
    /// The status of success.
    pub status: u16,
    /// Statements that the server may send for one request, `BEGIN` and `COMMIT` included.
    pub queries: u32,
    /// The part of the raw rate that is aimed at, with 32 connections.
    pub goal: Option<f64>,
    /// Whether its time at 1,000,000 customers has to be that at 10,000.
    pub flat: bool,
}

impl Operation {
    /// Whether it changes something.
    pub fn writes(&self) -> bool {
        self.method != "GET"
    }
}

/// Different requests of one kind: enough that nothing is answered from one hot page.
pub const VARIETY: usize = 64;

/// Different new customers: one that is there already is compared with all that it may be, and noted as a likely duplicate. That
/// is another operation.
const NEW: usize = 20_000;

/// How deep the second page of a list is.
const DEEP: usize = 50_000;

/// All operations, over the data of a stand.
pub fn all(stand: &Stand, token: &str) -> Result<Vec<Operation>, Failed> {
    let ask = |path: &str| stand.expect(200, token, "GET", path, None);
    let ids = spread_ids(&ask)?;
    let deep = cursor_behind(&ask, DEEP)?;
    let some = ask(&format!("/v1/customers/{}", ids[0]))?;
    let owner = text(&some["owner_id"]);
    let read = |name, paths: Vec<String>, queries, goal| Operation {
        name,
        method: "GET",
        paths,
        bodies: vec![],
        status: 200,
        queries,
        goal,
        flat: true,
    };
    let each = |values: &[&str], path: &str| -> Vec<String> {
        values.iter().map(|value| format!("{path}{}", percent(value))).collect()
    };
    let write = |name, method, paths: Vec<String>, bodies: Vec<String>, status, queries| Operation {
        name,
        method,
        paths,
        bodies,
        status,
        queries,
        goal: Some(0.5),
        flat: false,
    };
    let single: Vec<String> = ids.iter().map(|id| format!("/v1/customers/{id}")).collect();
    let filtered = ["acquisition", "conversion", "retention", "repurchase", "referral"]
        .map(|stage| format!("/v1/customers?owner_id={owner}&lifecycle_stage={stage}"));
    let new: Vec<String> = (0..NEW).map(|number| new_customer(number).to_string()).collect();
    let patches = (0..1000).map(
        |number| json!({ "notes": format!("第 {number} 次拜访"), "grade": (["A", "B", "C"][number % 3]) }),
    );
    let batches = (0..NEW / 100).map(|batch| {
        let new = (0..100).map(|number| new_customer(NEW + batch * 100 + number));
        json!({ "items": new.map(|new| json!({ "action": "create", "data": new })).collect::<Vec<_>>() })
            .to_string()
    });
    Ok(vec![
        read("get by id", single.clone(), 1, Some(0.35)),
        read("list 50, first page", vec!["/v1/customers".into()], 1, Some(0.45)),
        read("list 50, after 50,000", vec![format!("/v1/customers?cursor={deep}")], 1, Some(0.45)),
        read("filtered list", filtered.to_vec(), 1, Some(0.45)),
        read(
            "search, two characters",
            each(&["科创", "华信", "云帆", "远景", "宏图", "凌云", "启明", "润泽"], "/v1/customers?q="),
            1,
            Some(0.5),
        ),
        read(
            "search, telephone digits",
            each(&["1381", "1395", "1508", "1863", "1777", "1332", "1385", "1509"], "/v1/customers?q="),
            1,
            Some(0.5),
        ),
        read(
            "search, miss",
            each(&["龘龘", "qqxqzz", "00000000000", "齉靐"], "/v1/customers?q="),
            1,
            Some(0.5),
        ),
        write("create", "POST", vec!["/v1/customers".into()], new, 201, 8),
        write("patch", "PATCH", single, patches.map(|patch| patch.to_string()).collect(), 200, 6),
        write("batch create of 100", "POST", vec!["/v1/customers/batch".into()], batches.collect(), 207, 804),
    ])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Ids from the whole of the table.
fn spread_ids(ask: &impl Fn(&str) -> Result<Value, Failed>) -> Result<Vec<String>, Failed> {
    let oldest = ask("/v1/customers?sort=created_at&limit=1")?;
    let newest = ask("/v1/customers?sort=-created_at&limit=1")?;
    let number = |list: &Value| -> u64 {
        let digits = text(&list["data"][0]["number"]);
        digits.get(5..).and_then(|digits| digits.parse().ok()).unwrap_or_default()
    };
    let year = text(&oldest["data"][0]["number"])[..5].to_owned();
    let (first, last) = (number(&oldest), number(&newest));
    (0..VARIETY as u64)
        .map(|place| {
            let wanted = first + (last - first) * place / VARIETY as u64;
            let list = ask(&format!("/v1/customers?limit=1&number={year}{wanted:06}"))?;
            list["data"][0]["id"]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| format!("no customer {wanted}").into())
        })
        .collect()
}

/// The cursor of the page that begins behind so many rows, or in the middle where there are fewer.
fn cursor_behind(ask: &impl Fn(&str) -> Result<Value, Failed>, rows: usize) -> Result<String, Failed> {
    let mut last = String::new();
    for page in 0..rows / 200 {
        let cursor = if page == 0 { String::new() } else { format!("&cursor={last}") };
        match ask(&format!("/v1/customers?limit=200{cursor}"))?["next_cursor"].as_str() {
            Some(next) => last = next.to_owned(),
            None => break,
        }
    }
    Ok(last)
}

fn new_customer(number: usize) -> Value {
    json!({
        "kind": "company",
        "name": format!("{}有限公司", new_name(number)),
        "phone": format!("+86139{:08}", 99_000_000 + number),
        "email": format!("info@n{number}.example"),
        "website": format!("https://www.n{number}.example/"),
        "grade": (["A", "B", "C"][number % 3]),
        "lifecycle_stage": "acquisition",
        "industry": "I",
        "industry_detail": "软件",
        "staff_count": 20 + number,
        "annual_revenue": { "amount": "1200000.00", "currency": "CNY" },
        "source": "展会",
        "pain_points": ["数据分散"],
        "tags": ["高潜力"],
        "address": { "country": "CN", "region": "浙江省", "city": "杭州市", "street": format!("科技路 {number} 号") },
    })
}

/// A name that shares no three letters with that of another number: its letters are those of the number in base 1000, each in another
/// part of the common characters.
fn new_name(number: usize) -> String {
    let letters = [number % 1000, number / 1000 % 1000, (number * 7919) % 1000, (number * 104_729) % 1000];
    let of = |(place, letter): (usize, &usize)| char::from_u32(0x5000 + (place * 1000 + letter) as u32);
    letters.iter().enumerate().filter_map(of).collect()
}
