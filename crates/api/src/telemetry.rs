//! Logs, traces and metrics: where they go.

use std::io::IsTerminal;

use actix_web::http::header::HeaderMap;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::settings::{LogFormat, TelemetrySettings};

/// Keeps the traces flowing; what is still on its way is sent when it is dropped.
pub struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown()
        {
            eprintln!("the last traces could not be sent: {error}");
        }
    }
}

/// Starts logging, and tracing when there is an OTLP endpoint.
///
/// # Errors
/// A sentence for a person when a setting is not usable.
pub fn start(settings: &TelemetrySettings) -> Result<Telemetry, String> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| format!("--log: {error}"))?;
    // Lines of JSON don't show spans; without traces nobody does, and then none is made.
    let shows_spans = matches!(settings.log_format, LogFormat::Text) || settings.log.contains('[');
    let filter = filter.and(
        filter_fn(move |metadata| shows_spans || metadata.is_event()).with_max_level_hint(LevelFilter::TRACE),
    );
    let lines = match settings.log_format {
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .with_target(false)
            .boxed(),
    };
    let provider = settings.otlp_endpoint.as_deref().map(provider).transpose()?;
    let traces = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer().with_tracer(provider.tracer("fulcrum")).with_filter(LevelFilter::INFO)
    });
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces).init();
    Ok(Telemetry(provider))
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, String> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .map_err(|error| format!("--otlp-endpoint: {error}"))?;
    let resource = opentelemetry_sdk::Resource::builder().with_service_name("fulcrum").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

/// Makes a caller's W3C `traceparent` the parent of a span.
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Headers(headers));
        // Fails only where no tracing layer listens, and then there is nothing to continue.
        let _ = span.set_parent(parent);
    }
}

/// Upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Starts collecting metrics.
///
/// # Errors
/// A sentence for a person when something else collects them already.
pub fn collect_metrics() -> Result<PrometheusHandle, String> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
        .and_then(|builder| builder.install_recorder())
        .map_err(|error| format!("metrics can't be collected: {error}"))
}
