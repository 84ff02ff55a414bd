//! How fast Fulcrum is, beside raw PostgreSQL, in one run. See docs/performance.md.

mod capture;
mod growth;
mod load;
mod operations;
mod own_fields;
mod peer;
mod raw;
mod report;
mod rounds;
mod smoke;
mod stand;
mod usage;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Parser, ValueEnum};

use stand::Plan;

/// Whatever went wrong; a benchmark has nobody to explain it to but its user.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Measures Fulcrum beside raw PostgreSQL, in one run.
#[derive(Parser, Debug)]
#[command(name = "bench", max_term_width = 110)]
pub struct Arguments {
    /// A few requests of each operation: no errors, the number of queries, the use of indexes. Measures no time.
    #[arg(long)]
    smoke: bool,
    /// Measure another server on the same tables, too.
    #[arg(long)]
    peer: Option<PeerKind>,
    /// The `fulcrum` program; built with --release unless given.
    #[arg(long)]
    fulcrum: Option<PathBuf>,
    /// Customers of the company that is measured; twice as many contacts.
    #[arg(long, default_value_t = 100_000)]
    scale: u32,
    /// Keep-alive connections, and so requests at one time.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32])]
    connections: Vec<u32>,
    /// Rounds of each measurement.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each side of a round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only operations with this in their name.
    #[arg(long)]
    only: Option<String>,
    /// Customers of the companies whose times are compared; beside 100,000, another 999 companies are measured, too.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    growth: Vec<u32>,
    /// Leave the table of growth out.
    #[arg(long, conflicts_with = "only_growth")]
    no_growth: bool,
    /// Measure the table of growth alone.
    #[arg(long)]
    only_growth: bool,
    /// Measure alone what a company's own fields cost a list.
    #[arg(long, conflicts_with_all = ["only_growth", "only"])]
    only_own_fields: bool,
    /// Where report.md and report.json go.
    #[arg(long, default_value = "target/bench")]
    report: PathBuf,
}

/// What else could be put in front of the same tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PeerKind {
    /// PostGraphile, a GraphQL server made of the database's schema.
    Postgraphile,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.smoke { smoke::run(&arguments) } else { measure(&arguments) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<(), Failed> {
    let plan = Plan { fulcrum: program(arguments)?, durable: true };
    let mut report = report::Report::new()?;
    if !arguments.only_growth && !arguments.only_own_fields {
        rounds::measure(arguments, &plan, &mut report)?;
    }
    // A choice of operations is a choice of the other tables.
    if !arguments.only_growth && arguments.only.is_none() {
        own_fields::measure(arguments, &plan, &mut report)?;
    }
    if !arguments.no_growth && !arguments.only_own_fields {
        growth::measure(arguments, &plan, &mut report)?;
    }
    report.write(&arguments.report)?;
    match report.errors {
        0 => Ok(()),
        errors => Err(format!("{errors} requests failed; the server's answers are in its log").into()),
    }
}

/// The program to measure, built if need be.
fn program(arguments: &Arguments) -> Result<PathBuf, Failed> {
    if let Some(program) = &arguments.fulcrum {
        return Ok(program.canonicalize()?);
    }
    let built = Command::new("cargo")
        .args(["build", "--release", "--locked", "--package", "fulcrum-api"])
        .status()?;
    if !built.success() {
        return Err("fulcrum could not be built".into());
    }
    Ok(PathBuf::from("target/release/fulcrum").canonicalize()?)
}
