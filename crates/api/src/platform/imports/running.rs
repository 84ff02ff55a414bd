//! Going through the rows of a spreadsheet: read and judged on one thread, written on another, some hundred at a time. What was
//! written is noted with it, so that whoever goes on after a crash goes on behind it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use fulcrum_domain::access::Permission;
use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_persistence::access::{departments, tenants, users};
use fulcrum_persistence::platform::imports::{self as store, Import};
use fulcrum_persistence::platform::{import_rows, operations};
use fulcrum_persistence::{Json, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::deciding::Rules;
use super::errors_file;
use super::people::People;
use super::reading::{Layout, Spreadsheet, Stop};
use super::rows::{Reading, Said};
use super::service::note;
use super::steps::{Became, Made, Work, step};
use super::targets;
use super::views::{
    ImportAnalysis, ImportOutcome, ImportSample, ImportSettings, ImportState, StoredCount, StoredError,
    StoredReport,
};
use crate::customers::custom_fields::values::Fields;
use crate::http::contract::Contract;
use crate::http::locale::Locale;
use crate::http::problem::FieldError;
use crate::platform::files::transport;
use crate::platform::jobs::{Again, Context, Job, JobFailed};

/// Goes through the rows of a spreadsheet.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(super) import_id: Uuid,
    /// Whether nothing is written.
    pub(super) dry_run: bool,
    /// BCP 47 tag of the language that reasons are written in.
    pub(super) locale: String,
}

impl Job for Run {
    const KIND: &'static str = "platform.import";
    const MAX_ATTEMPTS: i32 = 5;
}

/// Rows in one transaction.
const BATCH: usize = 1000;
/// Rows of a check that are kept to be looked at, and of each list of a report.
const MOST_KEPT: i64 = 10_000;
const MOST_SAMPLES: usize = 10;
const MOST_TOLD: usize = 100;

/// How far it has come.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Behind {
    /// The last row that was gone through.
    row: i32,
    report: StoredReport,
    kept: i64,
}

pub(crate) async fn run(context: Context, job: Run) -> Result<(), JobFailed> {
    let (id, last) = (job.import_id, context.attempt >= Run::MAX_ATTEMPTS);
    let done = go_through(&context, &job).await;
    if let Err(failed) = &done
        && (last || failed.again == Again::Never)
    {
        let message = failed.message.clone();
        context.write(move |tx| break_off(tx, id, job.dry_run, Some(&message))).await?;
    }
    done
}

/// Nobody goes on with it: what is there stays, and can be taken back.
fn break_off(tx: &mut Tx, id: Uuid, dry_run: bool, why: Option<&str>) -> Result<(), JobFailed> {
    let mut import = store::lock(tx, id)?;
    let state = if dry_run { ImportState::Ready } else { ImportState::Cancelled };
    import.state = state.to_string();
    import.failure = why.map(|reason| {
        let params = json!({ "reason": reason }).as_object().cloned().unwrap_or_default();
        Json::of(&StoredError {
            field: None,
            header: None,
            value: None,
            code: "record_refused".into(),
            params,
        })
    });
    import.finished_at = (!dry_run).then_some(tx.now);
    import.version += 1;
    import.updated_at = tx.now;
    Ok(store::replace(tx, &import)?)
}

/// What is known when it begins.
struct Begun {
    import: Import,
    layout: Layout,
    first_row: u32,
    rows: i64,
    work: Work,
    behind: Behind,
}

async fn go_through(context: &Context, job: &Run) -> Result<(), JobFailed> {
    let (id, dry_run, contract) = (job.import_id, job.dry_run, context.app.contract.clone());
    let operation_id = context.job_id;
    let begun = Arc::new(Mutex::new(None));
    let slot = begun.clone();
    let wanted = context
        .write(move |tx| {
            let begun = begin(tx, id, operation_id, dry_run, contract.clone())?;
            let wanted = begun.is_some();
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = begun;
            Ok(wanted)
        })
        .await?;
    let begun = begun.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (true, Some(begun)) = (wanted, begun) else {
        // Stopped before anybody began, or done already.
        return context.write(move |tx| end_of_stopped(tx, id, operation_id, dry_run)).await;
    };
    let Begun { import, layout, first_row, rows, work, mut behind } = begun;
    let copy = transport::fetch(&context.app.files, context.actor.tenant_id, import.file_id).await?;
    let work = Arc::new(work);
    let (send, mut batches) = mpsc::channel(2);
    let from = first_row.max(behind.row as u32 + 1);
    let source =
        Source { path: copy.path().to_owned(), name: import.file_name.clone(), layout: layout.clone(), from };
    let reader = read_apart(source.clone(), work.clone(), send);
    let made: Arc<Mutex<Made>> = Arc::default();
    while let Some(batch) = batches.recv().await {
        if *context.stopping.borrow() {
            return Err(JobFailed::not_now("the worker stops: it goes on from here"));
        }
        let batch = Arc::new(batch);
        let (work, known, before) = (work.clone(), made.clone(), behind.clone());
        let after = context
            .write(move |tx| one_step(tx, operation_id, &work, &batch, &known, before.clone(), rows))
            .await?;
        match after {
            Some((after, new)) => {
                made.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
                behind = after;
            }
            None => {
                drop(batches);
                context.write(move |tx| break_off(tx, id, dry_run, None)).await?;
                return Ok(());
            }
        }
    }
    let read = reader.await.map_err(|error| JobFailed::for_now(error.to_string()))?;
    if let Err(error) = read {
        return Err(JobFailed::for_good(error.detail(Locale::En)));
    }
    let locale = Locale::of_tag(&job.locale).unwrap_or(Locale::En);
    let failed = (behind.report.failed > 0 && !dry_run).then_some(());
    let error_file = match failed {
        Some(()) => Some(errors_file::write(context, &import, &source.path, &layout, locale).await?),
        None => None,
    };
    let report = behind.report;
    context
        .write(move |tx| {
            let mut progress = operations::lock(tx, operation_id)?;
            if progress.result.is_some() {
                return Ok(());
            }
            let mut import = store::lock(tx, id)?;
            if let Some(upload) = &error_file {
                let made = crate::platform::files::create(tx, upload);
                made.map_err(|problem| JobFailed::for_good(problem.in_words()))?;
                import.error_file_id = Some(upload.id);
            }
            progress.total = Some(report.rows);
            progress.done = report.rows;
            progress.result = Some(Json::of(&json!({
                "import_id": id, "dry_run": dry_run, "rows": report.rows, "created": report.created, "updated": report.updated,
                "unchanged": report.unchanged, "skipped": report.skipped, "failed": report.failed,
                "error_file_id": import.error_file_id,
            })));
            operations::replace(tx, &progress)?;
            let state = if dry_run { ImportState::Ready } else { ImportState::Done };
            import.state = state.to_string();
            import.report = Some(Json::of(&report));
            import.failure = None;
            import.finished_at = (!dry_run).then_some(tx.now);
            import.version += 1;
            import.updated_at = tx.now;
            store::replace(tx, &import)?;
            if !dry_run {
                note(tx, "finished", &import, json!({}))?;
            }
            Ok(())
        })
        .await
}

fn end_of_stopped(tx: &mut Tx, id: Uuid, operation_id: Uuid, dry_run: bool) -> Result<(), JobFailed> {
    let progress = operations::lock(tx, operation_id)?;
    let import = store::find(tx, id)?;
    let busy = [ImportState::Checking, ImportState::Running].map(|state| state.to_string());
    if progress.cancelled_at.is_some() && busy.contains(&import.state) {
        break_off(tx, id, dry_run, None)?;
    }
    Ok(())
}

/// Reads what rows are written with; `None` when somebody has stopped it, or it is done.
fn begin(
    tx: &mut Tx,
    id: Uuid,
    operation_id: Uuid,
    dry_run: bool,
    contract: Arc<Contract>,
) -> Result<Option<Begun>, JobFailed> {
    let mut progress = operations::lock(tx, operation_id)?;
    if progress.cancel_requested_at.is_some() && progress.result.is_none() && progress.cancelled_at.is_none()
    {
        progress.cancelled_at = Some(tx.now);
        operations::replace(tx, &progress)?;
    }
    if progress.result.is_some() || progress.cancelled_at.is_some() {
        return Ok(None);
    }
    let behind: Option<Behind> = progress.checkpoint.as_ref().and_then(|kept| kept.read());
    let mut import = store::lock(tx, id)?;
    if behind.is_none() {
        import_rows::clear(tx, id)?;
        import.started_at = (!dry_run).then_some(tx.now);
        store::replace(tx, &import)?;
    }
    // A check can't go on: what it would have made isn't there.
    let behind = behind.filter(|_| !dry_run).unwrap_or_default();
    if dry_run {
        import_rows::clear(tx, id)?;
    }
    let unreadable = || JobFailed::for_good("what is stored of the import can't be read");
    let settings: ImportSettings = import.settings.read().ok_or_else(unreadable)?;
    let analysis: ImportAnalysis =
        import.analysis.as_ref().and_then(|kept| kept.read()).ok_or_else(unreadable)?;
    let layout = Layout {
        sheet: analysis.sheet.clone(),
        encoding: analysis.encoding.clone(),
        delimiter: analysis.delimiter.as_ref().and_then(|text| text.chars().next()),
    };
    let work = work_of(tx, &import, &settings, &analysis, dry_run, contract)?;
    let first_row = analysis.first_row as u32;
    Ok(Some(Begun { import, layout, first_row, rows: analysis.rows, work, behind }))
}

fn work_of(
    tx: &mut Tx,
    import: &Import,
    settings: &ImportSettings,
    analysis: &ImportAnalysis,
    dry_run: bool,
    contract: Arc<Contract>,
) -> Result<Work, JobFailed> {
    let company = tenants::find(tx, tx.actor.tenant_id)?;
    let company = company.ok_or_else(|| JobFailed::for_good("the company is gone"))?;
    let fields = (Fields::of(tx, CustomFieldObject::Customer)?, Fields::of(tx, CustomFieldObject::Contact)?);
    let targets = targets::all(&fields.0, &fields.1);
    let headers: HashMap<i32, String> =
        analysis.columns.iter().map(|column| (column.column, column.header.clone())).collect();
    let (columns, constants) = Reading::columns_of(settings, &targets, &headers);
    let people = People::of(tx)?;
    let mut reading =
        Reading::new(contract, (tx.actor.region.clone(), tx.actor.time_zone, company.currency), fields)
            .with_constants(constants);
    reading.columns = columns;
    reading.external_system.clone_from(&settings.external_system);
    reading.people.clone_from(&people.by_name);
    let owner = tx.actor.user_id();
    let department = match owner {
        Some(id) => Some(users::find(tx, id)?.department_id),
        // Nobody's customers are those of the whole company.
        None => match tx.actor.department_id {
            Some(id) => Some(id),
            None => departments::top(tx)?,
        },
    };
    Ok(Work {
        rules: Rules {
            import_id: import.id,
            on_match: settings.on_match,
            match_by: settings.match_by.clone(),
            external_system: settings.external_system.clone(),
            same_file: store::of_same_file(tx, import)?,
        },
        reading,
        people,
        dry_run,
        may_assign: tx.actor.may(Permission::CustomersAssign),
        may_write_contacts: tx.actor.may(Permission::ContactsWrite),
        owner,
        department,
    })
}

/// What is read, and from which row on.
#[derive(Clone)]
struct Source {
    path: PathBuf,
    name: String,
    layout: Layout,
    from: u32,
}

/// Reads and judges rows beside who writes them.
fn read_apart(
    source: Source,
    work: Arc<Work>,
    send: mpsc::Sender<Vec<Said>>,
) -> tokio::task::JoinHandle<Result<(), FieldError>> {
    tokio::task::spawn_blocking(move || {
        let mut batch = Vec::with_capacity(BATCH);
        let spreadsheet = Spreadsheet::of(&source.path, &source.name)?;
        let read = spreadsheet.read(&source.layout, &mut |row| {
            if row.number < source.from {
                return Ok(());
            }
            batch.push(work.reading.said(&row));
            if batch.len() == BATCH {
                send.blocking_send(std::mem::take(&mut batch)).map_err(|_| Stop::Enough)?;
            }
            Ok(())
        });
        match read {
            Ok(()) => {}
            Err(Stop::Enough) => return Ok(()),
            Err(Stop::Unreadable(error)) => return Err(error),
        }
        if !batch.is_empty() {
            let _ = send.blocking_send(batch);
        }
        Ok(())
    })
}

/// Some rows, and how far it has come with them; `None` when somebody wants it to stop.
fn one_step(
    tx: &mut Tx,
    operation_id: Uuid,
    work: &Work,
    batch: &[Said],
    made: &Mutex<Made>,
    mut behind: Behind,
    rows: i64,
) -> Result<Option<(Behind, Vec<u64>)>, JobFailed> {
    let mut progress = operations::lock(tx, operation_id)?;
    if progress.cancel_requested_at.is_some() || progress.cancelled_at.is_some() {
        progress.cancelled_at = progress.cancelled_at.or(Some(tx.now));
        operations::replace(tx, &progress)?;
        return Ok(None);
    }
    tx.request_id = Some(request_id(work.rules.import_id));
    let (became, new) = step(tx, work, batch, &made.lock().unwrap_or_else(PoisonError::into_inner))?;
    for (one, said) in became.iter().zip(batch) {
        tally(&mut behind.report, one, said, work.dry_run);
    }
    behind.report.dry_run = work.dry_run;
    behind.row = batch.last().map_or(behind.row, |said| said.row_number);
    let mut kept: Vec<_> = became.into_iter().map(|became| became.row).collect();
    if work.dry_run {
        // What is there to be looked at: the rest is told by figures.
        kept.retain(|row| row.errors.is_some() || row.duplicates.is_some());
        kept.truncate((MOST_KEPT - behind.kept).max(0) as usize);
    }
    behind.kept += kept.len() as i64;
    import_rows::add(tx, kept)?;
    progress.done = behind.report.rows;
    progress.total = Some(rows);
    progress.checkpoint = Some(Json::of(&behind));
    operations::replace(tx, &progress)?;
    Ok(Some((behind, new)))
}

/// What the events of an import are known by.
pub(super) fn request_id(import_id: Uuid) -> String {
    format!("import:{import_id}")
}

fn tally(report: &mut StoredReport, became: &Became, said: &Said, dry_run: bool) {
    report.rows += 1;
    *match became.outcome {
        ImportOutcome::Created => &mut report.created,
        ImportOutcome::Updated => &mut report.updated,
        ImportOutcome::Unchanged => &mut report.unchanged,
        ImportOutcome::Skipped => &mut report.skipped,
        ImportOutcome::Failed => &mut report.failed,
    } += 1;
    if became.contact_changed {
        *(if became.row.contact_created {
            &mut report.contacts_created
        } else {
            &mut report.contacts_updated
        }) += 1;
    }
    if became.row.duplicates.is_some() {
        report.likely_duplicates += 1;
        let room = MOST_TOLD.saturating_sub(report.duplicates.len());
        report.duplicates.extend(became.duplicates.iter().take(room).cloned());
    }
    for error in &became.errors {
        let same =
            |known: &&mut StoredCount| known.error.field == error.field && known.error.code == error.code;
        if let Some(known) = report.errors.iter_mut().find(same) {
            known.count += 1;
            if known.rows.len() < 10 {
                known.rows.push(said.row_number);
            }
        } else if report.errors.len() < MOST_TOLD {
            report.errors.push(StoredCount { error: error.clone(), count: 1, rows: vec![said.row_number] });
        }
    }
    report.errors.sort_by_key(|counted| std::cmp::Reverse(counted.count));
    if dry_run && report.samples.len() < MOST_SAMPLES {
        report.samples.push(ImportSample {
            row_number: said.row_number,
            outcome: became.outcome,
            customer: json!(said.customer),
            contact: said.contact.as_ref().map(|contact| json!(contact)),
        });
    }
}
