//! What people are told.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::schema::{installation, notifications};
use crate::{Json, StoreError, Tx};

/// The word for notifications in events.
pub const SUBJECT: &str = "notification";

/// Something that somebody is told.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = notifications)]
#[allow(missing_docs)]
pub struct Notification {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub user_id: Uuid,
    pub kind: String,
    pub key: String,
    pub subject_type: Option<String>,
    pub subject_id: Option<Uuid>,
    pub customer_id: Option<Uuid>,
    pub data: Json,
    pub in_app: bool,
    pub mail_state: String,
    pub mailed_at: Option<DateTime<Utc>>,
    pub digest_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

/// Which of the inbox; an empty list and `None` don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub unread: Option<bool>,
    pub kinds: Vec<String>,
}

/// Everybody sees their own inbox and nobody else's, whatever their scope. Programs have none.
fn visible<'a>(tx: &Tx) -> notifications::BoxedQuery<'a, Pg> {
    notifications::table
        .filter(notifications::tenant_id.eq(tx.actor.tenant_id))
        .filter(notifications::user_id.eq(tx.actor.user_id().unwrap_or_default()))
        .filter(notifications::in_app)
        .into_boxed()
}

/// Adds a notification; `false` when its user was told of this already.
///
/// # Errors
/// Those of the database.
pub fn insert(tx: &mut Tx, notification: &Notification) -> Result<bool, StoreError> {
    let inserted = diesel::insert_into(notifications::table)
        .values(notification)
        .on_conflict((notifications::tenant_id, notifications::user_id, notifications::key))
        .do_nothing()
        .execute(tx.conn)?;
    Ok(inserted == 1)
}

/// A page of the inbox, newest first, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, filter: &Filter, page: &PageRequest) -> Result<Vec<Notification>, StoreError> {
    let mut query = visible(tx);
    query = match filter.unread {
        Some(true) => query.filter(notifications::read_at.is_null()),
        Some(false) => query.filter(notifications::read_at.is_not_null()),
        None => query,
    };
    if !filter.kinds.is_empty() {
        query = query.filter(notifications::kind.eq_any(filter.kinds.clone()));
    }
    let query = keyset!(query, notifications::created_at, notifications::id, true, page.after_time());
    Ok(query.limit(page.limit + 1).select(Notification::as_select()).load(tx.conn)?)
}

/// One of the inbox.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Notification, StoreError> {
    Ok(visible(tx).filter(notifications::id.eq(id)).select(Notification::as_select()).first(tx.conn)?)
}

/// The same, held until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Notification, StoreError> {
    find(tx, id)?;
    lock_anybodys(tx, id)
}

/// Several of the inbox by id.
///
/// # Errors
/// Those of the database.
pub fn find_all(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Notification>, StoreError> {
    let found = visible(tx).filter(notifications::id.eq_any(ids.to_vec()));
    Ok(found.select(Notification::as_select()).load(tx.conn)?)
}

/// How many of the inbox are unread, by kind.
///
/// # Errors
/// Those of the database.
pub fn unread(tx: &mut Tx) -> Result<Vec<(String, i64)>, StoreError> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = Text)]
        kind: String,
        #[diesel(sql_type = BigInt)]
        unread: i64,
    }
    let counted: Vec<Counted> = prepared(
        "select kind, count(*) as unread from notifications where tenant_id = $1 and user_id = $2 \
         and in_app and read_at is null group by kind order by kind",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(tx.actor.user_id().unwrap_or_default())
    .load(tx.conn)?;
    Ok(counted.into_iter().map(|row| (row.kind, row.unread)).collect())
}

/// Notes that one was read, or that it counts as unread again.
///
/// # Errors
/// Those of the database.
pub fn set_read(tx: &mut Tx, id: Uuid, read_at: Option<DateTime<Utc>>) -> Result<(), StoreError> {
    diesel::update(notifications::table.find((tx.actor.tenant_id, id)))
        .set(notifications::read_at.eq(read_at))
        .execute(tx.conn)?;
    Ok(())
}

/// Notes that the oldest unread ones up to an instant were read, so many at most. Returns them with their customers.
///
/// # Errors
/// Those of the database.
pub fn read_oldest(
    tx: &mut Tx,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(Uuid, Option<Uuid>)>, StoreError> {
    // Written out, because a query of any shape can't be held.
    let oldest = notifications::table
        .filter(notifications::tenant_id.eq(tx.actor.tenant_id))
        .filter(notifications::user_id.eq(tx.actor.user_id().unwrap_or_default()))
        .filter(notifications::in_app)
        .filter(notifications::read_at.is_null())
        .filter(notifications::created_at.le(before))
        .order((notifications::created_at, notifications::id))
        .limit(limit)
        .select(notifications::id)
        .for_update()
        .load::<Uuid>(tx.conn)?;
    Ok(diesel::update(notifications::table)
        .filter(notifications::tenant_id.eq(tx.actor.tenant_id))
        .filter(notifications::id.eq_any(oldest))
        .set(notifications::read_at.eq(tx.now))
        .returning((notifications::id, notifications::customer_id))
        .get_results(tx.conn)?)
}

/// Who is told, and how.
#[derive(Clone, Debug, QueryableByName)]
#[allow(missing_docs)]
pub struct Recipient {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Text)]
    pub email: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub locale: String,
    #[diesel(sql_type = Text)]
    pub time_zone: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub preferences: Option<Json>,
    #[diesel(sql_type = Nullable<SmallInt>)]
    pub digest_hour: Option<i16>,
    /// Whether the installation sends mail.
    #[diesel(sql_type = Bool)]
    pub mails: bool,
}

/// Somebody of the actor's company who may be told something; `None` when the account is disabled or has gone.
///
/// # Errors
/// Those of the database.
pub fn recipient(tx: &mut Tx, user_id: Uuid) -> Result<Option<Recipient>, StoreError> {
    Ok(prepared(
        "select u.id, u.email, u.name, u.locale, coalesce(u.time_zone, t.time_zone) as time_zone, p.preferences, \
         p.digest_hour, coalesce((select i.mails_until > $3 from installation i), false) as mails \
         from users u join tenants t on t.id = u.tenant_id \
         left join notification_preferences p on p.tenant_id = u.tenant_id and p.user_id = u.id \
         where u.tenant_id = $1 and u.id = $2 and u.disabled_at is null and u.deleted_at is null",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(user_id)
    .bind::<Timestamptz, _>(tx.now)
    .get_result(tx.conn)
    .optional()?)
}

/// Notes until when somebody is believed to send mail. That is a row for everybody, so what is known to within a day stays.
///
/// # Errors
/// Those of the database.
pub fn mails_until(tx: &mut Tx, until: DateTime<Utc>) -> Result<(), StoreError> {
    let near = until - TimeDelta::days(1);
    diesel::update(installation::table)
        .filter(installation::mails_until.is_null().or(installation::mails_until.lt(near)))
        .set(installation::mails_until.eq(until))
        .execute(tx.conn)?;
    Ok(())
}

/// A notification of whoever it is, held until the transaction ends: for who sends it.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn lock_anybodys(tx: &mut Tx, id: Uuid) -> Result<Notification, StoreError> {
    Ok(notifications::table
        .find((tx.actor.tenant_id, id))
        .select(Notification::as_select())
        .for_update()
        .first(tx.conn)?)
}

/// Everything of somebody that waits for a digest, oldest first, held until the transaction ends: what was settled for one that
/// hasn't been noted as sent, or else what is settled for none, so many at most.
///
/// # Errors
/// Those of the database.
pub fn lock_for_digest(tx: &mut Tx, user_id: Uuid, limit: i64) -> Result<Vec<Notification>, StoreError> {
    let waiting = || {
        notifications::table
            .filter(notifications::tenant_id.eq(tx.actor.tenant_id))
            .filter(notifications::user_id.eq(user_id))
            .filter(notifications::mail_state.eq("digest"))
    };
    let begun: Option<Option<Uuid>> = waiting()
        .filter(notifications::digest_id.is_not_null())
        .select(notifications::digest_id)
        .first(tx.conn)
        .optional()?;
    Ok(waiting()
        .filter(notifications::digest_id.is_not_distinct_from(begun.flatten()))
        .order((notifications::created_at, notifications::id))
        .limit(limit)
        .select(Notification::as_select())
        .for_update()
        .load(tx.conn)?)
}

/// Whether anything of somebody waits for a digest.
///
/// # Errors
/// Those of the database.
pub fn waits_for_digest(tx: &mut Tx, user_id: Uuid) -> Result<bool, StoreError> {
    let waiting = notifications::table
        .filter(notifications::tenant_id.eq(tx.actor.tenant_id))
        .filter(notifications::user_id.eq(user_id))
        .filter(notifications::mail_state.eq("digest"));
    Ok(diesel::select(diesel::dsl::exists(waiting)).get_result(tx.conn)?)
}

/// Settles that these are told in one mail.
///
/// # Errors
/// Those of the database.
pub fn settle_digest(tx: &mut Tx, ids: &[Uuid], digest_id: Uuid) -> Result<(), StoreError> {
    diesel::update(notifications::table)
        .filter(notifications::tenant_id.eq(tx.actor.tenant_id))
        .filter(notifications::id.eq_any(ids))
        .set(notifications::digest_id.eq(digest_id))
        .execute(tx.conn)?;
    Ok(())
}

/// Notes what came of the mail about these, as far as that isn't known yet. Returns those of which it wasn't, with their customers.
///
/// # Errors
/// Those of the database.
pub fn note_mail(tx: &mut Tx, ids: &[Uuid], state: &str) -> Result<Vec<(Uuid, Option<Uuid>)>, StoreError> {
    let mailed_at = (state == "sent").then_some(tx.now);
    Ok(diesel::update(notifications::table)
        .filter(notifications::tenant_id.eq(tx.actor.tenant_id))
        .filter(notifications::id.eq_any(ids))
        .filter(notifications::mail_state.eq_any(["waiting", "digest", "failed"]))
        .filter(notifications::mail_state.ne(state))
        .set((notifications::mail_state.eq(state), notifications::mailed_at.eq(mailed_at)))
        .returning((notifications::id, notifications::customer_id))
        .get_results(tx.conn)?)
}
