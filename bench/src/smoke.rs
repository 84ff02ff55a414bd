//! What can be asserted without looking at a clock: no errors, the number of queries, the use of indexes.

use std::path::PathBuf;
use std::thread;

use crate::capture::{Observer, Statement, scans};
use crate::operations::{self, Operation};
use crate::stand::{Plan, Stand};
use crate::{Arguments, Failed};

/// Enough that the planner prefers an index, few enough for a minute.
const SCALE: u32 = 8000;
/// Requests at one time, and from each.
const THREADS: usize = 4;
const EACH: usize = 8;
/// Behind the numbers of the requests above: what was changed so before wouldn't change again.
const UNUSED: usize = 500;

/// Runs every operation a few times.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    let fulcrum = arguments.fulcrum.clone().unwrap_or_else(|| PathBuf::from("target/debug/fulcrum"));
    let plan = Plan { fulcrum: fulcrum.canonicalize()?, durable: false };
    let stand = Stand::start(&plan, "smoke", SCALE)?;
    let token = stand.token()?;
    let mut wrong = Vec::new();
    for operation in operations::all(&stand, &token)? {
        wrong.extend(errors(&stand, &operation, &token)?);
        wrong.extend(queries(&stand, &operation, &token)?);
        println!("{}", operation.name);
    }
    if wrong.is_empty() {
        println!("smoke: ok");
        return Ok(());
    }
    Err(wrong.join("\n").into())
}

/// Several callers at once; every answer has to be the right one.
fn errors(stand: &Stand, operation: &Operation, token: &str) -> Result<Vec<String>, Failed> {
    let times = if operation.name.starts_with("batch") { 1 } else { EACH };
    let caller = |first: usize| -> Result<Vec<String>, Failed> {
        let mut wrong = Vec::new();
        for number in (first..).step_by(THREADS).take(times) {
            let reply = send(stand, operation, token, number)?;
            if reply.status != operation.status {
                wrong.push(format!("{}: {} {}", operation.name, reply.status, reply.body));
            }
        }
        Ok(wrong)
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..THREADS).map(|first| scope.spawn(move || caller(first))).collect();
        let mut wrong = Vec::new();
        for caller in callers {
            wrong.extend(caller.join().map_err(|_| "a caller panicked")??);
        }
        Ok(wrong)
    })
}

/// The number of queries is what it is said to be, in the header and in PostgreSQL's own log, and none reads a large
/// table from end to end.
fn queries(stand: &Stand, operation: &Operation, token: &str) -> Result<Vec<String>, Failed> {
    let mut observer = Observer::connect(stand)?;
    let seen = observer.statements_of(stand, |number| send(stand, operation, token, number + UNUSED), 2)?;
    let mut wrong = Vec::new();
    for (statements, reply) in &seen {
        let own: Vec<&Statement> =
            statements.iter().filter(|one| !one.sql.contains("number_series")).collect();
        if own.len() != operation.queries as usize || reply.queries != Some(operation.queries) {
            wrong.push(format!(
                "{}: {} queries are allowed, {:?} were counted, and logged were {:#?}",
                operation.name,
                operation.queries,
                reply.queries,
                own.iter().map(|one| &one.sql).collect::<Vec<_>>()
            ));
        }
    }
    // One of each text: a batch repeats them.
    let mut explained: Vec<&str> = Vec::new();
    for statement in seen.iter().flat_map(|(statements, _)| statements).filter(|one| one.is_query()) {
        if explained.contains(&statement.sql.as_str()) || statement.sql.contains("advisory") {
            continue;
        }
        explained.push(&statement.sql);
        for any_values in [false, true] {
            for table in scans(&observer.plan(statement, any_values)?) {
                wrong.push(format!(
                    "{}: {table} is read from end to end by {}",
                    operation.name, statement.sql
                ));
            }
        }
    }
    if explained.is_empty() {
        wrong.push(format!("{}: nothing was explained", operation.name));
    }
    Ok(wrong)
}

fn send(
    stand: &Stand,
    operation: &Operation,
    token: &str,
    number: usize,
) -> Result<crate::stand::Reply, Failed> {
    let path = &operation.paths[number % operation.paths.len()];
    let body = operation.bodies.get(number % operation.bodies.len().max(1));
    stand.request(token, operation.method, path, body.map(String::as_str))
}
