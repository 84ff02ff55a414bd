//! The HTTP server: routes, documentation, metrics, and how they stop.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App as ActixApp, HttpResponse, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::App;
use crate::access::{api_clients, api_keys, company, decisions, departments, roles, users};
use crate::auth;
use crate::customers::{
    completeness, contacts, custom_fields, customers, duplicates, handovers, merges, overview, tags, timeline,
};
use crate::engagement::{activities, tasks};
use crate::http::contract::Contract;
use crate::http::{compression, document, fallback, gate};
use crate::platform::{
    automation_runs, automations, changes, events, exports, files, health, imports, jobs, metadata,
    notifications, operations, webhook_deliveries, webhooks,
};
use crate::settings::ServerSettings;

/// Every operation. The document is made of the same declarations.
fn operations(config: &mut ServiceConfig) {
    macro_rules! records {
        ($($module:ident),+) => {
            $(config
                .service($module::routes::list)
                .service($module::routes::create)
                .service($module::routes::get)
                .service($module::routes::update)
                .service($module::routes::delete)
                .service($module::routes::restore);)+
        };
    }
    // Before what takes any word for an id.
    config.service(completeness::routes::figures).service(duplicates::routes::check);
    // The router tries one after the other: first what is asked for most.
    records!(customers, contacts);
    // Before what takes any word for an id.
    config.service(activities::routes::list_figures);
    records!(tasks, activities);
    config
        .service(timeline::routes::list)
        .service(overview::routes::overview)
        .service(overview::routes::reads)
        .service(activities::routes::upsert)
        .service(activities::routes::run_batch)
        .service(tasks::routes::upsert)
        .service(tasks::routes::run_batch)
        .service(customers::routes::search)
        .service(tags::routes::tag_customers)
        .service(customers::routes::upsert)
        .service(customers::routes::run_batch)
        .service(contacts::routes::search)
        .service(contacts::routes::upsert)
        .service(contacts::routes::run_batch)
        .service(auth::routes::login)
        .service(auth::routes::refresh)
        .service(auth::routes::logout)
        .service(auth::routes::list_sessions)
        .service(auth::routes::revoke_session)
        .service(auth::routes::change_password)
        .service(auth::routes::client_token)
        .service(auth::routes::get_me)
        .service(auth::routes::key_set)
        .service(company::routes::get)
        .service(company::routes::update)
        .service(handovers::routes::create)
        .service(handovers::routes::list)
        .service(handovers::routes::get)
        .service(handovers::routes::undo)
        .service(merges::routes::merge)
        .service(merges::routes::list)
        .service(merges::routes::get)
        .service(merges::routes::undo)
        .service(duplicates::routes::list)
        .service(duplicates::routes::scan)
        .service(duplicates::routes::get)
        .service(duplicates::routes::update)
        .service(completeness::routes::list)
        .service(completeness::routes::get)
        .service(completeness::routes::update)
        .service(decisions::routes::explain);
    records!(departments, users, roles, custom_fields, tags, api_clients, webhooks);
    config
        .service(api_clients::routes::rotate_secret)
        .service(api_keys::routes::list)
        .service(api_keys::routes::create)
        .service(api_keys::routes::get)
        .service(api_keys::routes::revoke)
        .service(events::routes::list)
        .service(changes::routes::list)
        .service(changes::routes::follow)
        .service(jobs::routes::list)
        .service(jobs::routes::get)
        .service(jobs::routes::retry)
        .service(jobs::routes::discard)
        .service(imports::routes::list)
        .service(imports::routes::create)
        .service(imports::routes::get)
        .service(imports::routes::update)
        .service(imports::routes::check)
        .service(imports::routes::run)
        .service(imports::routes::undo)
        .service(imports::routes::rows)
        .service(imports::routes::fields)
        .service(imports::routes::list_templates)
        .service(imports::routes::create_template)
        .service(imports::routes::get_template)
        .service(imports::routes::update_template)
        .service(imports::routes::delete_template)
        .service(imports::routes::restore_template)
        .service(exports::routes::create)
        .service(files::routes::list)
        .service(files::routes::create)
        .service(files::routes::get)
        .service(files::routes::get_content)
        .service(files::routes::link)
        .service(files::routes::unlink)
        .service(files::routes::delete)
        .service(files::routes::restore)
        .service(notifications::routes::list)
        .service(notifications::routes::summary)
        .service(notifications::routes::read_all)
        .service(notifications::routes::get)
        .service(notifications::routes::read)
        .service(notifications::routes::unread)
        .service(notifications::routes::get_preferences)
        .service(notifications::routes::update_preferences)
        .service(operations::routes::list)
        .service(operations::routes::get)
        .service(operations::routes::cancel)
        .service(webhooks::routes::rotate_secret)
        .service(webhooks::routes::test)
        .service(webhooks::routes::replay)
        .service(automations::routes::list)
        .service(automations::routes::create)
        .service(automations::routes::get)
        .service(automations::routes::update)
        .service(automations::routes::delete)
        .service(automations::routes::restore)
        .service(automations::routes::versions)
        .service(automations::routes::dry_run)
        .service(automation_runs::routes::list)
        .service(automation_runs::routes::get)
        .service(webhook_deliveries::routes::list)
        .service(webhook_deliveries::routes::get)
        .service(webhook_deliveries::routes::replay)
        .service(metadata::routes::errors)
        .service(metadata::routes::describe)
        .service(metadata::routes::vocabularies)
        .service(health::routes::live)
        .service(health::routes::ready);
}

/// What the operations declare, without a server.
fn declared() -> OpenApi {
    let (_, mut declared) = ActixApp::new().into_utoipa_app().configure(operations).split_for_parts();
    declared.merge(ParameterTypes::openapi());
    declared
}

/// Types that stand only in parameters, where they aren't collected from.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(
    activities::figures::FigurePeriod,
    activities::views::ActivitySort,
    tasks::views::TaskSort,
    timeline::views::TimelineKind,
    contacts::views::ContactInclude,
    contacts::views::ContactSort,
    crate::http::wire::Count,
    completeness::views::CompletenessBy,
    duplicates::views::DuplicateState,
    duplicates::views::OnDuplicate,
    customers::query::CustomerInclude,
    customers::query::CustomerSort,
    crate::http::wire::ExternalIdText,
    crate::http::wire::FilterText,
    decisions::views::ExplainedRecord,
    changes::views::ChangedType,
    files::views::DocumentKind,
    metadata::objects::DescribedObject,
    fulcrum_domain::customers::custom_fields::CustomFieldObject,
    crate::subjects::SubjectType,
    jobs::views::JobState,
    fulcrum_domain::platform::notifications::NotificationKind,
    webhook_deliveries::views::DeliveryState,
)))]
struct ParameterTypes;

/// The contract of this program.
pub fn contract() -> Contract {
    Contract::new(document::complete(declared()))
}

/// A server that is ready to run on a listener.
///
/// # Errors
/// When the listener can't be used.
pub fn server(app: web::Data<App>, listener: TcpListener) -> std::io::Result<actix_web::dev::Server> {
    let settings = app.settings.clone();
    let document: Arc<str> = app.contract.document.to_string().into();
    actix_web::rt::spawn(app.streams.clone().ring());
    let mut server = HttpServer::new({
        let settings = settings.clone();
        move || {
            let document = document.clone();
            let docs = SwaggerUi::new("/docs/{_:.*}").config(
                Config::from("/openapi.json")
                    .persist_authorization(true)
                    .try_it_out_enabled(true)
                    .validator_url("none"),
            );
            ActixApp::new()
                .app_data(app.clone())
                .app_data(
                    web::PathConfig::default().error_handler(|_, request| fallback::bad_path(request).into()),
                )
                .into_utoipa_app()
                .configure(operations)
                .into_app()
                .route("/openapi.json", web::get().to(move || openapi_json(document.clone())))
                .route("/docs", web::get().to(to_docs))
                .service(docs)
                .default_service(web::to(fallback::fallback))
                .wrap(from_fn(gate::gate))
                .wrap(Compress::default())
                .wrap(from_fn(compression::prefer_gzip))
                .wrap(cors(&settings))
        }
    })
    .client_request_timeout(Duration::from_secs(30))
    .keep_alive(Duration::from_secs(75))
    // An answer that goes out in pieces would wait 40 ms for the acknowledgement of the piece before.
    .tcp_nodelay(true)
    .shutdown_timeout(settings.shutdown_seconds)
    .disable_signals();
    if let Some(threads) = settings.http_threads {
        server = server.workers(threads.into());
    }
    Ok(server.listen(listener)?.run())
}

async fn openapi_json(document: Arc<str>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("Cache-Control", "public, max-age=300"))
        .body(document.to_string())
}

async fn to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header(("Location", "/docs/")).finish()
}

fn cors(settings: &ServerSettings) -> Cors {
    let mut cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            "authorization",
            "content-type",
            "accept",
            "accept-language",
            "if-match",
            "if-none-match",
            "idempotency-key",
            "x-request-id",
            "x-api-key",
            "traceparent",
            "last-event-id",
        ])
        .expose_headers([
            "etag",
            "location",
            "retry-after",
            "ratelimit",
            "ratelimit-policy",
            "x-request-id",
            "deprecation",
            "sunset",
            "idempotent-replayed",
            "content-language",
        ])
        .max_age(3600);
    for origin in &settings.cors_origins {
        cors = if origin == "*" { cors.allow_any_origin() } else { cors.allowed_origin(origin) };
    }
    cors
}

/// A server for the metrics, on its own listener: they are nobody's business but the operator's.
///
/// # Errors
/// When the listener can't be used.
pub fn metrics_server(
    app: web::Data<App>,
    handle: PrometheusHandle,
    listener: TcpListener,
) -> std::io::Result<actix_web::dev::Server> {
    Ok(HttpServer::new(move || {
        let (app, handle) = (app.clone(), handle.clone());
        ActixApp::new().route("/metrics", web::get().to(move || render(app.clone(), handle.clone())))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run())
}

async fn render(app: web::Data<App>, handle: PrometheusHandle) -> HttpResponse {
    let (used, open) = app.db.pool_state();
    metrics::gauge!("fulcrum_database_connections", "state" => "used").set(used);
    metrics::gauge!("fulcrum_database_connections", "state" => "open").set(open);
    metrics::gauge!("fulcrum_streams").set(app.streams.count() as f64);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(handle.render())
}
