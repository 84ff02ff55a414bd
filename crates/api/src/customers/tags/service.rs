//! What can be done with tags.

use fulcrum_domain::access::Permission;
use fulcrum_domain::values::text::{clean_line, clean_text};
use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::tags::{self as store, TagRow};
use serde_json::json;
use uuid::Uuid;

use super::renaming::Rename;
use super::views::{TagInput, TagList, TagQuery, TagView};
use crate::App;
use crate::http::catalog::Code;
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::platform::jobs::enqueue_for_company;
use crate::records::{Resource, Stamp};

/// Tags of a company.
const MOST_TAGS: i64 = 1000;

/// Tags as records.
pub enum Tags {}

impl Resource for Tags {
    type Row = TagRow;
    type Input = TagInput;
    type View = TagView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "tags";
    const DELETE: Permission = Permission::TagsWrite;

    fn input_of(row: &TagRow) -> TagInput {
        TagInput {
            name: row.name.clone(),
            color: row.color.clone(),
            group: row.group_name.clone(),
            description: row.description.clone(),
        }
    }

    fn view(row: &TagRow) -> TagView {
        TagView::from(row)
    }

    fn stamp(row: &TagRow) -> Stamp {
        Stamp::of(row.id, row.version, row.deleted_at)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<TagRow, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<TagRow, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, input: TagInput) -> Result<TagRow, Problem> {
        if store::count(tx)? >= MOST_TAGS {
            return Err(Problem::new(Code::TooMany).with("max", MOST_TAGS));
        }
        let blank = TagRow {
            tenant_id: tx.actor.tenant_id,
            id: Uuid::now_v7(),
            name: String::new(),
            color: None,
            group_name: None,
            description: None,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        };
        let row = filled(blank, input);
        store::insert(tx, &row)?;
        Ok(row)
    }

    fn change(tx: &mut Tx, before: &TagRow, input: TagInput) -> Result<TagRow, Problem> {
        let mut after = filled(before.clone(), input);
        if json!(Self::input_of(before)) == json!(Self::input_of(&after)) {
            return Ok(after);
        }
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        if after.name != before.name {
            let now = tx.now;
            enqueue_for_company(tx, &Rename { from: before.name.clone(), to: after.name.clone() }, now)?;
        }
        Ok(after)
    }

    /// Customers keep the tags that they have.
    fn set_deleted(tx: &mut Tx, before: &TagRow, deleted: bool) -> Result<TagRow, Problem> {
        let after = TagRow {
            deleted_at: deleted.then_some(tx.now),
            version: before.version + 1,
            updated_at: tx.now,
            ..before.clone()
        };
        store::replace(tx, &after)?;
        Ok(after)
    }
}

fn filled(row: TagRow, input: TagInput) -> TagRow {
    TagRow {
        name: clean_line(&input.name),
        color: input.color,
        group_name: input.group.map(|text| clean_line(&text)),
        description: input.description.map(|text| clean_text(&text)).filter(|text| !text.is_empty()),
        ..row
    }
}

/// A page of tags.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &TagQuery) -> Result<TagList, Problem> {
    let unpaged = TagQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, Tags::COLLECTION, &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let groups: Vec<String> = query.group.iter().map(|group| group.0.clone()).collect();
    let rows = store::list(tx, &groups, &page)?;
    let place = |row: &TagRow| (row.created_at, row.id);
    let (data, next_cursor) = list.cut_created(&app.keys, rows, query.limit, place, |row| TagView::from(row));
    Ok(TagList { data, next_cursor, total_count: None })
}
