//! Copies of the database: made and brought back by PostgreSQL's own programs, in the custom format of `pg_dump`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool};
use url::Url;

use crate::migrations::{self, connect};
use crate::platform::maintenance;
use crate::{StoreError, local_postgres};

/// Why a copy could not be made or brought back.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The program isn't there or can't be run.
    #[error(
        "{program}: {error}. PostgreSQL's client programs have to be installed; --pg-bin names their folder."
    )]
    NoProgram {
        /// Which one.
        program: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The program failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// Which one.
        program: String,
        /// Its last words.
        said: String,
    },
    /// Somebody wanted it to stop.
    #[error("it was stopped")]
    Stopped,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Tables of the database: the units of what `dump` and `restore` report.
///
/// # Errors
/// Those of the database.
pub fn tables(url: &str) -> Result<i64, StoreError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let counted: Counted = sql_query(
        "select count(*) as count from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = 'public' and c.relkind = 'r'",
    )
    .get_result(&mut connect(url)?)?;
    Ok(counted.count)
}

/// Writes everything that is in the database at this moment to a file. `each` is called for each table, and says whether to go on.
///
/// # Errors
/// [`DumpError`].
pub fn dump(url: &str, bin: Option<&Path>, to: &Path, each: impl FnMut() -> bool) -> Result<(), DumpError> {
    let mut command = client("pg_dump", bin, url)?;
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--verbose", "--file"]).arg(to);
    run(command, "dumping contents of table", each)
}

/// Brings what a file holds into an empty database, all or nothing. `each` is called for each table, and says whether to go on.
///
/// # Errors
/// [`DumpError`].
pub fn restore(
    url: &str,
    bin: Option<&Path>,
    from: &Path,
    each: impl FnMut() -> bool,
) -> Result<(), DumpError> {
    let mut command = client("pg_restore", bin, url)?;
    command
        .args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--verbose"])
        .arg(from);
    run(command, "processing data for table", each)
}

/// A schema that is there as long as a database was brought back and isn't finished.
const UNFINISHED: &str = "fulcrum_unfinished_restore";

fn ask(conn: &mut PgConnection, query: &str) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = Bool)]
        answer: bool,
    }
    Ok(sql_query(query).get_result::<Answer>(conn)?.answer)
}

/// Marks a database as one that isn't finished, until [`begin_epoch`].
///
/// # Errors
/// Those of the database.
pub fn begin_restore(url: &str) -> Result<(), StoreError> {
    sql_query(format!("create schema if not exists {UNFINISHED}")).execute(&mut connect(url)?)?;
    Ok(())
}

/// Whether a copy was being brought back into the database when that broke off.
///
/// # Errors
/// Those of the database.
pub fn is_unfinished(url: &str) -> Result<bool, StoreError> {
    ask(&mut connect(url)?, &format!("select to_regnamespace('{UNFINISHED}') is not null as answer"))
}

/// Whether there is nothing in the database that could be lost: nothing at all, our tables without a company, or a copy that was being
/// brought back when that broke off.
///
/// # Errors
/// Those of the database.
pub fn is_empty(url: &str) -> Result<bool, StoreError> {
    if is_unfinished(url)? {
        return Ok(true);
    }
    let mut conn = connect(url)?;
    if ask(&mut conn, "select to_regclass('public.tenants') is not null as answer")? {
        return ask(&mut conn, "select not exists (select from tenants) as answer");
    }
    // Whatever it is: relations of every kind, and functions, of nobody's extension.
    let nothing = "select not exists (select from pg_class where relnamespace = 'public'::regnamespace \
                     and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e')) \
                   and not exists (select from pg_proc where pronamespace = 'public'::regnamespace \
                     and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')) as answer";
    ask(&mut conn, nothing)
}

/// Takes our own tables out of a database in which there is nothing that could be lost. What else is there stays.
///
/// # Errors
/// Those of the database.
pub fn clear(url: &str) -> Result<(), StoreError> {
    let mut conn = connect(url)?;
    if ask(&mut conn, "select to_regclass('public.__diesel_schema_migrations') is null as answer")? {
        return Ok(());
    }
    migrations::revert_all(&mut conn)?;
    sql_query("drop table __diesel_schema_migrations").execute(&mut conn)?;
    Ok(())
}

/// What a database needs that was brought back from a copy: its transactions are counted anew, and everything that goes by their
/// numbers begins here. Who keeps a copy of its own by the feed has to read everything again: what happened after the copy was made
/// is lost here and not there.
///
/// # Errors
/// Those of the database.
pub fn begin_epoch(url: &str) -> Result<(), StoreError> {
    let mut conn = connect(url)?;
    conn.transaction::<_, diesel::result::Error, _>(|conn| {
        // All of them lie before the first transaction that there will be.
        sql_query("update events set xid = 0").execute(conn)?;
        sql_query("update installation set epoch = gen_random_uuid()").execute(conn)?;
        sql_query(
            "update log_places set first_xid = here, behind_xid = here, seq = 0 \
             from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as here) now",
        )
        .execute(conn)?;
        sql_query("update webhooks set listens_after = pg_current_snapshot()::text, busy_until = null")
            .execute(conn)?;
        sql_query("update automations set listens_after = pg_current_snapshot()::text").execute(conn)?;
        sql_query(format!("drop schema if exists {UNFINISHED}")).execute(conn)?;
        Ok(())
    })?;
    Ok(())
}

/// The epoch of a database.
///
/// # Errors
/// Those of the database.
pub fn epoch(url: &str) -> Result<uuid::Uuid, StoreError> {
    use crate::schema::installation;
    Ok(installation::table.select(installation::epoch).first(&mut connect(url)?)?)
}

/// One of PostgreSQL's programs, aimed at a database. The password doesn't stand among its arguments, which everybody on the
/// machine can read.
fn client(name: &str, bin: Option<&Path>, url: &str) -> Result<Command, StoreError> {
    let version = maintenance::server(url)?.version as u32 / 10_000;
    let mut command = Command::new(program(name, bin, version));
    let (plain, password) = without_password(url);
    command
        .arg(format!("--dbname={plain}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    // Its words are read.
    command.env("LC_ALL", "C").env("PGAPPNAME", "fulcrum");
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    Ok(command)
}

fn without_password(url: &str) -> (String, Option<String>) {
    let Ok(mut parsed) = Url::parse(url) else { return (url.to_owned(), None) };
    let Some(password) = parsed.password() else { return (url.to_owned(), None) };
    let password = percent_decoded(password);
    match parsed.set_password(None) {
        Ok(()) => (parsed.into(), Some(password)),
        Err(()) => (url.to_owned(), None),
    }
}

fn percent_decoded(text: &str) -> String {
    let form = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(form.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

/// Those of the server's own version, where they are installed: newer ones write what older ones can't read, and say what older servers
/// don't understand.
fn program(name: &str, bin: Option<&Path>, version: u32) -> PathBuf {
    let dir = bin.map(Path::to_path_buf).or_else(|| local_postgres::bin_dir(version));
    // A machine with the client programs alone has them in the PATH.
    dir.map(|dir| dir.join(name)).filter(|path| path.is_file()).unwrap_or_else(|| name.into())
}

fn run(mut command: Command, table: &str, mut each: impl FnMut() -> bool) -> Result<(), DumpError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed_to_run = |error| DumpError::NoProgram { program: program.clone(), error };
    let mut child = command.spawn().map_err(failed_to_run)?;
    let mut last_words = Vec::new();
    if let Some(said) = child.stderr.take() {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            if line.contains(table) {
                if !each() {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(DumpError::Stopped);
                }
            } else if line.contains("error:") || line.contains("FATAL") || line.contains("fatal") {
                last_words.push(line);
            }
        }
    }
    let status = child.wait().map_err(failed_to_run)?;
    if status.success() {
        return Ok(());
    }
    let said = if last_words.is_empty() { status.to_string() } else { last_words.join("; ") };
    Err(DumpError::Failed { program, said })
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_is_no_argument() {
        let (url, password) =
            without_password("postgres://crm:s%40+cret@db.example:5432/crm?sslmode=require");
        assert_eq!(url, "postgres://crm@db.example:5432/crm?sslmode=require");
        assert_eq!(password.as_deref(), Some("s@+cret"));
        let local = "postgres://fulcrum@/fulcrum?host=%2Ftmp%2Frun&port=5432";
        assert_eq!(without_password(local), (local.to_owned(), None));
    }
}
