//! `fulcrum import`

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use clap::{Args, Subcommand, ValueEnum};
use fulcrum_domain::access::Actor;
use fulcrum_persistence::access::users::{self, Who};
use fulcrum_persistence::platform::operations;
use fulcrum_persistence::{Clock, QueryStats, Tx};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use super::installation::{self, Database, system_in};
use super::serve::stop_signal;
use crate::app::Outside;
use crate::http::catalog::{Code, FieldCode};
use crate::http::locale::Locale;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::platform::files::{self, Upload, transport};
use crate::platform::imports::service;
use crate::platform::imports::views::{ImportInput, ImportState, ImportView, ImportedObject};
use crate::platform::jobs::{Kinds, Worker, WorkerSettings, who};
use crate::settings::{DatabaseSettings, KeepingSettings, OutsideSettings, SecretSettings, ServerSettings};
use crate::{App, server};

/// What is brought in.
#[derive(Subcommand, Debug)]
pub enum Import {
    /// Customers, each with a contact or without; several rows of a customer are several contacts
    Customers(Box<Customers>),
}

/// What happens to a row whose customer is there already.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum There {
    Update,
    Skip,
    Create,
    CreateAndFlag,
}

/// A spreadsheet of customers.
#[derive(Args, Debug)]
pub struct Customers {
    /// The spreadsheet: .csv, .tsv, .txt or .xlsx.
    file: PathBuf,
    /// Slug of the tenant.
    #[arg(long)]
    tenant: String,
    /// Mail address of the user in whose name it is done, and who gets the customers that name nobody; without, the
    /// installation does it, and they belong to the topmost department.
    #[arg(long = "as", value_name = "EMAIL")]
    user: Option<String>,
    /// Try it out, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// What happens to rows whose customer is there already.
    #[arg(long, value_enum, default_value = "update")]
    on_match: There,
    /// Name of a template that says what the headers mean.
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// The sheet of a workbook; by default the one whose headers are understood best.
    #[arg(long)]
    sheet: Option<String>,
    /// The row with the headers; found out by default.
    #[arg(long, value_name = "ROW")]
    header_row: Option<i32>,
    #[command(flatten)]
    secret: SecretSettings,
    #[command(flatten)]
    outside: OutsideSettings,
    #[command(flatten)]
    keeping: KeepingSettings,
    #[command(flatten)]
    database: DatabaseSettings,
}

impl Import {
    /// Brings it in, with a bar that shows how far it has come.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn run(&self) -> Result<(), String> {
        let Import::Customers(customers) = self;
        customers.run()
    }
}

/// How often it is looked how far it has come.
const LOOK: Duration = Duration::from_millis(100);

impl Customers {
    fn run(&self) -> Result<(), String> {
        let database = Database::open_beside(&self.database)?;
        let keys = installation::keys(&self.secret, &self.database.data)?;
        let outside = Outside::open(&self.outside, &self.keeping, &self.database)?;
        database.migrate()?;
        let db = database.door(Clock::system());
        let tenant = installation::tenant(&db, &self.tenant)?;
        let locale = Locale::of_tag(&tenant.locale).unwrap_or(Locale::En);
        let actor = match &self.user {
            None => system_in(&tenant),
            Some(email) => db
                .write_now(&system_in(&tenant), |tx| {
                    let (user, _) = users::with_role(tx, tenant.id, Who::Email(email.to_lowercase()))?;
                    who(tx, tenant.id, Some(("user", user.id))).map_err(|failed| {
                        tracing::debug!(?failed, "nobody can act as this user");
                        Problem::new(Code::NotFound)
                    })
                })
                .map_err(|_| format!("there is no user {email} in {} who may sign in", self.tenant))?,
        };
        actix_web::rt::System::new().block_on(async {
            let contract = Arc::new(server::contract());
            let app = web::Data::new(App::new(db, keys, ServerSettings::default(), contract, outside));
            let (stop, stopped) = watch::channel(false);
            let settings =
                WorkerSettings { worker_jobs: 1, worker_beat_ms: 5000, worker_shutdown_seconds: 20 };
            let worker = Worker::new(app.clone(), Kinds::of_imports(), settings, &database.url);
            let working = actix_web::rt::spawn(worker.run(stopped));
            let done = Doing { app, actor, locale, command: self }.go().await;
            let _ = stop.send(true);
            let _ = working.await;
            done
        })
    }
}

struct Doing<'c> {
    app: web::Data<App>,
    actor: Arc<Actor>,
    locale: Locale,
    command: &'c Customers,
}

impl Doing<'_> {
    async fn go(&self) -> Result<(), String> {
        let file_id = self.put().await?;
        let (template, locale) = (self.command.template.clone(), self.locale);
        let started = self.write(move |tx| {
            let template_id = template.as_deref().map(|name| template_named(tx, name)).transpose()?;
            let object_type = ImportedObject::Customer;
            service::begin(tx, &ImportInput { object_type, file_id, template_id, then: None }, locale)
        });
        let id = started.await?.id;
        let import = self.wait(id, "looking").await?;
        let mut patch = json!({});
        if self.command.template.is_none() {
            patch["on_match"] = json!(match self.command.on_match {
                There::Update => "update",
                There::Skip => "skip",
                There::Create => "create",
                There::CreateAndFlag => "create_and_flag",
            });
        }
        if let Some(sheet) = &self.command.sheet {
            patch["sheet"] = json!(sheet);
        }
        if let Some(row) = self.command.header_row {
            patch["header_row"] = json!(row);
        }
        let import = if import.state == ImportState::Failed && patch.get("sheet").is_none() {
            import
        } else {
            let (app, locale) = (self.app.clone(), self.locale);
            let change = self.write(move |tx| {
                service::change(tx, &app.contract, id, &IfMatch::version(None), &patch, locale).map(|_| ())
            });
            change.await?;
            self.wait(id, "looking").await?
        };
        if let Some(failure) = &import.failure {
            return Err(format!("{}: {}", self.command.file.display(), failure.detail));
        }
        self.tell_columns(&import);
        let (dry_run, locale) = (self.command.dry_run, self.locale);
        self.write(move |tx| service::go(tx, id, dry_run, locale).map(|_| ())).await?;
        let import = self.wait(id, if dry_run { "trying" } else { "writing" }).await?;
        self.tell(&import).await
    }

    /// Puts the file into the store and makes it known.
    async fn put(&self) -> Result<Uuid, String> {
        let path = &self.command.file;
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut head = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
        file.take(8192).read_to_end(&mut head).map_err(|error| failed(&error))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut upload = Upload::of_disk(&name, &head).map_err(|problem| failed(&problem.in_words()))?;
        let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
        let put = transport::put(&self.app.files, self.actor.tenant_id, upload.id, file).await;
        (upload.size, upload.sha256) = put.map_err(|error| error.message)?;
        let id = upload.id;
        self.write(move |tx| files::create(tx, &upload).map(|_| ())).await?;
        Ok(id)
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, String> {
        let stats = Arc::new(QueryStats::default());
        self.app.db.work(&self.actor, &stats, work).await.map_err(|problem| problem.in_words())
    }

    /// Follows what is done until it is done; Ctrl-C stops it where it is.
    async fn wait(&self, id: Uuid, what: &'static str) -> Result<ImportView, String> {
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("{msg:<8} {wide_bar} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        let locale = self.locale;
        let mut stop = Box::pin(stop_signal());
        let mut stopped = false;
        loop {
            let seen = self.write(move |tx| {
                let view = service::view(tx, id, locale)?;
                let progress = match view.operation_id {
                    Some(operation) => Some(operations::find(tx, operation)?.progress),
                    None => None,
                };
                Ok((view, progress))
            });
            let (view, progress) = seen.await?;
            if let Some(progress) = &progress {
                bar.set_length(progress.total.unwrap_or(0).max(0) as u64);
                bar.set_position(progress.done.max(0) as u64);
            }
            let busy = [ImportState::Analysing, ImportState::Checking, ImportState::Running];
            if !busy.contains(&view.state) {
                bar.finish_and_clear();
                return Ok(view);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = &mut stop, if !stopped => {
                    stopped = true;
                    bar.set_message("stopping");
                    if let Some(operation) = view.operation_id {
                        let cancel = self.write(move |tx| {
                            crate::platform::operations::service::cancel(tx, operation).map(|_| ())
                        });
                        let _ = cancel.await;
                    }
                }
            }
        }
    }

    /// Which columns are read as what.
    fn tell_columns(&self, import: &ImportView) {
        let Some(found) = &import.analysis else { return };
        println!("{} rows in {}", found.rows, import.file_name);
        for column in &found.columns {
            let field = import.settings.columns.iter().find(|mapped| mapped.column == column.column);
            let field = field.map_or("(left out)", |mapped| mapped.field.0.as_str());
            println!("  {:>3}  {:<40} {}", column.column, field, column.header);
        }
    }

    /// What came of it; the rows that are wrong are written beside the file.
    async fn tell(&self, import: &ImportView) -> Result<(), String> {
        if let Some(failure) = &import.failure {
            return Err(failure.detail.clone());
        }
        let Some(report) = &import.report else {
            return Err(format!(
                "stopped: import {} can be taken back with POST /v1/imports/{}/undo",
                import.id, import.id
            ));
        };
        let would = if report.dry_run { "would be " } else { "" };
        println!(
            "{} {would}created, {} {would}updated, {} unchanged, {} skipped, {} wrong",
            report.created, report.updated, report.unchanged, report.skipped, report.failed
        );
        println!(
            "{} contacts {would}created, {} {would}changed; {} likely duplicates",
            report.contacts_created, report.contacts_updated, report.likely_duplicates
        );
        for counted in &report.errors {
            let place =
                counted.error.header.clone().or(counted.error.field.as_ref().map(|field| field.0.clone()));
            let rows: Vec<String> = counted.rows.iter().map(ToString::to_string).collect();
            println!(
                "  {:>6}  {}: {} (row {})",
                counted.count,
                place.unwrap_or_default(),
                counted.error.detail,
                rows.join(", ")
            );
        }
        println!("import {}", import.id);
        if let Some(file_id) = import.error_file_id {
            let copy = transport::fetch(&self.app.files, self.actor.tenant_id, file_id).await;
            let beside = beside(&self.command.file);
            std::fs::copy(copy.map_err(|error| error.message)?.path(), &beside)
                .map_err(|error| format!("{}: {error}", beside.display()))?;
            println!("the rows that are wrong, with reasons: {}", beside.display());
        }
        if import.state == ImportState::Cancelled {
            return Err("stopped: what was written so far is there".into());
        }
        Ok(())
    }
}

fn beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{stem}-errors.csv"))
}

fn template_named(tx: &mut Tx, name: &str) -> Result<Uuid, Problem> {
    let found = fulcrum_persistence::platform::import_templates::find_by_name(tx, name)?;
    found.ok_or_else(|| Problem::field("/template", FieldCode::NotFound))
}
