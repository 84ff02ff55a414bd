//! What people want to be told by which way.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::schema::notification_preferences;
use crate::{Json, StoreError, Tx};

/// The word for preferences in events.
pub const SUBJECT: &str = "notification_preference";

/// What somebody wants.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = notification_preferences, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Preferences {
    pub tenant_id: Uuid,
    pub user_id: Uuid,
    pub preferences: Json,
    pub digest_hour: Option<i16>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Preferences {
    /// Of who never said anything: everything as usual.
    pub fn usual(tx: &Tx, user_id: Uuid) -> Preferences {
        Preferences {
            tenant_id: tx.actor.tenant_id,
            user_id,
            preferences: Json::of(&serde_json::json!({})),
            digest_hour: None,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
        }
    }
}

/// Of somebody in the actor's company.
///
/// # Errors
/// Those of the database.
pub fn find(tx: &mut Tx, user_id: Uuid) -> Result<Preferences, StoreError> {
    let found = notification_preferences::table
        .find((tx.actor.tenant_id, user_id))
        .select(Preferences::as_select())
        .first(tx.conn)
        .optional()?;
    Ok(found.unwrap_or_else(|| Preferences::usual(tx, user_id)))
}

/// The same, held until the transaction ends; there is a row from then on.
///
/// # Errors
/// Those of the database.
pub fn lock(tx: &mut Tx, user_id: Uuid) -> Result<Preferences, StoreError> {
    let usual = Preferences::usual(tx, user_id);
    diesel::insert_into(notification_preferences::table)
        .values(usual)
        .on_conflict_do_nothing()
        .execute(tx.conn)?;
    Ok(notification_preferences::table
        .find((tx.actor.tenant_id, user_id))
        .select(Preferences::as_select())
        .for_update()
        .first(tx.conn)?)
}

/// Stores what somebody wants now.
///
/// # Errors
/// Those of the database.
pub fn replace(tx: &mut Tx, preferences: &Preferences) -> Result<(), StoreError> {
    let own = notification_preferences::table.find((tx.actor.tenant_id, preferences.user_id));
    diesel::update(own).set(preferences).execute(tx.conn)?;
    Ok(())
}
