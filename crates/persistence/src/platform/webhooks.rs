//! Who is told of what happens.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Uuid as SqlUuid};
use uuid::Uuid;

use super::changes::{self, Place};
use crate::access::scope;
use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::{webhook_places, webhooks};
use crate::{StoreError, Tx};

/// The word for webhooks in events.
pub const SUBJECT: &str = "webhook";

/// A webhook.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhooks, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Webhook {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub name: String,
    pub url: String,
    pub event_types: Vec<String>,
    pub filter: Option<String>,
    pub secret: Vec<u8>,
    pub previous_secret: Option<Vec<u8>>,
    pub previous_secret_until: Option<DateTime<Utc>>,
    pub listens_after: String,
    pub period: i32,
    pub disabled_at: Option<DateTime<Utc>>,
    pub disabled_reason: Option<String>,
    pub failing_since: Option<DateTime<Utc>>,
    pub busy_until: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Webhooks are the company's: who doesn't see all of it sees none.
fn visible<'a>(tx: &Tx) -> webhooks::BoxedQuery<'a, Pg> {
    let query = webhooks::table.filter(webhooks::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    query.filter(scope::is_whole_company(tx).into_sql::<Bool>())
}

/// How many a company has.
///
/// # Errors
/// Those of the database.
pub fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(webhooks::table
        .filter(webhooks::tenant_id.eq(tx.actor.tenant_id))
        .filter(webhooks::deleted_at.is_null())
        .count()
        .get_result(tx.conn)?)
}

/// Adds a webhook.
///
/// # Errors
/// [`StoreError::Unique`] when the name is taken.
pub fn insert(tx: &mut Tx, webhook: &Webhook) -> Result<(), StoreError> {
    diesel::insert_into(webhooks::table).values(webhook).execute(tx.conn)?;
    Ok(())
}

/// One webhook, deleted or not.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Webhook, StoreError> {
    Ok(visible(tx).filter(webhooks::id.eq(id)).select(Webhook::as_select()).first(tx.conn)?)
}

/// One webhook, held until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Webhook, StoreError> {
    find(tx, id)?;
    Ok(webhooks::table
        .find((tx.actor.tenant_id, id))
        .select(Webhook::as_select())
        .for_update()
        .first(tx.conn)?)
}

/// The same, held as it is: whoever wants to change it waits.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn hold(tx: &mut Tx, id: Uuid) -> Result<Webhook, StoreError> {
    find(tx, id)?;
    Ok(webhooks::table
        .find((tx.actor.tenant_id, id))
        .select(Webhook::as_select())
        .for_share()
        .first(tx.conn)?)
}

/// A page in order of creation, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, page: &PageRequest) -> Result<Vec<Webhook>, StoreError> {
    let query = visible(tx).filter(webhooks::deleted_at.is_null());
    let query = keyset!(query, webhooks::created_at, webhooks::id, false, page.after_time());
    Ok(query.limit(page.limit + 1).select(Webhook::as_select()).load(tx.conn)?)
}

/// Stores a changed webhook.
///
/// # Errors
/// [`StoreError::Unique`] when the name is taken.
pub fn replace(tx: &mut Tx, webhook: &Webhook) -> Result<(), StoreError> {
    diesel::update(webhooks::table.find((tx.actor.tenant_id, webhook.id))).set(webhook).execute(tx.conn)?;
    Ok(())
}

/// Those of the company that want to hear, held as they are: what is put down for them is put down before they are disabled, or
/// not at all.
///
/// # Errors
/// Those of the database.
pub fn hold_listening(tx: &mut Tx) -> Result<Vec<Webhook>, StoreError> {
    Ok(webhooks::table
        .filter(webhooks::tenant_id.eq(tx.actor.tenant_id))
        .filter(webhooks::deleted_at.is_null())
        .filter(webhooks::disabled_at.is_null())
        .order(webhooks::id)
        .select(Webhook::as_select())
        .for_share()
        .load(tx.conn)?)
}

/// What has happened by now, for [`Webhook::has_heard`].
///
/// # Errors
/// Those of the database.
pub fn snapshot(tx: &mut Tx) -> Result<String, StoreError> {
    Ok(diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("pg_current_snapshot()::text"))
        .get_result(tx.conn)?)
}

impl Webhook {
    /// Whether a transaction had ended when the webhook began to listen. Not by time: what was begun before and is committed
    /// after is seen by nobody who asked in between.
    pub fn has_heard(&self, xid: i64) -> bool {
        let mut parts = self.listens_after.split(':');
        let mut number = || parts.next().and_then(|text| text.parse::<i64>().ok());
        let (Some(lowest), Some(next)) = (number(), number()) else { return false };
        let running = parts.next().unwrap_or_default();
        xid < lowest || xid < next && !running.split(',').any(|text| text.parse() == Ok(xid))
    }
}

/// Companies with webhooks that want to hear.
///
/// # Errors
/// Those of the database.
pub fn tenants_listening(tx: &mut Tx) -> Result<Vec<Uuid>, StoreError> {
    Ok(webhooks::table
        .filter(webhooks::deleted_at.is_null())
        .filter(webhooks::disabled_at.is_null())
        .select(webhooks::tenant_id)
        .distinct()
        .load(tx.conn)?)
}

/// Whether anybody wants to hear of the actor's company.
///
/// # Errors
/// Those of the database.
pub fn is_listened_to(tx: &mut Tx) -> Result<bool, StoreError> {
    let listening = webhooks::table
        .filter(webhooks::tenant_id.eq(tx.actor.tenant_id))
        .filter(webhooks::deleted_at.is_null())
        .filter(webhooks::disabled_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(listening)).get_result(tx.conn)?)
}

/// Begins to tell a company's log from here on, unless it is being told already.
///
/// # Errors
/// Those of the database.
pub fn begin_to_tell(tx: &mut Tx) -> Result<(), StoreError> {
    // First the row: of two who begin at once, the second one sees what the first one did, and leaves it its place.
    prepared(
        "insert into webhook_places (tenant_id, first_xid, behind_xid, seq) values ($1, 0, 0, 0) \
         on conflict (tenant_id) do update set seq = webhook_places.seq",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .execute(tx.conn)?;
    if !is_listened_to(tx)? {
        let end = changes::end(tx)?;
        set_place(tx, end)?;
    }
    Ok(())
}

/// How far the log of the company has been told, held until the transaction ends; `None` when somebody else is telling it.
///
/// # Errors
/// Those of the database.
pub fn take_place(tx: &mut Tx) -> Result<Option<Place>, StoreError> {
    let found: Option<(i64, i64, i64)> = webhook_places::table
        .find(tx.actor.tenant_id)
        .select((webhook_places::first_xid, webhook_places::behind_xid, webhook_places::seq))
        .for_update()
        .skip_locked()
        .first(tx.conn)
        .optional()?;
    Ok(found.map(|(from, to, seq)| Place { from, to, seq }))
}

/// Notes how far the log of the company has been told.
///
/// # Errors
/// Those of the database.
pub fn set_place(tx: &mut Tx, place: Place) -> Result<(), StoreError> {
    prepared(
        "insert into webhook_places (tenant_id, first_xid, behind_xid, seq) values ($1, $2, $3, $4) \
         on conflict (tenant_id) do update set first_xid = excluded.first_xid, behind_xid = excluded.behind_xid, \
         seq = excluded.seq",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<BigInt, _>(place.from)
    .bind::<BigInt, _>(place.to)
    .bind::<BigInt, _>(place.seq)
    .execute(tx.conn)?;
    Ok(())
}

/// Every webhook of the installation whose secret is stored, for encrypting it anew; held until the transaction ends.
///
/// # Errors
/// Those of the database.
pub fn all_secrets(tx: &mut Tx) -> Result<Vec<Webhook>, StoreError> {
    Ok(webhooks::table.select(Webhook::as_select()).for_update().load(tx.conn)?)
}

/// Stores the secrets of a webhook of whatever company, encrypted anew.
///
/// # Errors
/// Those of the database.
pub fn replace_secrets(tx: &mut Tx, webhook: &Webhook) -> Result<(), StoreError> {
    diesel::update(webhooks::table.find((webhook.tenant_id, webhook.id)))
        .set((webhooks::secret.eq(&webhook.secret), webhooks::previous_secret.eq(&webhook.previous_secret)))
        .execute(tx.conn)?;
    Ok(())
}
