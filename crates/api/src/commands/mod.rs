//! The command line.

mod admin;
mod backup;
mod demo;
mod demo_data;
mod demo_extras;
mod demo_file;
mod demo_scale;
mod demo_work;
mod doctor;
mod file;
mod import;
mod installation;
mod serve;
mod worker;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use demo::{fill as fill_demo, fill_companies as fill_demo_companies};
pub use demo_extras::add as add_demo_extras;
pub use demo_scale::fill_up as fill_demo_up;
pub use installation::create_tenant;

use crate::settings::DatabaseSettings;

/// A headless CRM: JSON over HTTP, PostgreSQL underneath.
#[derive(Parser, Debug)]
#[command(
    name = "fulcrum",
    version,
    about = "A headless CRM: JSON over HTTP, PostgreSQL underneath",
    max_term_width = 110
)]
struct Cli {
    /// A TOML file with settings: the names of the flags with underscores, such as `database_url = "…"`. Flags and the
    /// environment go before it. `fulcrum.toml` in the current folder is read when it is there.
    #[arg(long, global = true, env = "FULCRUM_CONFIG")]
    config: Option<std::path::PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server (with a private PostgreSQL unless a database is named)
    Serve(Box<serve::Serve>),
    /// Do jobs, without a server: any number of these may share a database with servers
    Worker(Box<worker::WorkerCommand>),
    /// Bring the database up to this program
    Migrate(DatabaseSettings),
    /// Print the contract (openapi.json); needs no database
    Openapi,
    /// Fill a tenant with the demo company; running it again changes nothing
    Demo(demo::Demo),
    /// Create tenants and users, and help people who can't sign in
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Bring a spreadsheet in
    #[command(subcommand)]
    Import(Box<import::Import>),
    /// Make a copy of everything, while the servers go on
    Backup(backup::Backup),
    /// Bring a copy back into an empty database
    Restore(backup::Restore),
    /// Check configuration, database, migrations and clock, and say what to do
    Doctor(doctor::Doctor),
}

/// Runs the program.
pub fn run() -> ExitCode {
    match parse().and_then(|cli| dispatch(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("fulcrum: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Cli, String> {
    let command = file::with_defaults(Cli::command())?;
    let matches = command.get_matches();
    Cli::from_arg_matches(&matches).map_err(|error| error.to_string())
}

/// Runs a command with these arguments, as the program does with its own.
///
/// # Errors
/// A sentence for a person.
pub fn run_with(arguments: &[&str]) -> Result<(), String> {
    let cli = Cli::try_parse_from(std::iter::once(&"fulcrum").chain(arguments))
        .map_err(|error| error.to_string())?;
    dispatch(cli.command)
}

fn dispatch(command: Command) -> Result<(), String> {
    match command {
        Command::Serve(serve) => serve.run(),
        Command::Worker(worker) => worker.run(),
        Command::Migrate(settings) => {
            let database = installation::Database::open(&settings)?;
            let applied = database.migrate()?;
            match applied.as_slice() {
                [] => println!("The database is up to date."),
                names => names.iter().for_each(|name| println!("applied {name}")),
            }
            Ok(())
        }
        Command::Openapi => {
            let document = crate::server::contract().document;
            let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
            println!("{text}");
            Ok(())
        }
        Command::Demo(demo) => demo.run(),
        Command::Admin(admin) => admin.run(),
        Command::Import(import) => import.run(),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::Doctor(doctor) => doctor.run(),
    }
}
