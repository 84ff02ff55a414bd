//! The first table: each operation beside the raw database, A B A B.

use std::path::Path;

use crate::capture::Observer;
use crate::load::{self, Measured, Requests};
use crate::operations::{self, Operation, VARIETY};
use crate::raw::{self, Scripts};
use crate::report::{Report, Row, Spread};
use crate::stand::{Plan, Stand};
use crate::usage::{Usage, Used, memory};
use crate::{Arguments, Failed, peer};

/// Cores that others may take in a round that counts.
const OTHERS: f64 = 0.2;
/// How far the raw rate of a round may be from the middle one.
const MOVED: f64 = 1.5;

/// Measures all operations at all numbers of connections.
pub fn measure(arguments: &Arguments, plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    let oha = load::oha()?;
    let mut stand = Stand::start(plan, "main", 0)?;
    report.seeding_seconds = stand.fill(&["--scale", &arguments.scale.to_string()])?.as_secs_f64();
    report.scale = arguments.scale;
    let token = stand.token()?;
    let operations = operations::all(&stand, &token)?;
    let mut peer = arguments.peer.map(|_| peer::Peer::start(&stand)).transpose()?;
    report.peer = peer.as_ref().map(|_| peer::DESCRIPTION.to_owned());
    for operation in operations.iter().filter(|one| wanted(arguments, one)) {
        let scripts = scripts(&stand, operation, &token)?;
        for connections in &arguments.connections {
            let bench = Bench { arguments, oha: &oha, stand: &stand, operation, connections: *connections };
            let row = bench.row(&scripts, peer.as_mut(), report)?;
            eprintln!("{}", row.line());
            report.rows.push(row);
        }
    }
    report.server_peak_mb = memory(stand.server_pid)?.1;
    drop(peer);
    report.start_to_ready_ms = stand.restart_on_existing_folder()?.as_secs_f64() * 1000.0;
    Ok(())
}

/// Whether an operation was asked for.
pub fn wanted(arguments: &Arguments, operation: &Operation) -> bool {
    arguments.only.as_ref().is_none_or(|part| operation.name.contains(part.as_str()))
}

fn scripts(stand: &Stand, operation: &Operation, token: &str) -> Result<Scripts, Failed> {
    let times =
        if operation.bodies.is_empty() || operation.method == "PATCH" { operation.paths.len() } else { 1 };
    let seen = Observer::connect(stand)?.statements_of(
        stand,
        |number| {
            let body = operation.bodies.get(number % operation.bodies.len().max(1));
            let path = &operation.paths[number % operation.paths.len()];
            stand.request(token, operation.method, path, body.map(String::as_str))
        },
        times.min(VARIETY),
    )?;
    raw::scripts(&stand.folder, &seen, operation.writes(), operation.name)
}

struct Bench<'a> {
    arguments: &'a Arguments,
    oha: &'a Path,
    stand: &'a Stand,
    operation: &'a Operation,
    connections: u32,
}

struct Round {
    ours: Measured,
    used: Used,
    raw: f64,
    peer: Option<Measured>,
}

impl Bench<'_> {
    fn row(
        &self,
        scripts: &Scripts,
        mut peer: Option<&mut peer::Peer>,
        report: &mut Report,
    ) -> Result<Row, Failed> {
        // Connections are opened, statements prepared, pages read.
        self.ours(1.0)?;
        let mut rounds: Vec<Round> = Vec::new();
        let mut repeated = 0;
        while rounds.len() < self.arguments.rounds {
            let round = self.round(scripts, peer.as_deref_mut(), report.next_run())?;
            report.errors += round.ours.errors;
            rounds.push(round);
            let settled = rounds.len() == self.arguments.rounds;
            // A round that was disturbed is measured again, but not for ever: then the report says so.
            if repeated < self.arguments.rounds * 2 {
                let before = rounds.len();
                let middle = Spread::of(rounds.iter().map(|round| round.raw)).median;
                rounds.retain(|round| {
                    let far = settled && (round.raw / middle).max(middle / round.raw) > MOVED;
                    round.used.others <= OTHERS && !far
                });
                repeated += before - rounds.len();
            }
        }
        let per_thousand = |of: fn(&Used) -> f64| {
            Spread::of(
                rounds.iter().map(|round| of(&round.used) / round.ours.requests.max(1) as f64 * 1000.0),
            )
            .median
        };
        let raw = Spread::of(rounds.iter().map(|round| round.raw));
        let peer = peer
            .is_some()
            .then(|| Spread::of(rounds.iter().filter_map(|round| Some(round.peer.as_ref()?.rate))));
        let bytes = self.bytes()?;
        Ok(Row {
            operation: self.operation.name,
            connections: self.connections,
            rate: Spread::of(rounds.iter().map(|round| round.ours.rate)),
            p50_ms: Spread::of(rounds.iter().map(|round| round.ours.p50)).median,
            p99_ms: Spread::of(rounds.iter().map(|round| round.ours.p99)).median,
            errors: rounds.iter().map(|round| round.ours.errors).sum(),
            server_seconds: per_thousand(|used| used.server),
            postgres_seconds: per_thousand(|used| used.postgres),
            server_mb: memory(self.stand.server_pid)?.0,
            ratio: Spread::of(rounds.iter().map(|round| round.ours.rate / round.raw)),
            raw,
            goal: self.operation.goal,
            repeated,
            disturbed: rounds.iter().filter(|round| round.used.others > OTHERS).count(),
            peer,
            bytes,
            queries: self.operation.queries,
        })
    }

    fn round(&self, scripts: &Scripts, peer: Option<&mut peer::Peer>, run: u32) -> Result<Round, Failed> {
        let before = Usage::now(self.stand, &[])?;
        let ours = self.ours(self.arguments.seconds)?;
        let between = Usage::now(self.stand, &[])?;
        let raw = raw::run(self.stand, scripts, self.connections, self.arguments.seconds, run)?;
        let raw_used = Usage::now(self.stand, &[])?.since(&between);
        let mut used = between.since(&before);
        used.others = used.others.max(raw_used.others);
        let peer = match peer {
            Some(peer) => {
                peer.measure(self.oha, self.stand, self.operation, self.connections, self.arguments.seconds)?
            }
            None => None,
        };
        Ok(Round { ours, used, raw, peer })
    }

    fn ours(&self, seconds: f64) -> Result<Measured, Failed> {
        let token = self.stand.token()?;
        let requests = requests(self.stand, self.operation, &token);
        load::run(self.oha, &self.stand.folder, &requests, self.connections, seconds)
    }

    fn bytes(&self) -> Result<usize, Failed> {
        if self.operation.writes() {
            return Ok(0);
        }
        Ok(self.stand.request(&self.stand.token()?, "GET", &self.operation.paths[0], None)?.bytes)
    }
}

/// An operation as the load generator takes it.
pub fn requests<'a>(stand: &Stand, operation: &'a Operation, token: &'a str) -> Requests<'a> {
    Requests {
        method: operation.method,
        urls: operation.paths.iter().map(|path| format!("{}{path}", stand.address)).collect(),
        bodies: &operation.bodies,
        status: operation.status,
        token: Some(token),
    }
}
