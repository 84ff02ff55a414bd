//! The 360° file of a customer.

use fulcrum_domain::customers::DecisionRole;
use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::overview::{self as store, CustomerRead};
use fulcrum_persistence::customers::{contacts, customers};
use serde::Deserialize;
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::views::{
    ContactsOfRole, CustomerOverview, CustomerReadList, CustomerReadView, LatestActivity, LatestFile,
    OpenTask, PartFigures, TaskFigures,
};
use crate::App;
use crate::access::users::views::UserSummary;
use crate::customers::completeness::figures::Standard;
use crate::customers::contacts::views::ContactView;
use crate::customers::customers::service::survivor_of;
use crate::customers::customers::views::CustomerView;
use crate::http::catalog::Code;
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::http::wire::PageQuery;

/// People of an overview.
const MOST_PEOPLE: i64 = 100;

#[derive(Deserialize)]
struct Parts {
    owner: Option<UserSummary>,
    department_name: String,
    tasks: TaskFigures,
    open_tasks: Vec<OpenTask>,
    activities: PartFigures,
    latest_activities: Vec<LatestActivity>,
    files: PartFigures,
    latest_files: Vec<LatestFile>,
    open_duplicates: i64,
}

/// Everything about a customer. That somebody has looked at it is noted.
///
/// # Errors
/// 404.
pub fn overview(tx: &mut Tx, id: Uuid) -> Result<CustomerOverview, Problem> {
    let row = customers::find(tx, id)?;
    let row = survivor_of(tx, &row)?.unwrap_or(row);
    let people = contacts::all_of(tx, row.id, MOST_PEOPLE)?;
    let parts: Option<Parts> = store::parts(tx, row.id)?.read();
    let parts = parts.ok_or_else(|| Problem::new(Code::Internal))?;
    let standard = Standard::of(tx)?;
    store::note_read(tx, row.id)?;
    let contact_count = people.len() as i64;
    let roles = DecisionRole::iter().map(Some).chain([None]);
    let of_role = |role: Option<DecisionRole>| {
        let word = role.map(|role| role.to_string());
        let people = people.iter().filter(|person| person.decision_role == word);
        ContactsOfRole { decision_role: role, people: people.map(ContactView::from).collect() }
    };
    let customer = CustomerView::from(row);
    Ok(CustomerOverview {
        completeness: standard.view(customer.kind, customer.measured.0, &customer.measured.1),
        customer,
        owner: parts.owner,
        department_name: parts.department_name,
        contacts: roles.map(of_role).filter(|role| !role.people.is_empty()).collect(),
        contact_count,
        tasks: parts.tasks,
        open_tasks: parts.open_tasks,
        activities: parts.activities,
        latest_activities: parts.latest_activities,
        files: parts.files,
        latest_files: parts.latest_files,
        open_duplicates: parts.open_duplicates,
        as_of: tx.now,
    })
}

/// A page of the looks at the file of a customer.
///
/// # Errors
/// 404, and 400 when the cursor is not one of this list.
pub fn reads(tx: &mut Tx, app: &App, id: Uuid, query: &PageQuery) -> Result<CustomerReadList, Problem> {
    customers::find(tx, id)?;
    let list = List::of(tx.actor.tenant_id, "reads", &id);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::reads(tx, id, &page)?;
    let place = |row: &CustomerRead| (row.at, row.id);
    let view = |row: &CustomerRead| CustomerReadView {
        id: row.id,
        actor_type: row.actor_type.clone(),
        actor_id: row.actor_id,
        request_id: row.request_id.clone(),
        at: row.at,
    };
    let (data, next_cursor) = list.cut_created(&app.keys, rows, query.limit, place, view);
    Ok(CustomerReadList { data, next_cursor, total_count: None })
}
