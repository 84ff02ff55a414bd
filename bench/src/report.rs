//! The tables, as Markdown and as JSON.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::Failed;
use crate::growth::Column;

/// Median and range.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// Of some values; not a number of none.
    pub fn of(values: impl Iterator<Item = f64>) -> Spread {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        Spread { median: at(sorted.len() / 2), least: at(0), most: at(sorted.len().saturating_sub(1)) }
    }

    fn json(&self) -> Value {
        json!({ "median": self.median, "least": self.least, "most": self.most })
    }
}

/// An operation at a number of connections.
pub struct Row {
    /// Its name.
    pub operation: &'static str,
    /// Connections.
    pub connections: u32,
    /// Requests a second.
    pub rate: Spread,
    /// Milliseconds.
    pub p50_ms: f64,
    /// Milliseconds.
    pub p99_ms: f64,
    /// Failed requests.
    pub errors: u64,
    /// Processor seconds of the server for 1,000 requests.
    pub server_seconds: f64,
    /// Processor seconds of PostgreSQL for 1,000 requests.
    pub postgres_seconds: f64,
    /// Memory of the server afterwards.
    pub server_mb: f64,
    /// Part of the raw rate, by round.
    pub ratio: Spread,
    /// Transactions a second of pgbench.
    pub raw: Spread,
    /// The part that is aimed at with 32 connections.
    pub goal: Option<f64>,
    /// Rounds that were disturbed and measured again.
    pub repeated: usize,
    /// Rounds that were disturbed and count all the same, because it didn't get better.
    pub disturbed: usize,
    /// Requests a second of the peer.
    pub peer: Option<Spread>,
    /// Length of an answer; 0 for what writes.
    pub bytes: usize,
    /// Statements for one request.
    pub queries: u32,
}

impl Row {
    /// A line of the table.
    pub fn line(&self) -> String {
        let goal = match self.goal.filter(|_| self.connections == 32) {
            Some(goal) => format!("≥ {goal:.2}: {}", met(self.ratio.median >= goal)),
            None => String::new(),
        };
        let tail = match self.connections {
            32 => met(self.p99_ms <= 4.0 * self.p50_ms),
            _ => "",
        };
        format!(
            "| {} | {} | {:.0} ({:.0} to {:.0}) | {:.2} | {:.2} {tail} | {} | {:.3} | {:.3} | {:.0} | {:.0} ({:.0} to {:.0}) | {:.2} ({:.2} to {:.2}) | {goal} | {} |",
            self.operation,
            self.connections,
            self.rate.median,
            self.rate.least,
            self.rate.most,
            self.p50_ms,
            self.p99_ms,
            self.errors,
            self.server_seconds,
            self.postgres_seconds,
            self.server_mb,
            self.raw.median,
            self.raw.least,
            self.raw.most,
            self.ratio.median,
            self.ratio.least,
            self.ratio.most,
            match self.disturbed {
                0 => self.repeated.to_string(),
                disturbed => format!("{}, {disturbed} still disturbed", self.repeated),
            },
        )
    }

    fn json(&self) -> Value {
        json!({
            "operation": self.operation, "connections": self.connections, "rate": self.rate.json(),
            "p50_ms": self.p50_ms, "p99_ms": self.p99_ms, "errors": self.errors,
            "server_cpu_seconds_per_1000": self.server_seconds,
            "postgres_cpu_seconds_per_1000": self.postgres_seconds,
            "server_mb": self.server_mb, "raw_rate": self.raw.json(), "ratio": self.ratio.json(),
            "goal": self.goal, "rounds_repeated": self.repeated, "rounds_disturbed": self.disturbed,
            "peer_rate": self.peer.map(|peer| peer.json()), "bytes": self.bytes, "queries": self.queries,
        })
    }
}

fn met(yes: bool) -> &'static str {
    if yes { "met" } else { "not met" }
}

/// What the most fields that a company may have of its own cost a list: p50 without and with them, in milliseconds.
pub struct OwnFields {
    /// Fields that are defined.
    pub fields: usize,
    /// Fields that each customer of the list has a value for, in the second comparison.
    pub filled_in: usize,
    /// Defined, and none filled.
    pub defined: [Spread; 2],
    /// Some filled.
    pub filled: [Spread; 2],
}

impl OwnFields {
    /// The table.
    pub fn lines(&self) -> String {
        let line = |what: String, [without, with]: &[Spread; 2], goal: bool| {
            let times = with.median / without.median;
            format!(
                "| {what} | {:.3} ({:.3} to {:.3}) | {:.3} ({:.3} to {:.3}) | {times:.2} | {} |",
                without.median,
                without.least,
                without.most,
                with.median,
                with.least,
                with.most,
                if goal { format!("< 1.10: {}", met(times < 1.1)) } else { String::new() },
            )
        };
        format!(
            "| list 50, one connection | p50 ms without (range) | p50 ms with (range) | times | goal |\n|---|---|---|---|---|\n{}\n{}",
            line(format!("{} own fields", self.fields), &self.defined, true),
            line(
                format!("{} own fields, {} of them filled in each row", self.fields, self.filled_in),
                &self.filled,
                false
            ),
        )
    }

    fn json(&self) -> Value {
        let both =
            |[without, with]: &[Spread; 2]| json!({ "without_ms": without.json(), "with_ms": with.json() });
        json!({
            "fields": self.fields, "filled_in": self.filled_in,
            "defined": both(&self.defined), "filled": both(&self.filled),
        })
    }
}

/// Everything that was measured.
pub struct Report {
    /// First table.
    pub rows: Vec<Row>,
    /// Second table.
    pub growth: Vec<Column>,
    /// Third table.
    pub own_fields: Option<OwnFields>,
    /// Requests that failed, everywhere.
    pub errors: u64,
    /// Customers of the first table.
    pub scale: u32,
    /// How long filling took.
    pub seeding_seconds: f64,
    /// The most memory that the server had.
    pub server_peak_mb: f64,
    /// Start on an existing data folder.
    pub start_to_ready_ms: f64,
    /// How the peer's answers are made.
    pub peer: Option<String>,
    machine: String,
    runs: u32,
}

impl Report {
    /// An empty one.
    pub fn new() -> Result<Report, Failed> {
        let commit = Command::new("git").args(["describe", "--always", "--dirty"]).output()?;
        let cores = std::thread::available_parallelism()?;
        let model = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
        let machine = format!(
            "commit {}, {cores} cores, {}",
            String::from_utf8_lossy(&commit.stdout).trim(),
            model.trim_start_matches([' ', '\t', ':']),
        );
        Ok(Report {
            rows: vec![],
            growth: vec![],
            own_fields: None,
            errors: 0,
            scale: 0,
            seeding_seconds: 0.0,
            server_peak_mb: 0.0,
            start_to_ready_ms: 0.0,
            peer: None,
            machine,
            runs: 0,
        })
    }

    /// A number that no other run of pgbench has had: what it writes has to be new.
    pub fn next_run(&mut self) -> u32 {
        self.runs += 1;
        self.runs
    }

    /// Writes report.md and report.json.
    pub fn write(&self, folder: &Path) -> Result<(), Failed> {
        std::fs::create_dir_all(folder)?;
        let markdown = self.markdown();
        std::fs::write(folder.join("report.md"), &markdown)?;
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let growth: Vec<Value> = self
            .growth
            .iter()
            .map(|column| {
                let times = column.times.iter().map(|(name, p50, _)| json!({ "operation": name, "p50_ms": p50 }));
                json!({ "customers": column.scale, "tenants": column.tenants, "times": times.collect::<Vec<_>>() })
            })
            .collect();
        let all = json!({
            "machine": self.machine, "scale": self.scale, "seeding_seconds": self.seeding_seconds,
            "server_peak_mb": self.server_peak_mb, "start_to_ready_ms": self.start_to_ready_ms,
            "rows": rows, "growth": growth,
            "own_fields": self.own_fields.as_ref().map(OwnFields::json),
        });
        std::fs::write(folder.join("report.json"), serde_json::to_string_pretty(&all)?)?;
        println!("{markdown}\nwritten to {}", folder.display());
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut out = format!(
            "{}; {} customers, filled in {:.0} s.\n\n",
            self.machine, self.scale, self.seeding_seconds
        );
        out.push_str(
            "| operation | connections | requests/s (range) | p50 ms | p99 ms | errors | server CPU s/1,000 | PostgreSQL CPU s/1,000 | server MB | raw/s (range) | of raw (range) | goal | rounds repeated |\n\
             |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let _ = writeln!(out, "{}", row.line());
        }
        if self.rows.is_empty() {
            out.clear();
            let _ = writeln!(out, "{}", self.machine);
            self.write_own_fields(&mut out);
            self.write_growth(&mut out);
            return out;
        }
        let _ = writeln!(
            out,
            "\nServer memory at most {:.0} MB (goal under 100: {}). Start to ready on the existing data folder {:.0} ms (goal under 1,000: {}).",
            self.server_peak_mb,
            met(self.server_peak_mb < 100.0),
            self.start_to_ready_ms,
            met(self.start_to_ready_ms < 1000.0),
        );
        self.write_peer(&mut out);
        self.write_own_fields(&mut out);
        self.write_growth(&mut out);
        out
    }

    fn write_own_fields(&self, out: &mut String) {
        if let Some(own_fields) = &self.own_fields {
            let _ = writeln!(out, "\n{}", own_fields.lines());
        }
    }

    fn write_peer(&self, out: &mut String) {
        let Some(description) = &self.peer else { return };
        let _ = writeln!(
            out,
            "\n{description}\n\n| operation | connections | requests/s | peer/s | times the peer | our queries | our bytes |\n|---|---|---|---|---|---|---|"
        );
        let (mut logarithms, mut count) = (0.0, 0);
        for row in &self.rows {
            let Some(peer) = row.peer.filter(|peer| peer.median.is_finite()) else { continue };
            let times = row.rate.median / peer.median;
            logarithms += times.ln();
            count += 1;
            let _ = writeln!(
                out,
                "| {} | {} | {:.0} | {:.0} | {times:.1} | {} | {} |",
                row.operation, row.connections, row.rate.median, peer.median, row.queries, row.bytes
            );
        }
        let mean = (logarithms / f64::from(count.max(1))).exp();
        let _ = writeln!(out, "\nGeometric mean: {mean:.1} times the peer (goal 10: {}).", met(mean >= 10.0));
    }

    fn write_growth(&self, out: &mut String) {
        let Some(first) = self.growth.first() else { return };
        out.push_str("\n| operation, one connection, p50 ms (of the first column) |");
        for column in &self.growth {
            let _ = write!(out, " {} |", column.title);
        }
        out.push_str(" goal |\n|---|");
        out.push_str(&"---|".repeat(self.growth.len() + 1));
        out.push('\n');
        for (place, (name, base, flat)) in first.times.iter().enumerate() {
            let _ = write!(out, "| {name} |");
            let mut last = 1.0;
            for column in &self.growth {
                let time = column.times.get(place).map_or(f64::NAN, |(_, p50, _)| *p50);
                last = time / base;
                let _ = write!(out, " {time:.2} ({last:.2}) |");
            }
            let _ = writeln!(
                out,
                " {} |",
                if *flat { format!("≤ 1.30: {}", met(last <= 1.3)) } else { String::new() }
            );
        }
    }
}
