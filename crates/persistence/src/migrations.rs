//! The schema's history, embedded in the program.

use diesel::pg::PgConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::StoreError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// One process migrates, others wait: any number of servers may start at once.
const LOCK: i64 = 0x0046_554c_4352_554d;

/// Brings the database up to this program and returns the names of what was applied.
///
/// # Errors
/// [`StoreError::Unavailable`] without a database, [`StoreError::Internal`] when a migration fails.
pub fn apply(url: &str) -> Result<Vec<String>, StoreError> {
    let mut conn = connect(url)?;
    sql_query(format!("select pg_advisory_lock({LOCK})")).execute(&mut conn)?;
    let applied =
        conn.run_pending_migrations(MIGRATIONS).map_err(|error| StoreError::Internal(error.to_string()))?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// The names of the migrations that the database doesn't have yet.
///
/// # Errors
/// As for [`apply`].
pub fn pending(url: &str) -> Result<Vec<String>, StoreError> {
    pending_on(&mut connect(url)?)
}

/// The same on a connection that is there. Only reads: readiness is asked every few seconds, perhaps of a standby.
pub(crate) fn pending_on(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    use diesel::migration::MigrationSource;
    #[derive(QueryableByName)]
    struct Applied {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let applied: Vec<Applied> =
        match sql_query("select version::text from __diesel_schema_migrations").load(conn) {
            Err(error) if error.to_string().contains("does not exist") => Vec::new(),
            found => found?,
        };
    let known = MigrationSource::<diesel::pg::Pg>::migrations(&MIGRATIONS)
        .map_err(|error| StoreError::Internal(error.to_string()))?;
    Ok(known
        .iter()
        .filter(|migration| {
            let version = migration.name().version().to_string();
            !applied.iter().any(|applied| applied.version == version)
        })
        .map(|migration| migration.name().to_string())
        .collect())
}

/// Takes back every migration, newest first: for the test that each `down.sql` restores.
///
/// # Errors
/// As for [`apply`].
pub fn revert_last(url: &str) -> Result<String, StoreError> {
    let mut conn = connect(url)?;
    conn.revert_last_migration(MIGRATIONS)
        .map(|version| version.to_string())
        .map_err(|error| StoreError::Internal(error.to_string()))
}

/// Takes back every migration that was applied and that this program knows.
pub(crate) fn revert_all(conn: &mut PgConnection) -> Result<(), StoreError> {
    conn.revert_all_migrations(MIGRATIONS).map_err(|error| StoreError::Internal(error.to_string()))?;
    Ok(())
}

/// Creates a database beside the one that the URL names, unless it is there.
///
/// # Errors
/// As for [`apply`].
pub fn ensure_database(url: &str, name: &str) -> Result<(), StoreError> {
    let mut conn = connect(url)?;
    match sql_query(format!("create database \"{}\"", name.replace('"', "\"\""))).execute(&mut conn) {
        Ok(_) => Ok(()),
        Err(error) if error.to_string().contains("already exists") => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn connect(url: &str) -> Result<PgConnection, StoreError> {
    PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.to_string()))
}
