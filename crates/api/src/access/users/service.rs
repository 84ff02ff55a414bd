//! What can be done with users.

use std::collections::HashMap;

use fulcrum_domain::access::Permission;
use fulcrum_domain::values::Email;
use fulcrum_domain::values::text::clean_line;
use fulcrum_persistence::access::sessions::{self, Which};
use fulcrum_persistence::access::{departments, roles, users as store};
use fulcrum_persistence::customers::customers;
use fulcrum_persistence::engagement::tasks;
use fulcrum_persistence::{StoreError, Tx};
use store::{Filter, User};
use uuid::Uuid;

use super::views::{UserInput, UserList, UserQuery, UserSummary, UserView};
use crate::App;
use crate::access::roles::service::{keeps_an_administrator, within_mine};
use crate::auth::passwords;
use crate::http::catalog::{Code, FieldCode};
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::records::{Resource, Stamp};

/// Users as records.
pub enum Users {}

impl Resource for Users {
    type Row = User;
    type Input = UserInput;
    type View = UserView;
    const SUBJECT: &'static str = "user";
    const COLLECTION: &'static str = "users";
    const DELETE: Permission = Permission::UsersWrite;

    fn input_of(row: &User) -> UserInput {
        UserInput {
            email: row.email.clone(),
            name: row.name.clone(),
            department_id: row.department_id,
            role_id: row.role_id,
            locale: row.locale.parse().unwrap_or_default(),
            time_zone: row.time_zone.clone(),
            disabled: row.disabled_at.is_some(),
            password: None,
        }
    }

    fn view(row: &User) -> UserView {
        UserView::from(row)
    }

    fn stamp(row: &User) -> Stamp {
        Stamp::of(row.id, row.version, row.deleted_at)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<User, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<User, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, input: UserInput) -> Result<User, Problem> {
        let blank = User {
            tenant_id: tx.actor.tenant_id,
            id: Uuid::now_v7(),
            email: String::new(),
            name: String::new(),
            password_hash: None,
            department_id: input.department_id,
            role_id: input.role_id,
            locale: String::new(),
            time_zone: None,
            disabled_at: None,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        };
        let row = filled(tx, blank, input)?;
        may_place(tx, &row)?;
        email_is_free(tx, &row)?;
        store::insert(tx, &row)?;
        Ok(row)
    }

    fn change(tx: &mut Tx, before: &User, input: UserInput) -> Result<User, Problem> {
        let role = roles::find(tx, before.role_id)?;
        within_mine(tx, &role)?;
        let mut after = filled(tx, before.clone(), input)?;
        let moved = after.department_id != before.department_id;
        if moved || after.role_id != before.role_id {
            may_place(tx, &after)?;
        }
        if after.email != before.email {
            email_is_free(tx, &after)?;
        }
        let same = serde_json::json!(Self::input_of(before)) == serde_json::json!(Self::input_of(&after));
        let new_password = after.password_hash != before.password_hash;
        if same && !new_password {
            return Ok(after);
        }
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        if after.disabled_at.is_some() || new_password {
            let reason = if new_password { "password_changed" } else { "user_disabled" };
            sessions::revoke(tx, after.tenant_id, after.id, Which::All, reason)?;
        }
        if moved {
            customers::follow_owner(tx, after.id, after.department_id)?;
            tasks::follow_assignee(tx, after.id, after.department_id)?;
        }
        keeps_an_administrator(tx)?;
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &User, deleted: bool) -> Result<User, Problem> {
        let role = roles::find(tx, before.role_id)?;
        within_mine(tx, &role)?;
        if deleted && customers::owned_by(tx, before.id)? {
            return Err(Problem::new(Code::InUse).with("by", "customers"));
        }
        if deleted && tasks::open_of(tx, before.id)? {
            return Err(Problem::new(Code::InUse).with("by", "open tasks"));
        }
        let after = User {
            deleted_at: deleted.then_some(tx.now),
            version: before.version + 1,
            updated_at: tx.now,
            ..before.clone()
        };
        if !deleted {
            may_place(tx, &after)?;
            email_is_free(tx, &after)?;
        }
        store::replace(tx, &after)?;
        if deleted {
            sessions::revoke(tx, after.tenant_id, after.id, Which::All, "user_deleted")?;
            keeps_an_administrator(tx)?;
        }
        Ok(after)
    }
}

fn filled(tx: &Tx, row: User, input: UserInput) -> Result<User, Problem> {
    // Hashing takes tens of milliseconds; it is rare enough to hold the transaction that long.
    let password_hash = match &input.password {
        Some(password) => Some(passwords::hash(password)?),
        None => row.password_hash.clone(),
    };
    Ok(User {
        email: Email::parse(&input.email).map(|email| email.key()).unwrap_or(input.email),
        name: clean_line(&input.name),
        password_hash,
        department_id: input.department_id,
        role_id: input.role_id,
        locale: input.locale.to_string(),
        time_zone: input.time_zone,
        disabled_at: if input.disabled { row.disabled_at.or(Some(tx.now)) } else { None },
        ..row
    })
}

/// Whether the actor may put somebody into this department with this role.
fn may_place(tx: &mut Tx, user: &User) -> Result<(), Problem> {
    let role = match roles::hold(tx, user.role_id) {
        Err(StoreError::NotFound) => return Err(Problem::field("/role_id", FieldCode::NotFound)),
        found => found?,
    };
    if role.deleted_at.is_some() {
        return Err(Problem::field("/role_id", FieldCode::NotFound));
    }
    within_mine(tx, &role)?;
    let department = departments::within_reach(tx, user.department_id)?;
    if !department {
        return Err(Problem::field("/department_id", FieldCode::NotFound));
    }
    Ok(())
}

fn email_is_free(tx: &mut Tx, user: &User) -> Result<(), Problem> {
    match store::with_role(tx, user.tenant_id, store::Who::Email(user.email.clone())) {
        Ok((other, _)) if other.id != user.id => {
            let visible = store::find(tx, other.id).is_ok();
            Err(Problem::taken("email", visible.then_some(other.id)))
        }
        Ok(_) | Err(StoreError::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A person that something can be given to, held until the transaction ends.
///
/// # Errors
/// 422 at `pointer` for one that the actor doesn't see or whose account is disabled.
pub fn assignable(tx: &mut Tx, id: Uuid, pointer: &str) -> Result<User, Problem> {
    let user = match store::hold(tx, id) {
        Err(StoreError::NotFound) => return Err(Problem::field(pointer, FieldCode::NotFound)),
        found => found?,
    };
    match user.deleted_at.or(user.disabled_at) {
        Some(_) => Err(Problem::field(pointer, FieldCode::Disabled)),
        None => Ok(user),
    }
}

/// A page of users.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &UserQuery) -> Result<UserList, Problem> {
    let unpaged = UserQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, "users", &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let filter = Filter {
        emails: query.email.iter().map(|email| email.0.to_lowercase()).collect(),
        department_ids: query.department_id.clone(),
        role_ids: query.role_id.clone(),
        disabled: query.disabled,
    };
    let rows = store::list(tx, &filter, &page)?;
    let place = |row: &User| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| UserView::from(row));
    Ok(UserList { data, next_cursor, total_count: None })
}

/// Names to stand beside ids that the caller was shown anyway.
///
/// # Errors
/// Those of the database.
pub fn summaries(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, UserSummary>, Problem> {
    let rows = store::named(tx, ids)?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, UserSummary { id: row.id, name: row.name, email: row.email }))
        .collect())
}
