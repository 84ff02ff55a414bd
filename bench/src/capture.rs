//! What a request asks of the database, taken from PostgreSQL's own log: so the raw side of the comparison is the SQL
//! that the server sends, and can't grow away from it.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::Json;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use serde_json::Value;

use crate::Failed;
use crate::stand::{Reply, Stand};

/// One statement with its parameters as PostgreSQL writes them: `'…'` or `NULL`.
#[derive(Clone, Debug)]
pub struct Statement {
    /// With `$1`, `$2` …
    pub sql: String,
    /// Literals.
    pub parameters: Vec<String>,
}

impl Statement {
    /// Whether it changes rows of a table.
    pub fn writes(&self) -> bool {
        let first = self.sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        // `with … insert` writes; a `with` that only reads would be one of a list.
        let inside = self.sql.to_ascii_lowercase();
        matches!(first.as_str(), "insert" | "update" | "delete")
            || (first == "with"
                && ["insert into", "update ", "delete from"].iter().any(|word| inside.contains(word)))
    }

    /// Whether it can be explained: not `BEGIN` and the like.
    pub fn is_query(&self) -> bool {
        self.writes()
            || self.sql.trim_start().to_ascii_lowercase().starts_with("select")
            || self.sql.trim_start().to_ascii_lowercase().starts_with("with")
    }

    /// The statement with its literals in place of the parameters, each as `literal` makes it.
    pub fn written_out(&self, literal: impl Fn(&str) -> String) -> String {
        let mut out = String::with_capacity(self.sql.len() * 2);
        let mut rest = self.sql.as_str();
        while let Some(at) = rest.find('$') {
            let digits = rest[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
            out.push_str(&rest[..at]);
            match rest[at + 1..at + 1 + digits]
                .parse::<usize>()
                .ok()
                .and_then(|n| self.parameters.get(n.checked_sub(1)?))
            {
                Some(value) => out.push_str(&literal(value)),
                None => out.push_str(&rest[at..at + 1 + digits]),
            }
            rest = &rest[at + 1 + digits..];
        }
        out + rest
    }
}

/// A connection for settings and plans.
pub struct Observer {
    conn: PgConnection,
}

impl Observer {
    /// Connects.
    pub fn connect(stand: &Stand) -> Result<Observer, Failed> {
        Ok(Observer { conn: PgConnection::establish(&stand.database_url)? })
    }

    /// Switches the log of statements on or off, for connections that are open, too.
    fn log_statements(&mut self, on: bool) -> Result<(), Failed> {
        for setting in ["log_statement = 'all'", "log_line_prefix = '<<%p>> '"] {
            match on {
                true => self.conn.batch_execute(&format!("alter system set {setting}"))?,
                false => {
                    let name = setting.split(' ').next().unwrap_or_default();
                    self.conn.batch_execute(&format!("alter system reset {name}"))?;
                }
            }
        }
        self.conn.batch_execute("select pg_reload_conf()")?;
        Ok(())
    }

    /// Runs requests one after the other and returns the statements of each with its answer.
    pub fn statements_of(
        &mut self,
        stand: &Stand,
        mut request: impl FnMut(usize) -> Result<Reply, Failed>,
        times: usize,
    ) -> Result<Vec<(Vec<Statement>, Reply)>, Failed> {
        self.log_statements(true)?;
        // The server's connections read the new settings before their next statement; the postmaster has to tell them.
        let started = Instant::now();
        let mut seen = stand.postgres_log()?.len();
        while parse(&stand.postgres_log()?[seen..]).is_empty() {
            request(0)?;
            if started.elapsed() > Duration::from_secs(10) {
                return Err("PostgreSQL doesn't log its statements".into());
            }
        }
        let mut all = Vec::new();
        for number in 0..times {
            seen = stand.postgres_log()?.len();
            // Not the first one again: a change that changes nothing writes nothing.
            let reply = request(number + 1)?;
            all.push((parse(&stand.postgres_log()?[seen..]), reply));
        }
        self.log_statements(false)?;
        Ok(all)
    }

    /// The plan of a statement: as PostgreSQL makes it for these values, or the one for any values that it may keep for a
    /// prepared statement.
    pub fn plan(&mut self, statement: &Statement, any_values: bool) -> Result<Value, Failed> {
        #[derive(QueryableByName)]
        struct Plan {
            #[diesel(sql_type = Json, column_name = "QUERY PLAN")]
            plan: Value,
        }
        if !any_values {
            let sql = format!("explain (format json) {}", statement.written_out(str::to_owned));
            return Ok(sql_query(sql).get_result::<Plan>(&mut self.conn)?.plan);
        }
        self.conn.batch_execute(&format!(
            "set plan_cache_mode = force_generic_plan; prepare explained as {}",
            statement.sql
        ))?;
        let values = statement.parameters.join(", ");
        let call = if values.is_empty() { String::new() } else { format!("({values})") };
        let plan = sql_query(format!("explain (format json) execute explained{call}"))
            .get_result::<Plan>(&mut self.conn);
        self.conn.batch_execute("deallocate explained; reset plan_cache_mode")?;
        Ok(plan?.plan)
    }

    /// Runs a statement.
    pub fn run(&mut self, sql: &str) -> Result<(), Failed> {
        Ok(self.conn.batch_execute(sql)?)
    }
}

/// Tables that no operation may read from end to end.
const LARGE: [&str; 4] = ["customers", "contacts", "search_terms", "events"];

/// The large tables that a plan reads from end to end.
pub fn scans(plan: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(plan, &mut |node| {
        let relation = node["Relation Name"].as_str().unwrap_or_default();
        if node["Node Type"] == "Seq Scan" && LARGE.iter().any(|name| relation.starts_with(name)) {
            found.push(relation.to_owned());
        }
    });
    found
}

fn walk(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(object) => {
            visit(value);
            object.values().for_each(|inner| walk(inner, visit));
        }
        Value::Array(list) => list.iter().for_each(|inner| walk(inner, visit)),
        _ => {}
    }
}

/// The statements in a piece of the log, in order.
fn parse(log: &str) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    // Statements may have line breaks in them, so entries are told apart by the prefix that we have set.
    for entry in log.split("<<").filter_map(|entry| entry.split_once(">> ")) {
        let text = entry.1.trim_end_matches('\n');
        if let Some(statement) = text.strip_prefix("LOG:  ") {
            let sql = statement.strip_prefix("statement: ").or_else(|| {
                statement.strip_prefix("execute ").and_then(|rest| Some(rest.split_once(": ")?.1))
            });
            if let Some(sql) = sql {
                found.push(Statement { sql: sql.to_owned(), parameters: Vec::new() });
            }
        } else if let Some(parameters) = text.strip_prefix("DETAIL:  parameters: ")
            && let Some(last) = found.last_mut()
        {
            last.parameters = literals(parameters);
        }
    }
    found
}

/// `$1 = '…', $2 = NULL` as a list of literals. Quotes inside are doubled.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, value)) = rest.split_once(" = ") {
        let end =
            if value.starts_with('\'') { quoted(value) } else { value.find(',').unwrap_or(value.len()) };
        found.push(value[..end].to_owned());
        rest = &value[end..];
    }
    found
}

/// Length of the quoted literal that a text begins with.
fn quoted(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] == b'\'' {
            if bytes.get(at + 1) != Some(&b'\'') {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{literals, parse};

    #[test]
    fn the_log_becomes_statements() {
        let log = "noise\n<<12>> LOG:  statement: BEGIN\n<<12>> LOG:  execute __diesel_stmt_3: select $1,\n  $2\n\
                   <<12>> DETAIL:  parameters: $1 = 'it''s, a = b', $2 = NULL\n<<12>> LOG:  execute <unnamed>: commit\n";
        let found = parse(log);
        assert_eq!(found.len(), 3);
        assert_eq!(found[1].parameters, ["'it''s, a = b'", "NULL"]);
        assert_eq!(found[1].written_out(str::to_owned), "select 'it''s, a = b',\n  NULL");
        assert!(!found[0].is_query() && found[1].is_query() && !found[1].writes());
    }

    #[test]
    fn a_literal_ends_where_its_quote_does() {
        assert_eq!(literals("$1 = '{a,b}', $2 = '', $3 = '12'"), ["'{a,b}'", "''", "'12'"]);
    }
}
