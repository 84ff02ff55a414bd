//! Files: what is known of them. Their content lies in a store of its own.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Nullable, Uuid as SqlUuid};
use fulcrum_domain::access::{DataScope, Permission, Principal};
use uuid::Uuid;

use serde_json::Value;

use super::explain;
use crate::access::scope::{self, Within, hand_written};
use crate::paging::{PageRequest, keyset};
use crate::schema::{file_links, files, imports};
use crate::{StoreError, Tx};

/// The word for files in events.
pub const SUBJECT: &str = "file";

/// A file.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = files, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct File {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub name: String,
    pub media_type: String,
    pub size: i64,
    pub sha256: Vec<u8>,
    pub uploaded_by_type: String,
    pub uploaded_by_id: Option<Uuid>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Which record a file belongs to, and as what.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = file_links)]
#[allow(missing_docs)]
pub struct Link {
    pub tenant_id: Uuid,
    pub file_id: Uuid,
    pub subject_type: String,
    pub subject_id: Uuid,
    pub document_kind: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// Which files; empty lists and `None` don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub subject: Option<(String, Uuid)>,
    pub document_kinds: Vec<String>,
    pub created_from: Option<DateTime<Utc>>,
    pub created_to: Option<DateTime<Utc>>,
}

/// Whether a link leads to a record that the actor may see: asked of each link, through the keys of what it leads to. (As a set of all
/// records that can be seen, the planner would make it before it looks at a single file; `offset 0` keeps it from that.)
#[derive(Clone, Copy, Debug)]
struct LeadsToSight {
    customers: bool,
    contacts: bool,
    within: Option<Within>,
}

impl LeadsToSight {
    fn of(tx: &Tx) -> LeadsToSight {
        LeadsToSight {
            customers: tx.actor.may(Permission::CustomersRead),
            contacts: tx.actor.may(Permission::ContactsRead),
            within: scope::condition(tx, "customers.owner_id", "customers.department_id"),
        }
    }
}

hand_written!(LeadsToSight);

impl QueryFragment<Pg> for LeadsToSight {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // As `customers::visible` and `contacts::visible` have it.
        let ways = [
            (
                self.customers,
                "file_links.subject_type = 'customer' and exists (select from customers \
                 where customers.tenant_id = file_links.tenant_id and customers.id = file_links.subject_id",
            ),
            (
                self.contacts,
                "file_links.subject_type = 'contact' and exists (select from contacts join customers \
                 on customers.tenant_id = contacts.tenant_id and customers.id = contacts.customer_id \
                 where contacts.tenant_id = file_links.tenant_id and contacts.id = file_links.subject_id \
                 and customers.deleted_at is null",
            ),
        ];
        out.push_sql("(false");
        for (_, way) in ways.into_iter().filter(|(may, _)| *may) {
            out.push_sql(" or (");
            out.push_sql(way);
            if let Some(within) = &self.within {
                out.push_sql(" and ");
                within.walk_ast(out.reborrow())?;
            }
            out.push_sql(" offset 0))");
        }
        out.push_sql(")");
        Ok(())
    }
}

/// Whether the actor may see a file: who may see one of its records may; one that belongs to none is its uploader's, and when it is
/// deleted, of those who may bring it back.
#[derive(Clone, Copy, Debug)]
struct Seen {
    links: LeadsToSight,
    uploader: Option<Uuid>,
    restores: bool,
}

hand_written!(Seen);

impl QueryFragment<Pg> for Seen {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let own = "exists (select from file_links where file_links.tenant_id = files.tenant_id and file_links.file_id = files.id";
        out.push_sql("(");
        out.push_sql(own);
        out.push_sql(" and ");
        self.links.walk_ast(out.reborrow())?;
        out.push_sql(" offset 0) or not ");
        out.push_sql(own);
        out.push_sql(" offset 0) and (files.uploaded_by_id = ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.uploader)?;
        out.push_sql(if self.restores { " or files.deleted_at is not null))" } else { "))" });
        Ok(())
    }
}

/// The links to records that the actor may see.
fn visible_links<'a>(tx: &Tx) -> file_links::BoxedQuery<'a, Pg> {
    file_links::table
        .filter(file_links::tenant_id.eq(tx.actor.tenant_id))
        .filter(LeadsToSight::of(tx))
        .into_boxed()
}

fn visible<'a>(tx: &Tx) -> files::BoxedQuery<'a, Pg> {
    let seen = Seen {
        links: LeadsToSight::of(tx),
        uploader: tx.actor.principal_id(),
        restores: tx.actor.scope == DataScope::Tenant && tx.actor.may(Permission::FilesDelete),
    };
    let query = files::table.filter(files::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    // What the installation itself has put there belongs to nobody else.
    if tx.actor.principal == Principal::System { query } else { query.filter(seen) }
}

/// Adds a file.
///
/// # Errors
/// Those of the database.
pub fn insert(tx: &mut Tx, file: &File) -> Result<(), StoreError> {
    diesel::insert_into(files::table).values(file).execute(tx.conn)?;
    Ok(())
}

/// One file, deleted or not.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<File, StoreError> {
    Ok(visible(tx).filter(files::id.eq(id)).select(File::as_select()).first(tx.conn)?)
}

/// One file, held until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<File, StoreError> {
    find(tx, id)?;
    Ok(files::table.find((tx.actor.tenant_id, id)).select(File::as_select()).for_update().first(tx.conn)?)
}

/// Stores a changed file.
///
/// # Errors
/// Those of the database.
pub fn replace(tx: &mut Tx, file: &File) -> Result<(), StoreError> {
    diesel::update(files::table.find((tx.actor.tenant_id, file.id))).set(file).execute(tx.conn)?;
    Ok(())
}

fn matching<'a>(tx: &Tx, filter: &Filter) -> files::BoxedQuery<'a, Pg> {
    let mut query = visible(tx).filter(files::deleted_at.is_null());
    if filter.subject.is_some() || !filter.document_kinds.is_empty() {
        // Of the links that the actor sees: what a file is elsewhere is not told.
        let mut links = visible_links(tx);
        if let Some((subject_type, subject_id)) = &filter.subject {
            links = links
                .filter(file_links::subject_type.eq(subject_type.clone()))
                .filter(file_links::subject_id.eq(*subject_id));
        }
        if !filter.document_kinds.is_empty() {
            links = links.filter(file_links::document_kind.eq_any(filter.document_kinds.clone()));
        }
        query = query.filter(files::id.eq_any(links.select(file_links::file_id)));
    }
    if let Some(from) = filter.created_from {
        query = query.filter(files::created_at.ge(from));
    }
    if let Some(to) = filter.created_to {
        query = query.filter(files::created_at.le(to));
    }
    query
}

/// A page of files, newest first, one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, filter: &Filter, page: &PageRequest) -> Result<Vec<File>, StoreError> {
    let query = keyset!(matching(tx, filter), files::created_at, files::id, true, page.after_time());
    Ok(query.limit(page.limit + 1).select(File::as_select()).load(tx.conn)?)
}

/// How PostgreSQL would look for one file, and for the first page of a list: for the tests that hold it to its indexes.
///
/// # Errors
/// Those of the database.
pub fn explain(tx: &mut Tx, id: Uuid, filter: &Filter) -> Result<[Value; 2], StoreError> {
    let one = visible(tx).filter(files::id.eq(id)).select(File::as_select()).limit(1);
    let page = matching(tx, filter).order((files::created_at.desc(), files::id.desc())).limit(51);
    Ok([explain::plan(tx, one)?, explain::plan(tx, page.select(File::as_select()))?])
}

/// The links of files to records that the actor may see.
///
/// # Errors
/// Those of the database.
pub fn links(tx: &mut Tx, file_ids: &[Uuid]) -> Result<Vec<Link>, StoreError> {
    Ok(visible_links(tx)
        .filter(file_links::file_id.eq_any(file_ids.to_vec()))
        .order((file_links::created_at, file_links::subject_id))
        .select(Link::as_select())
        .load(tx.conn)?)
}

/// Links a file to a record; a link that is there gets the kind of document. Returns whether that changed anything.
///
/// # Errors
/// Those of the database.
pub fn link(tx: &mut Tx, link: &Link) -> Result<bool, StoreError> {
    let put = diesel::insert_into(file_links::table)
        .values(link)
        .on_conflict((
            file_links::tenant_id,
            file_links::file_id,
            file_links::subject_type,
            file_links::subject_id,
        ))
        .do_update()
        .set(file_links::document_kind.eq(&link.document_kind));
    let is_other = file_links::document_kind.is_distinct_from(&link.document_kind);
    Ok(diesel::query_dsl::methods::FilterDsl::filter(put, is_other).execute(tx.conn)? == 1)
}

/// Takes a link away; `false` when there was none.
///
/// # Errors
/// Those of the database.
pub fn unlink(tx: &mut Tx, file_id: Uuid, subject_type: &str, subject_id: Uuid) -> Result<bool, StoreError> {
    let gone =
        diesel::delete(file_links::table.find((tx.actor.tenant_id, file_id, subject_type, subject_id)))
            .execute(tx.conn)?;
    Ok(gone == 1)
}

/// How many records a file belongs to, seen or not.
///
/// # Errors
/// Those of the database.
pub fn count_links(tx: &mut Tx, file_id: Uuid) -> Result<i64, StoreError> {
    Ok(file_links::table
        .filter(file_links::tenant_id.eq(tx.actor.tenant_id))
        .filter(file_links::file_id.eq(file_id))
        .count()
        .get_result(tx.conn)?)
}

/// Forgets files of the whole installation that belong to no record and that nothing has happened to since a time. Returns them.
/// Those that somebody deleted are kept.
///
/// # Errors
/// Those of the database.
pub fn forget_orphans(
    tx: &mut Tx,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let links = file_links::table
        .filter(file_links::tenant_id.eq(files::tenant_id))
        .filter(file_links::file_id.eq(files::id));
    // What was brought in can be looked at again, with what was wrong with it.
    let brought_in = imports::table
        .filter(imports::tenant_id.eq(files::tenant_id))
        .filter(imports::file_id.eq(files::id).or(imports::error_file_id.eq(files::id.nullable())));
    let orphans: Vec<(Uuid, Uuid)> = files::table
        .filter(files::deleted_at.is_null())
        .filter(files::created_at.lt(before))
        .filter(files::updated_at.lt(before))
        .filter(diesel::dsl::not(diesel::dsl::exists(links)))
        .filter(diesel::dsl::not(diesel::dsl::exists(brought_in)))
        .order((files::tenant_id, files::id))
        .limit(limit)
        .select((files::tenant_id, files::id))
        .for_update()
        .skip_locked()
        .load(tx.conn)?;
    for key in &orphans {
        diesel::delete(files::table.find(*key)).execute(tx.conn)?;
    }
    Ok(orphans)
}

/// Of these files, by company and id, those that are known.
///
/// # Errors
/// Those of the database.
pub fn known(tx: &mut Tx, keys: &[(Uuid, Uuid)]) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) = keys.iter().copied().unzip();
    Ok(files::table
        .filter(files::tenant_id.eq_any(tenants))
        .filter(files::id.eq_any(ids))
        .select((files::tenant_id, files::id))
        .load(tx.conn)?)
}
