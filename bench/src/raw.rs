//! The raw side: the statements that the server sends, sent by pgbench.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Failed;
use crate::capture::Statement;
use crate::stand::{Reply, Stand};

/// Scripts of one operation, chosen from at random.
pub struct Scripts(Vec<PathBuf>);

/// Makes scripts of what was seen of an operation. Of one that writes, only what writes, in one transaction.
pub fn scripts(
    folder: &Path,
    seen: &[(Vec<Statement>, Reply)],
    writes: bool,
    name: &str,
) -> Result<Scripts, Failed> {
    let mut paths = Vec::new();
    for (number, (statements, reply)) in seen.iter().enumerate() {
        let script = if writes { transaction(statements, &reply.body) } else { reading(statements) };
        let path = folder.join(format!("{}-{number}.sql", name.replace(|c: char| !c.is_alphanumeric(), "-")));
        std::fs::write(&path, script)?;
        paths.push(path);
    }
    Ok(Scripts(paths))
}

fn reading(statements: &[Statement]) -> String {
    let queries = statements.iter().filter(|statement| statement.is_query());
    queries.map(|statement| format!("{};\n", statement.written_out(masked))).collect()
}

/// The writes, with new ids, numbers and times in place of those that were seen.
fn transaction(statements: &[Statement], answer: &Value) -> String {
    let new = created(answer);
    let literal = |value: &str| {
        let inner = value.trim_matches('\'');
        if let Some((place, is_id)) = new.iter().enumerate().find_map(|(place, (id, number))| {
            (inner == id).then_some((place, true)).or((inner == number).then_some((place, false)))
        }) {
            return if is_id { new_id(place) } else { new_number(place) };
        }
        if is_now(inner) { "now()".into() } else { masked(value) }
    };
    let mut script = String::from("\\set seq :seq + 1\nbegin;\n");
    // Blocks of numbers are taken now and then, on another connection.
    for statement in statements.iter().filter(|one| one.writes() && !one.sql.contains("number_series")) {
        script.push_str(&statement.written_out(literal));
        script.push_str(";\n");
    }
    script + "commit;\n"
}

/// Id and number of each record that was created.
fn created(answer: &Value) -> Vec<(String, String)> {
    let of =
        |record: &Value| Some((record["id"].as_str()?.to_owned(), record["number"].as_str()?.to_owned()));
    match answer["results"].as_array() {
        Some(results) => results.iter().filter_map(|result| of(&result["record"])).collect(),
        // A record that was changed keeps its id.
        None if answer["version"] == 1 => of(answer).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Grows within a client, as ids that hold the time do.
fn new_id(place: usize) -> String {
    format!(
        "(lpad(to_hex(:run::bigint), 8, '0') || '-0000-7000-8' || lpad(to_hex(:client_id::bigint), 3, '0') || '-' || \
         lpad(to_hex(:seq::bigint * 128 + {place}), 12, '0'))::uuid"
    )
}

fn new_number(place: usize) -> String {
    format!("('R' || :run::text || '-' || :client_id::text || '-' || (:seq::bigint * 128 + {place})::text)")
}

/// Whether a value is a time of today.
fn is_now(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.len() >= 22 && bytes[4] == b'-' && bytes[10] == b' ' && bytes[13] == b':' && text.ends_with("+00")
}

/// pgbench takes `:word` for a variable, in literals, too.
fn masked(value: &str) -> String {
    match value.starts_with('\'') && value.contains(':') {
        true => format!("E{}", value.replace('\\', "\\\\").replace(':', "\\x3a")),
        false => value.to_owned(),
    }
}

/// Runs scripts with prepared statements over so many connections; returns transactions a second.
pub fn run(
    stand: &Stand,
    scripts: &Scripts,
    connections: u32,
    seconds: f64,
    run: u32,
) -> Result<f64, Failed> {
    let programs = stand.postgres_programs().ok_or("the raw side needs the PostgreSQL of the stand")?;
    let mut command = Command::new(programs.join("pgbench"));
    command
        .args(["--no-vacuum", "--protocol", "prepared", "--jobs", &connections.min(2).to_string()])
        .args(["--client", &connections.to_string(), "--time", &(seconds.ceil() as u64).to_string()])
        .args(["--define", "seq=0", "--define", &format!("run={run}")]);
    for script in &scripts.0 {
        command.arg("--file").arg(script);
    }
    let output = command.arg(&stand.database_url).output()?;
    let report = String::from_utf8_lossy(&output.stdout);
    let failed = report.lines().find(|line| line.starts_with("number of failed transactions"));
    if !output.status.success() || !failed.is_some_and(|line| line.contains(": 0 ")) {
        return Err(format!("pgbench: {report}{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let rate = report.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| format!("pgbench: {report}").into())
}

#[cfg(test)]
mod tests {
    use super::{is_now, masked};

    #[test]
    fn times_become_now_and_colons_are_no_variables() {
        assert!(is_now("2026-11-25 11:20:33.123456+00"));
        assert!(!is_now("1988-05-20") && !is_now("杭州科创信息技术有限公司"));
        assert_eq!(masked("'{\"a\": \"b\"}'"), "E'{\"a\"\\x3a \"b\"}'");
        assert_eq!(masked("'x'"), "'x'");
    }
}
