//! What can be done with files.

use std::collections::BTreeSet;

use fulcrum_domain::access::Permission;
use fulcrum_persistence::customers::contacts;
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::platform::files::{self as store, File, Link};
use fulcrum_persistence::{StoreError, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::upload::Upload;
use super::views::{DocumentKind, FileList, FileQuery, FileView, LinkInput, UnlinkInput};
use crate::App;
use crate::http::allowed::Call;
use crate::http::answer::Answer;
use crate::http::catalog::Code;
use crate::http::cursor::List;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::records::require;
use crate::subjects::{self, Subject};

/// The path segment.
const COLLECTION: &str = "files";
/// Records that one file belongs to.
const MOST_LINKS: i64 = 1000;

/// Makes a file known whose content lies in the store.
///
/// # Errors
/// 422 for a record that the actor doesn't see.
pub(crate) fn create(tx: &mut Tx, upload: &Upload) -> Result<Answer, Problem> {
    let subject = match &upload.link {
        Some(link) => Some(subjects::lock(tx, link.subject_type, link.subject_id, "/subject_id")?),
        None => None,
    };
    let row = File {
        tenant_id: tx.actor.tenant_id,
        id: upload.id,
        name: upload.name.clone(),
        media_type: upload.media_type.into(),
        size: upload.size as i64,
        sha256: upload.sha256.to_vec(),
        uploaded_by_type: tx.actor.principal_type().into(),
        uploaded_by_id: tx.actor.principal_id(),
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
        deleted_at: None,
    };
    store::insert(tx, &row)?;
    // What belongs to no record yet is nobody's business but the uploader's.
    let mut changes = json!({});
    if let (Some(link), Some(subject)) = (&upload.link, &subject) {
        put_link(tx, &row, subject, link)?;
        changes = described(&row);
        changes["link"] = json!({ "from": null, "to": link });
    }
    record(tx, "created", &row, subject.map(|subject| subject.customer_id), changes)?;
    let view = view(tx, &row)?;
    Ok(Answer::created(COLLECTION, row.id, &view)?.version(row.version))
}

/// What there is to be told of a file.
fn described(row: &File) -> Value {
    json!({
        "name": { "from": null, "to": row.name },
        "media_type": { "from": null, "to": row.media_type },
        "size": { "from": null, "to": row.size },
    })
}

fn put_link(tx: &mut Tx, file: &File, subject: &Subject, link: &LinkInput) -> Result<bool, StoreError> {
    let row = Link {
        tenant_id: file.tenant_id,
        file_id: file.id,
        subject_type: subject.kind.word().into(),
        subject_id: subject.id,
        document_kind: link.document_kind.as_ref().map(|kind| kind.0.clone()),
        created_at: tx.now,
    };
    store::link(tx, &row)
}

fn view(tx: &mut Tx, row: &File) -> Result<FileView, StoreError> {
    let links = store::links(tx, &[row.id])?;
    Ok(FileView::of(row, &links))
}

fn shown(tx: &mut Tx, row: &File) -> Result<Answer, Problem> {
    Ok(Answer::ok(&view(tx, row)?)?.version(row.version))
}

/// One file, deleted or not.
///
/// # Errors
/// 404.
pub fn show(tx: &mut Tx, id: Uuid) -> Result<Answer, Problem> {
    let row = store::find(tx, id)?;
    shown(tx, &row)
}

/// A file whose content is asked for.
///
/// # Errors
/// 404, and 409 when it is deleted.
pub(super) async fn file(call: &Call, id: Uuid) -> Result<File, Problem> {
    let find = move |tx: &mut Tx| {
        let row = store::find(tx, id)?;
        match row.deleted_at {
            Some(_) => Err(Problem::deleted(row.id)),
            None => Ok(row),
        }
    };
    call.app.db.read(&call.actor, &call.context.stats, find).await
}

/// A page of files, newest first.
///
/// # Errors
/// 400 when the cursor is not one of this list, or when half a record is named.
pub fn list(tx: &mut Tx, app: &App, query: &FileQuery) -> Result<FileList, Problem> {
    query.check()?;
    let unpaged = FileQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, COLLECTION, &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &query.filter(), &page)?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let links = store::links(tx, &ids)?;
    let place = |row: &File| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| FileView::of(row, &links));
    Ok(FileList { data, next_cursor, total_count: None })
}

/// Links a file to a record, too; a link that is there gets the kind of document.
///
/// # Errors
/// 404, 409 when it is deleted, 412, 422 for a record that the actor doesn't see.
pub fn link(tx: &mut Tx, id: Uuid, if_match: &IfMatch, link: &LinkInput) -> Result<Answer, Problem> {
    let row = changeable(tx, id, if_match)?;
    let subject = subjects::lock(tx, link.subject_type, link.subject_id, "/subject_id")?;
    let before = store::links(tx, &[id])?;
    if store::count_links(tx, id)? >= MOST_LINKS {
        return Err(Problem::new(Code::TooMany).with("max", MOST_LINKS));
    }
    if !put_link(tx, &row, &subject, link)? {
        return shown(tx, &row);
    }
    let of_subject = |old: &&Link| old.subject_type == subject.kind.word() && old.subject_id == subject.id;
    let was = before
        .iter()
        .find(of_subject)
        .map(|old| LinkInput { document_kind: old.document_kind.clone().map(DocumentKind), ..link.clone() });
    // To who sees this record it may be a new file.
    let mut changes = if was.is_none() { described(&row) } else { json!({}) };
    changes["link"] = json!({ "from": was, "to": link });
    let row = changed(tx, row)?;
    record(tx, "linked", &row, Some(subject.customer_id), changes)?;
    shown(tx, &row)
}

/// Takes a file away from a record. Without its last record it is deleted.
///
/// # Errors
/// 404, 409 when it is deleted, 412, 422 for a record that the actor doesn't see, 403 for the last one without the permission to
/// delete files.
pub fn unlink(tx: &mut Tx, id: Uuid, if_match: &IfMatch, link: &UnlinkInput) -> Result<Answer, Problem> {
    let row = changeable(tx, id, if_match)?;
    let subject = subjects::lock(tx, link.subject_type, link.subject_id, "/subject_id")?;
    // Seen before it is gone: without its last link only its uploader sees it.
    let before = view(tx, &row)?;
    if !store::unlink(tx, id, subject.kind.word(), subject.id)? {
        return Ok(Answer::ok(&before)?.version(row.version));
    }
    let deleted_at = if store::count_links(tx, id)? > 0 { None } else { Some(tx.now) };
    if deleted_at.is_some() {
        require(&tx.actor, Permission::FilesDelete)?;
    }
    let row = changed(tx, File { deleted_at, ..row })?;
    let mut changes = json!({ "link": { "from": link, "to": null } });
    if deleted_at.is_some() {
        changes["deleted_at"] = json!({ "from": null, "to": deleted_at });
    }
    record(tx, "unlinked", &row, Some(subject.customer_id), changes)?;
    shown(tx, &row)
}

fn changeable(tx: &mut Tx, id: Uuid, if_match: &IfMatch) -> Result<File, Problem> {
    let row = store::lock(tx, id)?;
    if_match.check(row.version)?;
    match row.deleted_at {
        Some(_) => Err(Problem::deleted(row.id)),
        None => Ok(row),
    }
}

fn changed(tx: &mut Tx, row: File) -> Result<File, StoreError> {
    let row = File { version: row.version + 1, updated_at: tx.now, ..row };
    store::replace(tx, &row)?;
    Ok(row)
}

/// Deletes a file, softly: from all records. Deleting it again changes nothing.
///
/// # Errors
/// 404, 412.
pub fn delete(tx: &mut Tx, id: Uuid, if_match: &IfMatch) -> Result<Answer, Problem> {
    set_deleted(tx, id, if_match, true)?;
    Ok(Answer::no_content())
}

/// Brings a deleted file back. Restoring one that isn't deleted changes nothing.
///
/// # Errors
/// 404, 412.
pub fn restore(tx: &mut Tx, id: Uuid, if_match: &IfMatch) -> Result<Answer, Problem> {
    let row = set_deleted(tx, id, if_match, false)?;
    shown(tx, &row)
}

fn set_deleted(tx: &mut Tx, id: Uuid, if_match: &IfMatch, deleted: bool) -> Result<File, Problem> {
    let row = store::lock(tx, id)?;
    if_match.check(row.version)?;
    if row.deleted_at.is_some() == deleted {
        return Ok(row);
    }
    let links = store::links(tx, &[id])?;
    // It goes from all of them, also for those who see others than the actor does.
    if links.len() as i64 != store::count_links(tx, id)? {
        return Err(Problem::new(Code::InUse).with("by", "records that you don't see"));
    }
    let customers = customers_of(tx, &links)?;
    let row = changed(tx, File { deleted_at: deleted.then_some(tx.now), ..row })?;
    for customer_id in customers {
        record(tx, if deleted { "deleted" } else { "restored" }, &row, customer_id, json!({}))?;
    }
    Ok(row)
}

/// The customers that links concern, each once; nobody when there are none.
fn customers_of(tx: &mut Tx, links: &[Link]) -> Result<BTreeSet<Option<Uuid>>, StoreError> {
    let (of_contacts, of_customers): (Vec<&Link>, Vec<&Link>) =
        links.iter().partition(|link| link.subject_type == contacts::SUBJECT);
    let contact_ids: Vec<Uuid> = of_contacts.iter().map(|link| link.subject_id).collect();
    let contacts = contacts::find_all(tx, &contact_ids)?;
    let mut found: BTreeSet<Option<Uuid>> = of_customers.iter().map(|link| Some(link.subject_id)).collect();
    found.extend(contacts.iter().map(|contact| Some(contact.customer_id)));
    if found.is_empty() {
        found.insert(None);
    }
    Ok(found)
}

fn record(
    tx: &mut Tx,
    what: &str,
    row: &File,
    customer_id: Option<Uuid>,
    changes: Value,
) -> Result<(), StoreError> {
    let event = NewEvent {
        kind: format!("{}.{what}", store::SUBJECT),
        subject_type: store::SUBJECT,
        subject_id: row.id,
        customer_id,
        version: Some(row.version),
        changes,
    };
    events::append(tx, event)
}
