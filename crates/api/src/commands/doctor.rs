//! `fulcrum doctor`

use chrono::{DateTime, Utc};
use clap::Args;
use fulcrum_persistence::platform::maintenance;
use fulcrum_persistence::{Clock, migrations};

use super::installation::{self, Database};
use crate::platform::mail::Mailer;
use crate::settings::{DatabaseSettings, MailSettings, SecretSettings};

/// What to check.
#[derive(Args, Debug)]
pub struct Doctor {
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    secret: SecretSettings,
    #[command(flatten)]
    mail: MailSettings,
}

/// Clocks that differ by more than this make tokens and due times wrong.
const TOLERATED_SECONDS: i64 = 5;

impl Doctor {
    /// Checks everything and says what to do.
    ///
    /// # Errors
    /// The number of things that are not right.
    pub fn run(&self) -> Result<(), String> {
        let mut wrong = 0;
        let mut say = |what: &str, result: Result<String, String>| {
            match result {
                Ok(text) => println!("ok     {what:<14} {text}"),
                Err(text) => {
                    wrong += 1;
                    println!("WRONG  {what:<14} {text}");
                }
            };
        };
        say(
            "secret",
            installation::keys(&self.secret, &self.database.data)
                .map(|keys| format!("key id {}", keys.key_id())),
        );
        match Database::open(&self.database) {
            Err(error) => say("database", Err(error)),
            Ok(database) => {
                say("database", Ok(database.place()));
                match maintenance::server(&database.url) {
                    Err(error) => say(
                        "connection",
                        Err(format!("{error}. Check DATABASE_URL, and that PostgreSQL runs.")),
                    ),
                    Ok(server) => {
                        say("version", version(server.version));
                        say("language", language(&server.messages));
                        say("clock", clock(server.now, Clock::system().now()));
                        say("migrations", migrated(&database.url));
                    }
                }
            }
        }
        say("mail", mail(&self.mail));
        if wrong == 0 { Ok(()) } else { Err(format!("{wrong} of the checks failed")) }
    }
}

fn version(number: i32) -> Result<String, String> {
    match number / 10_000 {
        major @ 15.. => Ok(format!("PostgreSQL {major}")),
        major => Err(format!("PostgreSQL {major}: 15 or newer is needed")),
    }
}

/// Deadlocks and time-outs can be told apart only by their text.
fn language(messages: &str) -> Result<String, String> {
    if ["C", "POSIX"].contains(&messages) || messages.starts_with("en") || messages.starts_with("C.") {
        Ok(format!("messages in {messages}"))
    } else {
        Err(format!("messages in {messages}: alter database … set lc_messages to 'C'"))
    }
}

fn clock(database: DateTime<Utc>, here: DateTime<Utc>) -> Result<String, String> {
    let seconds = (here - database).num_seconds();
    if seconds.abs() <= TOLERATED_SECONDS {
        Ok(format!("differs from the database's by {seconds} s"))
    } else {
        Err(format!("differs from the database's by {seconds} s: synchronise both with NTP"))
    }
}

/// Goes as far as a letter would, and sends none.
fn mail(settings: &MailSettings) -> Result<String, String> {
    let Some(mailer) = Mailer::open(settings)? else {
        return Ok("not configured: nothing is mailed (--smtp-url, --mail-from)".into());
    };
    let place = mailer.place();
    match mailer.greet() {
        Ok(()) => Ok(place),
        Err(error) => Err(format!("{place}: {error}")),
    }
}

fn migrated(url: &str) -> Result<String, String> {
    match migrations::pending(url) {
        Ok(pending) if pending.is_empty() => Ok("all applied".into()),
        Ok(pending) => Err(format!("{} missing: run `fulcrum migrate`", pending.join(", "))),
        Err(error) => Err(error.to_string()),
    }
}
