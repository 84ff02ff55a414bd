//! What people did, in figures.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::db::prepared;
use crate::{StoreError, Tx};

/// What one person did of one kind in one period.
#[derive(Clone, Debug, QueryableByName)]
#[allow(missing_docs)]
pub struct Figure {
    #[diesel(sql_type = SqlUuid)]
    pub owner_id: Uuid,
    /// The first day of the period.
    #[diesel(sql_type = Date)]
    pub starts_on: NaiveDate,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// Those that have a length.
    #[diesel(sql_type = BigInt)]
    pub measured: i64,
    /// The sum of their lengths.
    #[diesel(sql_type = BigInt)]
    pub seconds: i64,
    /// Different customers that they show on.
    #[diesel(sql_type = BigInt)]
    pub customers: i64,
}

/// What these people did from an instant to before another one, by person, period (`day`, `week` or `month` in a time zone; weeks begin on
/// Monday) and kind. Deleted activities don't count, and neither do those that are still to come.
///
/// # Errors
/// Those of the database.
pub fn of(
    tx: &mut Tx,
    owner_ids: &[Uuid],
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    period: &str,
    time_zone: &str,
) -> Result<Vec<Figure>, StoreError> {
    Ok(prepared(
        "select a.owner_id, date_trunc($5, a.started_at at time zone $6)::date as starts_on, a.kind, count(*) as count, \
         count(a.duration_seconds) as measured, coalesce(sum(a.duration_seconds), 0)::bigint as seconds, \
         count(distinct l.customer_id) as customers \
         from activities a left join lateral (select customer_id from activity_links l where l.tenant_id = a.tenant_id \
           and l.activity_id = a.id and l.customer_id is not null order by l.created_at, l.customer_id limit 1) l on true \
         where a.tenant_id = $1 and a.owner_id = any ($2) and a.started_at >= $3 and a.started_at < least($4, $7) \
           and a.deleted_at is null \
         group by 1, 2, 3 order by 1, 2, 3",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Array<SqlUuid>, _>(owner_ids)
    .bind::<Timestamptz, _>(from)
    .bind::<Timestamptz, _>(to)
    .bind::<Text, _>(period)
    .bind::<Text, _>(time_zone)
    .bind::<Nullable<Timestamptz>, _>(Some(tx.now))
    .load(tx.conn)?)
}
