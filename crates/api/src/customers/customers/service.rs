//! What can be done with customers.

use std::collections::BTreeSet;

use fulcrum_domain::access::{Permission, Principal};
use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_domain::platform::Series;
use fulcrum_domain::platform::selecting::Selection;
use fulcrum_domain::values::Money;
use fulcrum_domain::values::text::{clean_line, clean_text};
use fulcrum_persistence::customers::{contacts, customers as store};
use fulcrum_persistence::platform::search::{Reach, SearchQuery, Target};
use fulcrum_persistence::{Json, StoreError, Tx};
use serde_json::json;
use store::{Customer, Filter, Sort};
use uuid::Uuid;

use super::input::{CustomerInput, PainPoint, Tag};
use super::query::{CustomerInclude, CustomerQuery, CustomerSort};
use super::stored;
use super::views::{CustomerList, CustomerView};
use crate::App;
use crate::access::users::service::assignable;
use crate::access::{departments, users as people};
use crate::customers::completeness::figures::Standard;
use crate::customers::completeness::measuring::measure;
use crate::customers::contacts::views::ContactView;
use crate::customers::custom_fields::values::{Fields, hold_or_free, stored as stored_values};
use crate::customers::duplicates::flagging::flag;
use crate::customers::duplicates::views::DuplicateOrigin;
use crate::customers::rules;
use crate::http::answer::Answer;
use crate::http::catalog::{Code, FieldCode};
use crate::http::cursor::List;
use crate::http::problem::{FieldError, Problem};
use crate::http::wire::Count;
use crate::records::{self, Resource, Stamp, require};

/// Customers as records.
pub enum Customers {}

impl Resource for Customers {
    type Row = Customer;
    type Input = CustomerInput;
    type View = CustomerView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "customers";
    const DELETE: Permission = Permission::CustomersDelete;

    fn input_of(row: &Customer) -> CustomerInput {
        input_of(row)
    }

    fn view(row: &Customer) -> CustomerView {
        CustomerView::from(row.clone())
    }

    fn stamp(row: &Customer) -> Stamp {
        Stamp {
            customer_id: Some(row.id),
            department_id: Some(row.department_id),
            ..Stamp::of(row.id, row.version, row.deleted_at)
        }
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<Customer, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<Customer, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, mut input: CustomerInput) -> Result<Customer, Problem> {
        rules::born_already(input.born_on, tx)?;
        input.owner_id = input.owner_id.or(tx.actor.user_id());
        let department_id = match input.owner_id {
            Some(owner_id) => department_of_owner(tx, owner_id)?,
            None => tx.actor.department_id.ok_or_else(|| Problem::field("/owner_id", FieldCode::Required))?,
        };
        let fields = Fields::of(tx, CustomFieldObject::Customer)?;
        let custom = fields.judge(tx, Some(input.kind), None, &input.custom)?;
        let mut row = new_row(tx, Uuid::now_v7(), department_id, input)?;
        row.custom = Json::of(&custom.values);
        row.custom_texts = custom.texts;
        measure(&fields, &mut row, Some(&BTreeSet::new()));
        free_credit_code(tx, &row)?;
        store::insert(tx, &row)?;
        fields.hold(tx, row.id, &[], &custom.unique)?;
        flag(tx, &row, DuplicateOrigin::Entry)?;
        records::replace_external_ids::<Customers>(tx, row.id, &Json::empty_list(), &row.external_ids)?;
        Ok(row)
    }

    fn change(tx: &mut Tx, before: &Customer, input: CustomerInput) -> Result<Customer, Problem> {
        rules::born_already(input.born_on, tx)?;
        if input.kind.to_string() != before.kind {
            return Err(Problem::field("/kind", FieldCode::NotChangeable));
        }
        let had = stored_values(&before.custom);
        let fields = Fields::of(tx, CustomFieldObject::Customer)?;
        let custom = match input.custom == had {
            true => None,
            false => {
                let judged = fields.judge(tx, Some(input.kind), Some(&had.0), &input.custom)?;
                Some((fields.derived(had.0), judged))
            }
        };
        let mut after = filled(before.clone(), input, &tx.actor.region);
        if let Some((_, judged)) = &custom {
            after.custom = Json::of(&judged.values);
            after.custom_texts.clone_from(&judged.texts);
        }
        if after.owner_id != before.owner_id {
            require(&tx.actor, Permission::CustomersAssign)?;
            if let Some(owner_id) = after.owner_id {
                after.department_id = department_of_owner(tx, owner_id)?;
            }
        }
        if json!(input_of(before)) == json!(input_of(&after)) {
            return Ok(before.clone());
        }
        after.version += 1;
        after.updated_at = tx.now;
        measure(&fields, &mut after, None);
        if after.credit_code != before.credit_code {
            free_credit_code(tx, &after)?;
        }
        store::replace(tx, before, &after)?;
        if let Some((had, has)) = &custom {
            fields.hold(tx, after.id, &had.unique, &has.unique)?;
        }
        records::replace_external_ids::<Customers>(tx, after.id, &before.external_ids, &after.external_ids)?;
        if is_someone_else(before, &after) {
            flag(tx, &after, DuplicateOrigin::Entry)?;
        }
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &Customer, deleted: bool) -> Result<Customer, Problem> {
        if !deleted && before.merged_into_id.is_some() {
            return Err(Problem::new(Code::MergedAlready).member("merged_into", json!(before.merged_into_id)));
        }
        let after = Customer {
            deleted_at: deleted.then_some(tx.now),
            version: before.version + 1,
            updated_at: tx.now,
            ..before.clone()
        };
        if !deleted {
            free_credit_code(tx, &after)?;
        }
        store::replace(tx, before, &after)?;
        hold_or_free(tx, CustomFieldObject::Customer, after.id, &after.custom, !deleted)?;
        contacts::set_findable(tx, after.id, !deleted)?;
        Ok(after)
    }
}

/// Whether what a customer is compared by has changed.
fn is_someone_else(before: &Customer, after: &Customer) -> bool {
    let compared =
        |row: &Customer| (row.name.clone(), row.credit_code.clone(), row.phone.clone(), row.email.clone());
    compared(before) != compared(after)
}

/// A new customer with a number of its own, not stored yet; what the input refers to is taken as it is.
///
/// # Errors
/// Those of the database.
pub(crate) fn new_row(
    tx: &mut Tx,
    id: Uuid,
    department_id: Uuid,
    input: CustomerInput,
) -> Result<Customer, StoreError> {
    let series = Series::of_year('C', tx.now, tx.actor.time_zone);
    let blank = Customer {
        tenant_id: tx.actor.tenant_id,
        id,
        number: tx.next_number(&series)?,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
        deleted_at: None,
        department_id,
        ..blank()
    };
    Ok(filled(blank, input, &tx.actor.region))
}

/// The department of the person that a customer is given to, if the actor may give it.
fn department_of_owner(tx: &mut Tx, owner_id: Uuid) -> Result<Uuid, Problem> {
    if tx.actor.user_id() != Some(owner_id) && tx.actor.principal != Principal::System {
        require(&tx.actor, Permission::CustomersAssign)?;
    }
    Ok(assignable(tx, owner_id, "/owner_id")?.department_id)
}

/// Names the customer that has the credit code already, if the actor may see it. The unique index has the last
/// word, also against a customer that somebody else is just creating.
fn free_credit_code(tx: &mut Tx, row: &Customer) -> Result<(), Problem> {
    let Some(code) = &row.credit_code else { return Ok(()) };
    match store::find_by_credit_code(tx, code)? {
        Some(existing) if existing != row.id => Err(Problem::taken("credit_code", Some(existing))),
        _ => Ok(()),
    }
}

/// The writable part of a stored customer.
pub fn input_of(row: &Customer) -> CustomerInput {
    CustomerInput {
        kind: stored::kind(&row.kind),
        name: row.name.clone(),
        credit_code: row.credit_code.clone(),
        phone: row.phone.clone(),
        email: row.email.clone(),
        website: row.website.clone(),
        grade: row.grade.as_deref().and_then(|grade| grade.parse().ok()),
        vip: row.vip,
        lifecycle_stage: stored::lifecycle_stage(&row.lifecycle_stage),
        industry: row.industry.as_deref().and_then(|industry| industry.parse().ok()),
        industry_detail: row.industry_detail.clone(),
        staff_count: row.staff_count,
        annual_revenue: stored::money(row.annual_revenue_amount, row.annual_revenue_currency.as_deref()),
        source: row.source.clone(),
        pain_points: row.pain_points.iter().cloned().map(PainPoint).collect(),
        tags: row.tags.iter().cloned().map(Tag).collect(),
        address: row.address.as_ref().and_then(Json::read),
        born_on: row.born_on,
        notes: row.notes.clone(),
        external_ids: rules::stored_external_ids(&row.external_ids),
        custom: stored_values(&row.custom),
        owner_id: row.owner_id,
    }
}

/// What is said of a customer as it would be stored.
pub(crate) fn canonical(input: &CustomerInput, region: &str) -> CustomerInput {
    input_of(&filled(blank(), input.clone(), region))
}

fn filled(row: Customer, input: CustomerInput, region: &str) -> Customer {
    let mut tags: Vec<String> = Vec::new();
    for tag in input.tags.iter().map(|tag| clean_line(&tag.0)) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Customer {
        kind: input.kind.to_string(),
        name: clean_line(&input.name),
        credit_code: rules::credit_code(input.credit_code),
        phone: rules::phone(input.phone, region),
        email: rules::email(input.email),
        website: rules::website(input.website),
        grade: input.grade.map(|grade| grade.to_string()),
        vip: input.vip,
        lifecycle_stage: input.lifecycle_stage.to_string(),
        industry: input.industry.map(|industry| industry.as_str().to_owned()),
        industry_detail: input.industry_detail.map(|text| clean_line(&text)).filter(|text| !text.is_empty()),
        staff_count: input.staff_count,
        annual_revenue_amount: input.annual_revenue.as_ref().map(Money::amount),
        annual_revenue_currency: input
            .annual_revenue
            .as_ref()
            .map(|money| money.currency().code().to_owned()),
        source: input.source.map(|text| clean_line(&text)).filter(|text| !text.is_empty()),
        pain_points: input.pain_points.iter().map(|text| clean_line(&text.0)).collect(),
        tags,
        address: input.address.as_ref().map(Json::of),
        born_on: input.born_on,
        notes: input.notes.map(|text| clean_text(&text)),
        external_ids: Json::of(&input.external_ids),
        owner_id: input.owner_id,
        custom: Json::of(&input.custom),
        ..row
    }
}

fn blank() -> Customer {
    Customer {
        tenant_id: Uuid::nil(),
        id: Uuid::nil(),
        number: String::new(),
        kind: String::new(),
        name: String::new(),
        credit_code: None,
        phone: None,
        email: None,
        website: None,
        grade: None,
        vip: false,
        lifecycle_stage: String::new(),
        industry: None,
        industry_detail: None,
        staff_count: None,
        annual_revenue_amount: None,
        annual_revenue_currency: None,
        source: None,
        pain_points: vec![],
        tags: vec![],
        address: None,
        born_on: None,
        notes: None,
        external_ids: Json::empty_list(),
        owner_id: None,
        department_id: Uuid::nil(),
        version: 1,
        created_at: Default::default(),
        updated_at: Default::default(),
        deleted_at: None,
        custom: Json::empty_object(),
        custom_texts: vec![],
        completeness: 0,
        missing: vec![],
        merged_into_id: None,
    }
}

/// A page of customers.
///
/// # Errors
/// 400 when cursor, order and search don't fit together.
pub fn list(tx: &mut Tx, app: &App, query: &CustomerQuery) -> Result<CustomerList, Problem> {
    list_selected(tx, app, query, None, None)
}

/// A page of the customers that a condition selects, too; `text` is how it is written.
///
/// # Errors
/// 400 when cursor, order and search don't fit together.
pub(super) fn list_selected(
    tx: &mut Tx,
    app: &App,
    query: &CustomerQuery,
    text: Option<&str>,
    selection: Option<Selection>,
) -> Result<CustomerList, Problem> {
    let search = search_of(tx, query.q.as_deref(), Target::Customers)?;
    let sort = sort_of(query.sort.first().copied(), search.is_some())?;
    let filter = Filter { selection, ..filter_of(query, search) };
    let unpaged = CustomerQuery { cursor: None, limit: 0, include: vec![], count: None, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, "customers", &(&unpaged, text));
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &filter, sort, &page)?;
    let (rows, next_cursor) = list.cut(&app.keys, rows, query.limit);
    let total_count = match query.count {
        Some(Count::Exact) => Some(store::count(tx, &filter)?),
        Some(Count::Estimated) => Some(store::estimate(tx, &filter)?),
        None => None,
    };
    let mut data: Vec<CustomerView> = rows.into_iter().map(CustomerView::from).collect();
    include(tx, &mut data, &query.include)?;
    Ok(CustomerList { data, next_cursor, total_count })
}

/// One customer with what was asked for beside its ids. A view with more in it than the record has no version of
/// its own, and so no ETag.
///
/// # Errors
/// 404, and 403 for contacts without the permission to see them.
pub fn show(tx: &mut Tx, id: Uuid, wanted: &[CustomerInclude]) -> Result<Answer, Problem> {
    let row = store::find(tx, id)?;
    let survivor = survivor_of(tx, &row)?;
    let asked_by_old_id = survivor.is_some();
    let row = survivor.unwrap_or(row);
    let version = row.version;
    let mut views = [CustomerView::from(row)];
    if asked_by_old_id {
        views[0].merged_into = Some(views[0].id);
    }
    include(tx, &mut views, wanted)?;
    let answer = Answer::ok(&views[0])?;
    Ok(if wanted.is_empty() { answer.version(version) } else { answer })
}

/// The customer that one is part of now, if the actor sees it: merges can follow each other.
pub(crate) fn survivor_of(tx: &mut Tx, row: &Customer) -> Result<Option<Customer>, Problem> {
    let (mut next, mut found) = (row.merged_into_id, None);
    for _ in 0..100 {
        let Some(id) = next else { return Ok(found) };
        match store::find(tx, id) {
            Err(StoreError::NotFound) => return Ok(None),
            other => {
                let other = other?;
                next = other.merged_into_id;
                found = Some(other);
            }
        }
    }
    Ok(found)
}

/// What was typed into a search field.
///
/// # Errors
/// 400 when there is nothing in it to search for.
pub fn search_of(tx: &Tx, q: Option<&str>, target: Target) -> Result<Option<SearchQuery>, Problem> {
    // Who may not see contacts can't ask for them digit by digit either.
    let reach = Reach {
        contacts: tx.actor.may(Permission::ContactsRead),
        numbers: tx.actor.may(Permission::SensitiveRead),
    };
    q.map(|text| {
        SearchQuery::parse(text, target, reach)
            .ok_or_else(|| Problem::bad_parameters(vec![FieldError::new("q", FieldCode::NothingToSearch)]))
    })
    .transpose()
}

fn sort_of(sort: Option<CustomerSort>, searching: bool) -> Result<Sort, Problem> {
    Ok(match sort {
        None if searching => Sort::Relevance,
        None | Some(CustomerSort::NewestFirst) => Sort::Created { descending: true },
        Some(CustomerSort::OldestFirst) => Sort::Created { descending: false },
        Some(CustomerSort::ChangedLastFirst) => Sort::Updated { descending: true },
        Some(CustomerSort::ChangedFirstFirst) => Sort::Updated { descending: false },
        Some(CustomerSort::Name) => Sort::Name { descending: false },
        Some(CustomerSort::NameDescending) => Sort::Name { descending: true },
        Some(CustomerSort::Number) => Sort::Number { descending: false },
        Some(CustomerSort::NumberDescending) => Sort::Number { descending: true },
        Some(CustomerSort::Relevance) if searching => Sort::Relevance,
        Some(CustomerSort::Relevance) => {
            return Err(Problem::bad_parameters(vec![FieldError::new(
                "sort",
                FieldCode::RelevanceNeedsSearch,
            )]));
        }
    })
}

fn filter_of(query: &CustomerQuery, search: Option<SearchQuery>) -> Filter {
    let texts =
        |list: &[crate::http::wire::FilterText]| list.iter().map(|text| text.0.clone()).collect::<Vec<_>>();
    let external: Vec<String> = query.external_id.iter().map(|text| text.0.clone()).collect();
    Filter {
        search,
        ids: vec![],
        but_owner: None,
        selection: None,
        kinds: query.kind.iter().map(ToString::to_string).collect(),
        grades: query.grade.iter().map(ToString::to_string).collect(),
        vip: query.vip,
        lifecycle_stages: query.lifecycle_stage.iter().map(ToString::to_string).collect(),
        industries: query.industry.iter().map(|section| section.as_str().to_owned()).collect(),
        sources: texts(&query.source),
        tags: texts(&query.tag),
        owner_ids: query.owner_id.clone(),
        department_ids: query.department_id.clone(),
        numbers: texts(&query.number),
        external_ids: rules::external_id_filter(&external),
        created_from: query.created_at_from,
        created_to: query.created_at_to,
        updated_from: query.updated_at_from,
        updated_to: query.updated_at_to,
    }
}

/// Adds what was asked for beside the ids; one query each, however many rows there are.
///
/// # Errors
/// Those of the database, and 403 for contacts without the permission to see them.
pub fn include(tx: &mut Tx, views: &mut [CustomerView], wanted: &[CustomerInclude]) -> Result<(), Problem> {
    if wanted.contains(&CustomerInclude::Owner) {
        let ids: Vec<Uuid> = views.iter().filter_map(|view| view.owner_id).collect();
        let owners = people::service::summaries(tx, &ids)?;
        for view in &mut *views {
            view.owner = view.owner_id.and_then(|id| owners.get(&id).cloned());
        }
    }
    if wanted.contains(&CustomerInclude::Completeness) {
        let standard = Standard::of(tx)?;
        for view in &mut *views {
            view.completeness = Some(standard.view(view.kind, view.measured.0, &view.measured.1));
        }
    }
    if wanted.contains(&CustomerInclude::Department) {
        let ids: Vec<Uuid> = views.iter().map(|view| view.department_id).collect();
        let departments = departments::service::by_id(tx, &ids)?;
        for view in &mut *views {
            view.department = departments.get(&view.department_id).cloned();
        }
    }
    if wanted.contains(&CustomerInclude::Contacts) {
        require(&tx.actor, Permission::ContactsRead)?;
        let ids: Vec<Uuid> = views.iter().map(|view| view.id).collect();
        let rows = contacts::of_customers(tx, &ids, 200)?;
        for view in &mut *views {
            let own = rows.iter().filter(|row| row.customer_id == view.id).map(ContactView::from);
            view.contacts = Some(own.collect());
        }
    }
    Ok(())
}
