//! What can be done with contacts.

use std::collections::HashMap;

use fulcrum_domain::access::Permission;
use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_domain::platform::selecting::Selection;
use fulcrum_domain::values::text::{clean_line, clean_text};
use fulcrum_persistence::customers::{contacts as store, customers};
use fulcrum_persistence::platform::search::{SearchQuery, Target};
use fulcrum_persistence::{Json, StoreError, Tx};
use serde_json::json;
use store::{Contact, Filter, Sort};
use uuid::Uuid;

use super::views::{
    ContactInclude, ContactInput, ContactList, ContactQuery, ContactSort, ContactView, CustomerSummary,
};
use crate::App;
use crate::customers::completeness::measuring::look_at_contacts;
use crate::customers::custom_fields::values::{Fields, hold_or_free, stored as stored_values};
use crate::customers::customers::service::search_of;
use crate::customers::rules;
use crate::http::answer::Answer;
use crate::http::catalog::FieldCode;
use crate::http::cursor::List;
use crate::http::problem::{FieldError, Problem};
use crate::http::wire::Count;
use crate::records::{self, Resource, Stamp};

/// Contacts as records.
pub enum Contacts {}

impl Resource for Contacts {
    type Row = Contact;
    type Input = ContactInput;
    type View = ContactView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "contacts";
    const DELETE: Permission = Permission::ContactsDelete;

    fn input_of(row: &Contact) -> ContactInput {
        input_of(row)
    }

    fn view(row: &Contact) -> ContactView {
        ContactView::from(row)
    }

    fn stamp(row: &Contact) -> Stamp {
        Stamp { customer_id: Some(row.customer_id), ..Stamp::of(row.id, row.version, row.deleted_at) }
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<Contact, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<Contact, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, mut input: ContactInput) -> Result<Contact, Problem> {
        rules::born_already(input.born_on, tx)?;
        let customer = match customers::lock(tx, input.customer_id) {
            Err(StoreError::NotFound) => return Err(Problem::field("/customer_id", FieldCode::NotFound)),
            found => found?,
        };
        if customer.deleted_at.is_some() {
            return Err(Problem::deleted(customer.id));
        }
        match store::primary_of(tx, customer.id)? {
            // The first one is the one to turn to.
            None => input.is_primary = true,
            Some(other) if input.is_primary => end_primary(tx, other)?,
            Some(_) => {}
        }
        let fields = Fields::of(tx, CustomFieldObject::Contact)?;
        let custom = fields.judge(tx, None, None, &input.custom)?;
        let mut row = new_row(tx, Uuid::now_v7(), input);
        row.custom = Json::of(&custom.values);
        row.custom_texts = custom.texts;
        store::insert(tx, &row)?;
        fields.hold(tx, row.id, &[], &custom.unique)?;
        records::replace_external_ids::<Contacts>(tx, row.id, &Json::empty_list(), &row.external_ids)?;
        look_at_contacts(tx, row.customer_id)?;
        Ok(row)
    }

    fn change(tx: &mut Tx, before: &Contact, input: ContactInput) -> Result<Contact, Problem> {
        rules::born_already(input.born_on, tx)?;
        if input.customer_id != before.customer_id {
            return Err(Problem::field("/customer_id", FieldCode::NotChangeable));
        }
        let had = stored_values(&before.custom);
        let custom = match input.custom == had {
            true => None,
            false => {
                let fields = Fields::of(tx, CustomFieldObject::Contact)?;
                let judged = fields.judge(tx, None, Some(&had.0), &input.custom)?;
                Some((fields.derived(had.0), judged, fields))
            }
        };
        let mut after = filled(before.clone(), input, &tx.actor.region);
        if let Some((_, judged, _)) = &custom {
            after.custom = Json::of(&judged.values);
            after.custom_texts.clone_from(&judged.texts);
        }
        if json!(input_of(before)) == json!(input_of(&after)) {
            return Ok(before.clone());
        }
        if after.is_primary
            && !before.is_primary
            && let Some(other) = store::primary_of(tx, after.customer_id)?
        {
            end_primary(tx, other)?;
        }
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, before, &after)?;
        if let Some((had, has, fields)) = &custom {
            fields.hold(tx, after.id, &had.unique, &has.unique)?;
        }
        records::replace_external_ids::<Contacts>(tx, after.id, &before.external_ids, &after.external_ids)?;
        look_at_contacts(tx, after.customer_id)?;
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &Contact, deleted: bool) -> Result<Contact, Problem> {
        // Somebody else may have become the primary one in the meantime.
        let is_primary =
            before.is_primary && (deleted || store::primary_of(tx, before.customer_id)?.is_none());
        let after = Contact {
            deleted_at: deleted.then_some(tx.now),
            is_primary,
            version: before.version + 1,
            updated_at: tx.now,
            ..before.clone()
        };
        store::replace(tx, before, &after)?;
        hold_or_free(tx, CustomFieldObject::Contact, after.id, &after.custom, !deleted)?;
        look_at_contacts(tx, after.customer_id)?;
        Ok(after)
    }
}

/// A new contact, not stored yet; its customer is taken as it is.
pub(crate) fn new_row(tx: &Tx, id: Uuid, input: ContactInput) -> Contact {
    let blank = Contact {
        tenant_id: tx.actor.tenant_id,
        id,
        customer_id: input.customer_id,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
        deleted_at: None,
        ..blank()
    };
    filled(blank, input, &tx.actor.region)
}

/// A customer has one primary contact: the one that was it so far, with a version and an event of its own.
fn end_primary(tx: &mut Tx, other: Contact) -> Result<(), Problem> {
    let input = ContactInput { is_primary: false, ..input_of(&other) };
    records::change_directly::<Contacts>(tx, &other, input)
}

/// The writable part of a stored contact.
pub fn input_of(row: &Contact) -> ContactInput {
    ContactInput {
        customer_id: row.customer_id,
        name: row.name.clone(),
        title: row.title.clone(),
        phones: row.phones.read().unwrap_or_default(),
        emails: row.emails.read().unwrap_or_default(),
        decision_role: row.decision_role.as_deref().and_then(|role| role.parse().ok()),
        is_primary: row.is_primary,
        born_on: row.born_on,
        notes: row.notes.clone(),
        external_ids: rules::stored_external_ids(&row.external_ids),
        custom: stored_values(&row.custom),
    }
}

/// What is said of a contact as it would be stored.
pub(crate) fn canonical(input: &ContactInput, region: &str) -> ContactInput {
    let blank = Contact { customer_id: input.customer_id, ..blank() };
    input_of(&filled(blank, input.clone(), region))
}

fn filled(row: Contact, mut input: ContactInput, region: &str) -> Contact {
    for phone in &mut input.phones {
        phone.number = rules::phone(Some(std::mem::take(&mut phone.number)), region).unwrap_or_default();
    }
    for email in &mut input.emails {
        email.address = rules::email(Some(std::mem::take(&mut email.address))).unwrap_or_default();
    }
    Contact {
        name: clean_line(&input.name),
        title: input.title.map(|text| clean_line(&text)).filter(|text| !text.is_empty()),
        phones: Json::of(&input.phones),
        emails: Json::of(&input.emails),
        decision_role: input.decision_role.map(|role| role.to_string()),
        is_primary: input.is_primary,
        born_on: input.born_on,
        notes: input.notes.map(|text| clean_text(&text)),
        external_ids: Json::of(&input.external_ids),
        custom: Json::of(&input.custom),
        ..row
    }
}

fn blank() -> Contact {
    Contact {
        tenant_id: Uuid::nil(),
        id: Uuid::nil(),
        customer_id: Uuid::nil(),
        name: String::new(),
        title: None,
        phones: Json::empty_list(),
        emails: Json::empty_list(),
        decision_role: None,
        is_primary: false,
        born_on: None,
        notes: None,
        external_ids: Json::empty_list(),
        version: 1,
        created_at: Default::default(),
        updated_at: Default::default(),
        deleted_at: None,
        custom: Json::empty_object(),
        custom_texts: vec![],
    }
}

/// A page of contacts.
///
/// # Errors
/// 400 when cursor, order and search don't fit together.
pub fn list(tx: &mut Tx, app: &App, query: &ContactQuery) -> Result<ContactList, Problem> {
    list_selected(tx, app, query, None, None)
}

/// A page of the contacts that a condition selects, too; `text` is how it is written.
///
/// # Errors
/// 400 when cursor, order and search don't fit together.
pub(super) fn list_selected(
    tx: &mut Tx,
    app: &App,
    query: &ContactQuery,
    text: Option<&str>,
    selection: Option<Selection>,
) -> Result<ContactList, Problem> {
    let search = search_of(tx, query.q.as_deref(), Target::Contacts)?;
    let sort = sort_of(query.sort.first().copied(), search.is_some())?;
    let filter = Filter { selection, ..filter_of(query, search) };
    let unpaged = ContactQuery { cursor: None, limit: 0, include: vec![], count: None, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, "contacts", &(&unpaged, text));
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &filter, sort, &page)?;
    let (rows, next_cursor) = list.cut(&app.keys, rows, query.limit);
    let total_count = match query.count {
        Some(Count::Exact) => Some(store::count(tx, &filter)?),
        Some(Count::Estimated) => Some(store::estimate(tx, &filter)?),
        None => None,
    };
    let mut data: Vec<ContactView> = rows.iter().map(ContactView::from).collect();
    include(tx, &mut data, &query.include)?;
    Ok(ContactList { data, next_cursor, total_count })
}

/// One contact with what was asked for beside its ids.
///
/// # Errors
/// 404.
pub fn show(tx: &mut Tx, id: Uuid, wanted: &[ContactInclude]) -> Result<Answer, Problem> {
    let row = store::find(tx, id)?;
    let mut views = [ContactView::from(&row)];
    include(tx, &mut views, wanted)?;
    let answer = Answer::ok(&views[0])?;
    Ok(if wanted.is_empty() { answer.version(row.version) } else { answer })
}

/// Adds what was asked for beside the ids; one query, however many rows there are.
///
/// # Errors
/// 403 without the permission to see customers.
pub(crate) fn include(
    tx: &mut Tx,
    views: &mut [ContactView],
    wanted: &[ContactInclude],
) -> Result<(), Problem> {
    if wanted.contains(&ContactInclude::Customer) {
        records::require(&tx.actor, Permission::CustomersRead)?;
        let ids: Vec<Uuid> = views.iter().map(|view| view.customer_id).collect();
        let found: HashMap<Uuid, CustomerSummary> = customers::find_all(tx, &ids)?
            .into_iter()
            .map(|row| (row.id, CustomerSummary { id: row.id, number: row.number, name: row.name }))
            .collect();
        for view in views {
            view.customer = found.get(&view.customer_id).cloned();
        }
    }
    Ok(())
}

fn sort_of(sort: Option<ContactSort>, searching: bool) -> Result<Sort, Problem> {
    Ok(match sort {
        None if searching => Sort::Relevance,
        None | Some(ContactSort::NewestFirst) => Sort::Created { descending: true },
        Some(ContactSort::OldestFirst) => Sort::Created { descending: false },
        Some(ContactSort::ChangedLastFirst) => Sort::Updated { descending: true },
        Some(ContactSort::ChangedFirstFirst) => Sort::Updated { descending: false },
        Some(ContactSort::Name) => Sort::Name { descending: false },
        Some(ContactSort::NameDescending) => Sort::Name { descending: true },
        Some(ContactSort::Relevance) if searching => Sort::Relevance,
        Some(ContactSort::Relevance) => {
            return Err(Problem::bad_parameters(vec![FieldError::new(
                "sort",
                FieldCode::RelevanceNeedsSearch,
            )]));
        }
    })
}

fn filter_of(query: &ContactQuery, search: Option<SearchQuery>) -> Filter {
    let external: Vec<String> = query.external_id.iter().map(|text| text.0.clone()).collect();
    Filter {
        search,
        selection: None,
        customer_ids: query.customer_id.clone(),
        decision_roles: query.decision_role.iter().map(ToString::to_string).collect(),
        is_primary: query.is_primary,
        external_ids: rules::external_id_filter(&external),
        created_from: query.created_at_from,
        created_to: query.created_at_to,
        updated_from: query.updated_at_from,
        updated_to: query.updated_at_to,
    }
}
