//! Who is told of what happens.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use crate::access::scope;
use crate::paging::{PageRequest, keyset};
use crate::schema::webhooks;
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
