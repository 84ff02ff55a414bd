//! Records whose time has come, for automations that go by a time in them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::db::prepared;
use crate::{StoreError, Tx};

macro_rules! times {
    ($($kind:literal $table:literal { $($field:literal by $column:literal),+ })+) => {
        [$($((
            $kind,
            $field,
            concat!(
                "insert into automation_runs (tenant_id, id, automation_id, automation_version, key, subject_type, subject_id, depth, ",
                "state, actions, created_at) ",
                "select $1, gen_random_uuid(), $2, $3, ",
                "'time/' || r.id || '/", $field, "/' || (extract(epoch from r.", $column, ") * 1000000)::bigint, ",
                "'", $kind, "', r.id, 0, 'waiting', '[]', $4 ",
                "from ", $table, " r where r.tenant_id = $1 and r.deleted_at is null and r.", $column, " > $5 ",
                "and r.", $column, " <= $6 order by r.", $column, ", r.id limit 10001 on conflict do nothing",
            ),
        )),+),+]
    };
}

/// Times that automations can go by: kind of record, field, and what puts the runs down. Each has an index.
pub const TIMES: [(&str, &str, &str); 7] = times! {
    "customer" "customers" { "created_at" by "created_at", "updated_at" by "updated_at" }
    "contact" "contacts" { "created_at" by "created_at" }
    "activity" "activities" { "started_at" by "started_at" }
    "task" "tasks" { "created_at" by "created_at", "updated_at" by "updated_at", "due_at" by "due_order" }
};

/// Puts down a run of an automation for each live record of the company whose time lies behind an instant and not behind another one:
/// once for each time that a record has. At most one more than an automation may do in an hour: then it is stopped. Returns how many
/// were put down.
///
/// # Errors
/// Those of the database; [`StoreError::NotFound`] for a time that there isn't.
pub fn put_down(
    tx: &mut Tx,
    (automation_id, version): (Uuid, i32),
    (subject, field): (&str, &str),
    (behind, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<usize, StoreError> {
    let known = TIMES.iter().find(|(kind, name, _)| (*kind, *name) == (subject, field));
    let (_, _, statement) = known.ok_or(StoreError::NotFound)?;
    Ok(prepared(statement)
        .bind::<SqlUuid, _>(tx.actor.tenant_id)
        .bind::<SqlUuid, _>(automation_id)
        .bind::<Integer, _>(version)
        .bind::<Timestamptz, _>(tx.now)
        .bind::<Timestamptz, _>(behind)
        .bind::<Timestamptz, _>(to)
        .execute(tx.conn)?)
}
