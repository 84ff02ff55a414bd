//! How a connection is opened, and when it is thrown away.

use std::time::Duration;

use diesel::connection::Connection;
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::{ConnectionError, PgConnection, connection::SimpleConnection};

use super::stats;

/// A connection and whether it has shown itself to be gone.
pub(super) struct Conn {
    pub(super) pg: PgConnection,
    pub(super) broken: bool,
}

pub(super) struct Manager {
    url: String,
    statement_timeout: Duration,
}

impl Manager {
    pub(super) fn new(url: String, statement_timeout: Duration) -> Manager {
        Manager { url, statement_timeout }
    }
}

impl ManageConnection for Manager {
    type Connection = Conn;
    type Error = ConnectionError;

    fn connect(&self) -> Result<Conn, ConnectionError> {
        let mut pg = PgConnection::establish(&patient(&self.url))?;
        // Compiling a plan takes longer than any of our queries: `jit` would do it for what the planner overestimates.
        pg.batch_execute(&format!(
            "set jit = off; set time zone 'UTC'; set statement_timeout = {}; set lock_timeout = '5s'; \
             set idle_in_transaction_session_timeout = '30s'; set application_name = 'fulcrum'",
            self.statement_timeout.as_millis()
        ))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
        // Some errors can be told apart only by their text. Not everybody may choose the language; then a server
        // that speaks another one is noticed by `fulcrum doctor`.
        let _ = pg.batch_execute("set lc_messages to 'C'");
        pg.set_instrumentation(stats::Counter::default());
        Ok(Conn { pg, broken: false })
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), ConnectionError> {
        conn.pg.ping().map_err(ConnectionError::CouldntSetupConfiguration)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        std::thread::panicking() || conn.broken || conn.pg.is_broken()
    }
}

/// The URL with limits to how long a host that has vanished is waited for, unless it sets its own.
pub(crate) fn patient(url: &str) -> String {
    let mut patient = url.to_owned();
    for (name, value) in [("connect_timeout", "3"), ("tcp_user_timeout", "20000"), ("keepalives_idle", "10")]
    {
        if !patient.contains(&format!("{name}=")) {
            patient.push(if patient.contains('?') { '&' } else { '?' });
            patient.push_str(&format!("{name}={value}"));
        }
    }
    patient
}

#[derive(Debug)]
pub(super) struct LogPoolErrors;

impl<E: std::error::Error> diesel::r2d2::HandleError<E> for LogPoolErrors {
    fn handle_error(&self, error: E) {
        tracing::warn!(%error, "no connection to the database");
    }
}
