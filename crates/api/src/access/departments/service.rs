//! What can be done with departments.

use std::collections::HashMap;

use fulcrum_domain::access::{DataScope, DepartmentPath, Permission};
use fulcrum_domain::values::text::clean_line;
use fulcrum_persistence::access::departments as store;
use fulcrum_persistence::{StoreError, Tx};
use store::Department;
use uuid::Uuid;

use super::views::{DepartmentInput, DepartmentList, DepartmentQuery, DepartmentView};
use crate::App;
use crate::access::grants;
use crate::access::users::service::assignable;
use crate::http::catalog::{Code, FieldCode};
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::records::{Resource, Stamp};

/// Departments as records.
pub enum Departments {}

impl Resource for Departments {
    type Row = Department;
    type Input = DepartmentInput;
    type View = DepartmentView;
    const SUBJECT: &'static str = "department";
    const COLLECTION: &'static str = "departments";
    const DELETE: Permission = Permission::DepartmentsWrite;

    fn input_of(row: &Department) -> DepartmentInput {
        DepartmentInput { name: row.name.clone(), parent_id: row.parent_id, manager_id: row.manager_id }
    }

    fn view(row: &Department) -> DepartmentView {
        DepartmentView::from(row)
    }

    fn stamp(row: &Department) -> Stamp {
        Stamp::of(row.id, row.version, row.deleted_at)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<Department, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<Department, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, input: DepartmentInput) -> Result<Department, Problem> {
        structure_is_mine(tx)?;
        store::lock_tree(tx)?;
        if let Some(manager_id) = input.manager_id {
            assignable(tx, manager_id, "/manager_id")?;
        }
        let id = Uuid::now_v7();
        let row = Department {
            tenant_id: tx.actor.tenant_id,
            id,
            parent_id: input.parent_id,
            name: clean_line(&input.name),
            path: path_below(tx, input.parent_id, id)?,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
            manager_id: input.manager_id,
        };
        store::insert(tx, &row)?;
        Ok(row)
    }

    fn change(tx: &mut Tx, before: &Department, input: DepartmentInput) -> Result<Department, Problem> {
        structure_is_mine(tx)?;
        let DepartmentInput { name, parent_id, manager_id } = input;
        let mut after = Department { name: clean_line(&name), parent_id, manager_id, ..before.clone() };
        let same_manager = after.manager_id == before.manager_id;
        if after.name == before.name && after.parent_id == before.parent_id && same_manager {
            return Ok(after);
        }
        if let (false, Some(manager_id)) = (same_manager, manager_id) {
            assignable(tx, manager_id, "/manager_id")?;
        }
        if after.parent_id != before.parent_id {
            after.path = path_below(tx, after.parent_id, after.id)?;
            stays_a_tree(tx, before, &after)?;
            store::move_subtree(tx, &before.path, &after.path)?;
        }
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &Department, deleted: bool) -> Result<Department, Problem> {
        structure_is_mine(tx)?;
        if deleted && store::in_use(tx, before.id)? {
            return Err(Problem::new(Code::InUse).with("by", "departments, users, api-clients or customers"));
        }
        if !deleted {
            path_below(tx, before.parent_id, before.id)?;
        }
        let after = Department {
            deleted_at: deleted.then_some(tx.now),
            version: before.version + 1,
            updated_at: tx.now,
            ..before.clone()
        };
        store::replace(tx, &after)?;
        Ok(after)
    }
}

/// The shape of the tree decides what scopes see, so changing it takes the whole company's scope.
fn structure_is_mine(tx: &mut Tx) -> Result<(), Problem> {
    grants::within(tx, &[], DataScope::Tenant)
}

fn path_below(tx: &mut Tx, parent_id: Option<Uuid>, id: Uuid) -> Result<String, Problem> {
    let Some(parent_id) = parent_id else { return Ok(DepartmentPath::root(id).as_str().to_owned()) };
    let parent = match store::find(tx, parent_id) {
        Err(StoreError::NotFound) => return Err(Problem::field("/parent_id", FieldCode::NotFound)),
        found => found?,
    };
    if parent.deleted_at.is_some() {
        return Err(Problem::field("/parent_id", FieldCode::NotFound));
    }
    let path = DepartmentPath::from_stored(parent.path).child(id);
    path.map(|path| path.as_str().to_owned()).ok_or_else(|| Problem::field("/parent_id", FieldCode::TooDeep))
}

fn stays_a_tree(tx: &mut Tx, before: &Department, after: &Department) -> Result<(), Problem> {
    let (old, new) =
        (DepartmentPath::from_stored(before.path.clone()), DepartmentPath::from_stored(after.path.clone()));
    if old.contains(&new) {
        return Err(Problem::field("/parent_id", FieldCode::Circle));
    }
    let deepest = DepartmentPath::from_stored(store::longest_path(tx, &before.path)?);
    if deepest.depth() - old.depth() + new.depth() > 12 {
        return Err(Problem::field("/parent_id", FieldCode::TooDeep));
    }
    Ok(())
}

/// A page of departments.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &DepartmentQuery) -> Result<DepartmentList, Problem> {
    let list = List::of(tx.actor.tenant_id, "departments", &query.parent_id);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, query.parent_id, &page)?;
    let place = |row: &Department| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| DepartmentView::from(row));
    Ok(DepartmentList { data, next_cursor, total_count: None })
}

/// Departments to stand beside their ids.
///
/// # Errors
/// Those of the database.
pub fn by_id(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, DepartmentView>, Problem> {
    Ok(store::find_all(tx, ids)?.iter().map(|row| (row.id, DepartmentView::from(row))).collect())
}
