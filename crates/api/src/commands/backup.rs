//! `fulcrum backup` and `fulcrum restore`

use std::path::PathBuf;

use clap::Args;
use fulcrum_persistence::Clock;
use indicatif::{ProgressBar, ProgressStyle};

use super::installation::Database;
use crate::platform::backups::{self, Source};
use crate::platform::files::FileStore;
use crate::settings::{DatabaseSettings, OutsideSettings};

/// Where to make a copy.
#[derive(Args, Debug)]
pub struct Backup {
    /// Folder below which the backup becomes a folder of its own.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    #[command(flatten)]
    outside: OutsideSettings,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// Which copy to bring back.
#[derive(Args, Debug)]
pub struct Restore {
    /// Folder of the backup.
    folder: PathBuf,
    /// The file store holds the files of the backup already: only the database was lost.
    #[arg(long)]
    files_are_there: bool,
    #[command(flatten)]
    outside: OutsideSettings,
    #[command(flatten)]
    database: DatabaseSettings,
}

impl Backup {
    /// Makes it; the server may go on meanwhile.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn run(&self) -> Result<(), String> {
        let database = Database::open_beside(&self.database)?;
        let files = FileStore::open(&self.outside, &self.database.data)?;
        let bar = Bar::new();
        let source = Source { url: &database.url, pg_bin: self.database.pg_bin.as_deref(), files: &files };
        let report: backups::Report = &mut |what, done, all| bar.show(what, done, all);
        let now = Clock::system().now();
        let made = block_on(backups::make(&source, &self.to, backups::WANTED, now, report))?;
        bar.clear();
        println!("{}", made?.display());
        println!("The secret of the installation is not in it: keep that, too, in another place.");
        Ok(())
    }
}

impl Restore {
    /// Brings it back.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn run(&self) -> Result<(), String> {
        let database = Database::open(&self.database)?;
        let files = FileStore::open(&self.outside, &self.database.data)?;
        let bar = Bar::new();
        let into = Source { url: &database.url, pg_bin: self.database.pg_bin.as_deref(), files: &files };
        let report: backups::Report = &mut |what, done, all| bar.show(what, done, all);
        let restored = block_on(backups::restore(&into, &self.folder, self.files_are_there, report))?;
        bar.clear();
        let manifest = restored?;
        database.migrate()?;
        println!("restored what was there at {}, with {} files", manifest.begun_at, manifest.files);
        println!(
            "Start the servers with the secret that the installation had; without it people sign in anew, and webhooks need new secrets."
        );
        Ok(())
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| error.to_string())?.block_on(work))
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Bar {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{msg:<12} {wide_bar} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        Bar(bar)
    }

    /// Nobody stops it but by Ctrl-C.
    fn show(&self, what: &str, done: u64, all: u64) -> bool {
        self.0.set_message(what.to_owned());
        self.0.set_length(all);
        self.0.set_position(done);
        true
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}
