//! How an export is made: read as one moment had it, written to disk, and put into the file store.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Arc, Mutex};

use chrono::SecondsFormat;
use fulcrum_domain::access::Permission;
use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::{contacts, customers};
use fulcrum_persistence::platform::search::Target;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::columns::{self, Cell, Column, Writing};
use super::views::{ExportRequest, ExportedObject};
use super::writing::Sheet;
use crate::customers::contacts::service::include as include_in_contacts;
use crate::customers::contacts::views::{ContactInclude, ContactView};
use crate::customers::customers::choosing::CustomerSelection;
use crate::customers::customers::query::CustomerInclude;
use crate::customers::customers::service::{include, search_of};
use crate::customers::customers::views::CustomerView;
use crate::http::answer::Answer;
use crate::http::locale::Locale;
use crate::http::masking;
use crate::http::problem::Problem;
use crate::platform::files::views::hex;
use crate::platform::files::{Upload, create as make_known, transport};
use crate::platform::filters;
use crate::platform::jobs::{Context, Job, JobFailed};
use crate::platform::operations::finishing::{Ended, finish, is_wanted};
use crate::platform::operations::service::begin;
use crate::records::require;

/// Takes records out, in the name of who asked for it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Export {
    request: ExportRequest,
    locale: String,
}

impl Job for Export {
    const KIND: &'static str = "platform.export";
    const MAX_ATTEMPTS: i32 = 3;
}

/// Records that are read at once.
const PAGE: i64 = 1000;

/// Puts the job down.
///
/// # Errors
/// 403 for records that one may not see, 422 for fields that there aren't and a condition that can't be asked.
pub fn export(tx: &mut Tx, request: &ExportRequest, locale: Locale) -> Result<Answer, Problem> {
    let needed = match request.object_type {
        ExportedObject::Customer => Permission::CustomersRead,
        ExportedObject::Contact => Permission::ContactsRead,
    };
    require(&tx.actor, needed)?;
    columns::of(tx, request, locale)?;
    Source::of(tx, request)?;
    let locale = match locale {
        Locale::En => "en",
        Locale::Zh => "zh-CN",
    };
    begin(tx, &Export { request: request.clone(), locale: locale.to_owned() })
}

/// What a closure that may run again leaves behind for the one outside.
struct Made {
    file: File,
    rows: i64,
    sums: BTreeMap<(String, String), Decimal>,
}

pub(crate) async fn run(context: Context, job: Export) -> Result<(), JobFailed> {
    if !is_wanted(&context).await? {
        return Ok(());
    }
    let as_of = context.app.db.clock().now();
    let slot: Arc<Mutex<Option<Made>>> = Arc::default();
    let (filled, request, locale) =
        (slot.clone(), job.request.clone(), Locale::of_tag(&job.locale).unwrap_or(Locale::En));
    context
        .write(move |tx| {
            let made = made(tx, &request, locale)?;
            *filled.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(made);
            Ok(())
        })
        .await?;
    let made = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let made = made.ok_or_else(|| JobFailed::for_now("nothing was made"))?;
    let id = Uuid::now_v7();
    let (size, sha256) = transport::put(&context.app.files, context.actor.tenant_id, id, made.file).await?;
    let sums: Vec<Value> = made
        .sums
        .iter()
        .map(|((field, currency), sum)| json!({ "field": field, "currency": currency, "amount": sum.to_string() }))
        .collect();
    let result = json!({
        "file_id": id, "rows": made.rows, "as_of": as_of.to_rfc3339_opts(SecondsFormat::Millis, true),
        "size": size, "sha256": hex(&sha256), "sums": sums,
    });
    let today = as_of.with_timezone(&context.actor.time_zone).date_naive().to_string();
    let request = job.request;
    let upload = Upload {
        id,
        name: request.file_name(&today),
        media_type: request.media_type(),
        size,
        sha256,
        link: None,
    };
    let rows = made.rows;
    finish(&context, Ended { done: rows, result }, move |tx| {
        make_known(tx, &upload).map(|_| ()).map_err(|problem| JobFailed::for_good(problem.to_string()))
    })
    .await
}

/// What is read.
enum Source {
    Customers(Box<customers::Filter>),
    Contacts(Box<contacts::Filter>),
}

impl Source {
    fn of(tx: &mut Tx, request: &ExportRequest) -> Result<Source, Problem> {
        Ok(match request.object_type {
            ExportedObject::Customer => {
                let (filter, q) = (request.filter.clone(), request.q.clone());
                let selection = CustomerSelection { filter, q, ..Default::default() };
                Source::Customers(Box::new(selection.filter(tx, "")?))
            }
            ExportedObject::Contact => {
                let selection = match &request.filter {
                    Some(text) => {
                        let columns = crate::customers::contacts::searching::columns(tx)?;
                        Some(filters::selection(tx, "/filter", text, &columns)?)
                    }
                    None => None,
                };
                let search = search_of(tx, request.q.as_deref(), Target::Contacts)
                    .map_err(|problem| problem.in_body(""))?;
                Source::Contacts(Box::new(contacts::Filter { selection, search, ..Default::default() }))
            }
        })
    }

    /// The next records as callers see them, and the last one's id.
    fn page(
        &self,
        tx: &mut Tx,
        after: Uuid,
        columns: &[Column],
    ) -> Result<(Vec<Value>, Option<Uuid>), Problem> {
        let wants = |prefix: &str| columns.iter().any(|column| column.name.starts_with(prefix));
        match self {
            Source::Customers(filter) => {
                let rows = customers::selected_rows(tx, filter, after, PAGE)?;
                let last = rows.last().map(|row| row.id);
                let mut views: Vec<CustomerView> = rows.into_iter().map(CustomerView::from).collect();
                let wanted = [
                    ("owner.", CustomerInclude::Owner),
                    ("department.", CustomerInclude::Department),
                    ("completeness.", CustomerInclude::Completeness),
                ];
                let wanted: Vec<CustomerInclude> = wanted
                    .into_iter()
                    .filter(|(prefix, _)| wants(prefix))
                    .map(|(_, include)| include)
                    .collect();
                include(tx, &mut views, &wanted)?;
                Ok((views.iter().map(|view| json!(view)).collect(), last))
            }
            Source::Contacts(filter) => {
                let rows = contacts::selected_rows(tx, filter, after, PAGE)?;
                let last = rows.last().map(|row| row.id);
                let mut views: Vec<ContactView> = rows.iter().map(ContactView::from).collect();
                if wants("customer.") {
                    include_in_contacts(tx, &mut views, &[ContactInclude::Customer])?;
                }
                Ok((views.iter().map(|view| json!(view)).collect(), last))
            }
        }
    }
}

fn made(tx: &mut Tx, request: &ExportRequest, locale: Locale) -> Result<Made, JobFailed> {
    let refused = |problem: Problem| JobFailed::for_good(problem.to_string());
    // Every page as the first one found it.
    tx.at_one_moment()?;
    let (columns, fields) = columns::of(tx, request, locale).map_err(refused)?;
    let source = Source::of(tx, request).map_err(refused)?;
    let writing = Writing { headers: request.headers, locale, fields };
    let time_zone = tx.actor.time_zone;
    let mut sheet = Sheet::begin(request.format, &columns, time_zone).map_err(JobFailed::for_now)?;
    let (mut rows, mut after, mut sums) = (0, Uuid::nil(), BTreeMap::new());
    loop {
        let (records, last) = source.page(tx, after, &columns).map_err(refused)?;
        let mut records = records;
        if masking::is_masked(&tx.actor) {
            records.iter_mut().for_each(masking::mask);
        }
        for record in &records {
            sheet.add(record, &columns, &writing).map_err(JobFailed::for_now)?;
            add_up(&mut sums, record, &columns, &writing);
        }
        rows += records.len() as i64;
        match last {
            Some(last) => after = last,
            None => break,
        }
    }
    Ok(Made { file: sheet.end().map_err(JobFailed::for_now)?, rows, sums })
}

/// Amounts of money by field and currency, so that whoever reads the file can tell that it is whole.
fn add_up(
    sums: &mut BTreeMap<(String, String), Decimal>,
    record: &Value,
    columns: &[Column],
    writing: &Writing,
) {
    for column in columns {
        let Some(money) = column.name.strip_suffix(".amount") else { continue };
        let currency = money.split('.').fold(record, |value, name| &value[name])["currency"].as_str();
        if let (Cell::Number(amount), Some(currency)) = (writing.cell(record, column), currency) {
            *sums.entry((money.to_owned(), currency.to_owned())).or_default() += amount;
        }
    }
}
