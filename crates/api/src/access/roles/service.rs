//! What can be done with roles.

use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_domain::values::text::clean_line;
use fulcrum_persistence::Tx;
use fulcrum_persistence::access::roles as store;
use store::Role;
use uuid::Uuid;

use super::views::{RoleInput, RoleList, RoleView};
use crate::App;
use crate::access::grants;
use crate::http::catalog::Code;
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::http::wire::PageQuery;
use crate::records::{Resource, Stamp};

/// Roles as records.
pub enum Roles {}

impl Resource for Roles {
    type Row = Role;
    type Input = RoleInput;
    type View = RoleView;
    const SUBJECT: &'static str = "role";
    const COLLECTION: &'static str = "roles";
    const DELETE: Permission = Permission::RolesWrite;

    fn input_of(row: &Role) -> RoleInput {
        RoleInput {
            key: row.key.clone(),
            name: row.name.clone(),
            permissions: grants::stored(&row.permissions),
            data_scope: row.data_scope.parse().unwrap_or(DataScope::Own),
        }
    }

    fn view(row: &Role) -> RoleView {
        RoleView::from(row)
    }

    fn stamp(row: &Role) -> Stamp {
        Stamp::of(row.id, row.version, row.deleted_at)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<Role, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<Role, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, input: RoleInput) -> Result<Role, Problem> {
        grants::within(tx, &input.permissions, input.data_scope)?;
        let row = Role {
            tenant_id: tx.actor.tenant_id,
            id: Uuid::now_v7(),
            key: input.key,
            name: clean_line(&input.name),
            permissions: grants::words(&input.permissions),
            data_scope: input.data_scope.to_string(),
            built_in: false,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        };
        store::insert(tx, std::slice::from_ref(&row))?;
        Ok(row)
    }

    fn change(tx: &mut Tx, before: &Role, input: RoleInput) -> Result<Role, Problem> {
        // Both what it was and what it becomes: nobody can take from those above them either.
        within_mine(tx, before)?;
        grants::within(tx, &input.permissions, input.data_scope)?;
        // The administrator's role stays what its name says, also when a release adds permissions.
        let administrator = before.built_in && before.key == "admin";
        let less = grants::words(&input.permissions) != before.permissions
            || input.data_scope.to_string() != before.data_scope;
        if before.built_in && (input.key != before.key || (administrator && less)) {
            return Err(Problem::new(Code::BuiltIn));
        }
        let mut after = Role {
            key: input.key,
            name: clean_line(&input.name),
            permissions: grants::words(&input.permissions),
            data_scope: input.data_scope.to_string(),
            ..before.clone()
        };
        let same = (&after.key, &after.name, &after.permissions, &after.data_scope)
            == (&before.key, &before.name, &before.permissions, &before.data_scope);
        if same {
            return Ok(after);
        }
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        keeps_an_administrator(tx)?;
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &Role, deleted: bool) -> Result<Role, Problem> {
        within_mine(tx, before)?;
        if deleted && before.built_in {
            return Err(Problem::new(Code::BuiltIn));
        }
        if deleted && store::in_use(tx, before.id)? {
            return Err(Problem::new(Code::InUse).with("by", "users"));
        }
        let after = Role {
            deleted_at: deleted.then_some(tx.now),
            version: before.version + 1,
            updated_at: tx.now,
            ..before.clone()
        };
        store::replace(tx, &after)?;
        Ok(after)
    }
}

/// Refuses to touch a role that has more than the actor.
///
/// # Errors
/// 403 that names the excess.
pub fn within_mine(tx: &mut Tx, role: &Role) -> Result<(), Problem> {
    let scope = role.data_scope.parse().unwrap_or(DataScope::Tenant);
    grants::within(tx, &grants::stored(&role.permissions), scope)
}

/// Refuses what would leave the company without anybody who can manage its users.
///
/// # Errors
/// 409.
pub fn keeps_an_administrator(tx: &mut Tx) -> Result<(), Problem> {
    let needed = [Permission::UsersWrite.word(), Permission::RolesWrite.word()];
    let kept = fulcrum_persistence::access::users::somebody_may(tx, &needed)?;
    if kept { Ok(()) } else { Err(Problem::new(Code::LastAdministrator)) }
}

/// A page of roles.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &PageQuery) -> Result<RoleList, Problem> {
    let list = List::of(tx.actor.tenant_id, "roles", &());
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &page)?;
    let place = |row: &Role| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| RoleView::from(row));
    Ok(RoleList { data, next_cursor, total_count: None })
}
