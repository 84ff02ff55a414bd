//! Automations: what the system does by itself.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use uuid::Uuid;

use crate::access::scope;
use crate::paging::{PageRequest, keyset};
use crate::schema::{automation_versions, automations};
use crate::{Json, StoreError, Tx};

/// The word for automations in events.
pub const SUBJECT: &str = "automation";

/// An automation.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = automations, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Automation {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub name: String,
    pub description: Option<String>,
    pub trigger: Json,
    pub condition: Option<String>,
    pub actions: Json,
    pub author_type: String,
    pub author_id: Uuid,
    /// When it is its time, for those that wait for one.
    pub next_at: Option<DateTime<Utc>>,
    /// What had happened when it began to listen.
    pub listens_after: String,
    pub disabled_at: Option<DateTime<Utc>>,
    pub disabled_reason: Option<String>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// What an automation was.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = automation_versions)]
#[allow(missing_docs)]
pub struct AutomationVersion {
    pub tenant_id: Uuid,
    pub automation_id: Uuid,
    pub version: i32,
    pub content: Json,
    pub author_type: String,
    pub author_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
}

/// One's own; who sees the whole company sees all.
pub(super) fn visible<'a>(tx: &Tx) -> automations::BoxedQuery<'a, Pg> {
    let query = automations::table.filter(automations::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    match (scope::is_whole_company(tx), tx.actor.principal_id()) {
        (true, _) => query,
        (false, own) => query.filter(automations::author_id.eq(own.unwrap_or_default())),
    }
}

/// Adds an automation.
///
/// # Errors
/// [`StoreError::Unique`] when the name is taken.
pub fn insert(tx: &mut Tx, automation: &Automation) -> Result<(), StoreError> {
    diesel::insert_into(automations::table).values(automation).execute(tx.conn)?;
    Ok(())
}

/// One automation, deleted or not.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Automation, StoreError> {
    Ok(visible(tx).filter(automations::id.eq(id)).select(Automation::as_select()).first(tx.conn)?)
}

/// One automation, held until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Automation, StoreError> {
    find(tx, id)?;
    Ok(automations::table
        .find((tx.actor.tenant_id, id))
        .select(Automation::as_select())
        .for_update()
        .first(tx.conn)?)
}

/// A page in order of creation, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, page: &PageRequest) -> Result<Vec<Automation>, StoreError> {
    let query = visible(tx).filter(automations::deleted_at.is_null());
    let query = keyset!(query, automations::created_at, automations::id, false, page.after_time());
    Ok(query.limit(page.limit + 1).select(Automation::as_select()).load(tx.conn)?)
}

/// Stores a changed automation.
///
/// # Errors
/// [`StoreError::Unique`] when the name is taken.
pub fn replace(tx: &mut Tx, automation: &Automation) -> Result<(), StoreError> {
    diesel::update(automations::table.find((tx.actor.tenant_id, automation.id)))
        .set(automation)
        .execute(tx.conn)?;
    Ok(())
}

/// How many the company has.
///
/// # Errors
/// Those of the database.
pub fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(automations::table
        .filter(automations::tenant_id.eq(tx.actor.tenant_id))
        .filter(automations::deleted_at.is_null())
        .count()
        .get_result(tx.conn)?)
}

/// Keeps what an automation is in one of its versions.
///
/// # Errors
/// Those of the database.
pub fn keep_version(tx: &mut Tx, version: &AutomationVersion) -> Result<(), StoreError> {
    diesel::insert_into(automation_versions::table)
        .values(version)
        .on_conflict_do_nothing()
        .execute(tx.conn)?;
    Ok(())
}

/// The versions of an automation, the last one first, before one of them.
///
/// # Errors
/// Those of the database.
pub fn versions(
    tx: &mut Tx,
    automation_id: Uuid,
    before: Option<i32>,
    limit: i64,
) -> Result<Vec<AutomationVersion>, StoreError> {
    Ok(automation_versions::table
        .filter(automation_versions::tenant_id.eq(tx.actor.tenant_id))
        .filter(automation_versions::automation_id.eq(automation_id))
        .filter(automation_versions::version.lt(before.unwrap_or(i32::MAX)))
        .order(automation_versions::version.desc())
        .limit(limit)
        .select(AutomationVersion::as_select())
        .load(tx.conn)?)
}

/// Those of the company that are enabled, held as they are: what is put down for them is put down before they are disabled, or not
/// at all.
///
/// # Errors
/// Those of the database.
pub fn hold_enabled(tx: &mut Tx) -> Result<Vec<Automation>, StoreError> {
    Ok(automations::table
        .filter(automations::tenant_id.eq(tx.actor.tenant_id))
        .filter(automations::deleted_at.is_null())
        .filter(automations::disabled_at.is_null())
        .order(automations::id)
        .select(Automation::as_select())
        .for_share()
        .load(tx.conn)?)
}

/// Several of the company, whoever wrote them; each held until the transaction ends.
///
/// # Errors
/// Those of the database.
pub fn lock_all(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Automation>, StoreError> {
    Ok(automations::table
        .filter(automations::tenant_id.eq(tx.actor.tenant_id))
        .filter(automations::id.eq_any(ids.to_vec()))
        .order(automations::id)
        .select(Automation::as_select())
        .for_update()
        .load(tx.conn)?)
}

/// Those of the company whose time has come, held until the transaction ends; those that somebody else holds are left out.
///
/// # Errors
/// Those of the database.
pub fn take_due(tx: &mut Tx) -> Result<Vec<Automation>, StoreError> {
    Ok(automations::table
        .filter(automations::tenant_id.eq(tx.actor.tenant_id))
        .filter(automations::deleted_at.is_null())
        .filter(automations::disabled_at.is_null())
        .filter(automations::next_at.le(tx.now))
        .order(automations::next_at)
        .select(Automation::as_select())
        .for_update()
        .skip_locked()
        .load(tx.conn)?)
}

/// When the next one of the company has its time.
///
/// # Errors
/// Those of the database.
pub fn next(tx: &mut Tx) -> Result<Option<DateTime<Utc>>, StoreError> {
    let next: Option<Option<DateTime<Utc>>> = automations::table
        .filter(automations::tenant_id.eq(tx.actor.tenant_id))
        .filter(automations::deleted_at.is_null())
        .filter(automations::disabled_at.is_null())
        .filter(automations::next_at.is_not_null())
        .order(automations::next_at)
        .select(automations::next_at)
        .first(tx.conn)
        .optional()?;
    Ok(next.flatten())
}

/// Sets when an automation has its next time.
///
/// # Errors
/// Those of the database.
pub fn advance(tx: &mut Tx, id: Uuid, next_at: Option<DateTime<Utc>>) -> Result<(), StoreError> {
    diesel::update(automations::table.find((tx.actor.tenant_id, id)))
        .set(automations::next_at.eq(next_at))
        .execute(tx.conn)?;
    Ok(())
}

/// Companies with automations that wait for events.
///
/// # Errors
/// Those of the database.
pub fn tenants_listening(tx: &mut Tx) -> Result<Vec<Uuid>, StoreError> {
    Ok(automations::table
        .filter(automations::deleted_at.is_null())
        .filter(automations::disabled_at.is_null())
        .filter(automations::next_at.is_null())
        .select(automations::tenant_id)
        .distinct()
        .load(tx.conn)?)
}

/// Whether the actor's company has automations that wait for events.
///
/// # Errors
/// Those of the database.
pub fn listens(tx: &mut Tx) -> Result<bool, StoreError> {
    let listening = automations::table
        .filter(automations::tenant_id.eq(tx.actor.tenant_id))
        .filter(automations::deleted_at.is_null())
        .filter(automations::disabled_at.is_null())
        .filter(automations::next_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(listening)).get_result(tx.conn)?)
}

/// Companies of the whole installation with automations whose time came before an instant: nobody seems to look.
///
/// # Errors
/// Those of the database.
pub fn late(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
    Ok(automations::table
        .filter(automations::deleted_at.is_null())
        .filter(automations::disabled_at.is_null())
        .filter(automations::next_at.lt(before))
        .select(automations::tenant_id)
        .distinct()
        .load(tx.conn)?)
}
