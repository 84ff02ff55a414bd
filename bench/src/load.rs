//! The load generator: oha.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Failed;

/// The version that is used; another one may count otherwise.
const VERSION: &str = "1.16.0";

/// What a generator measured in one round.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Requests a second.
    pub rate: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
    /// Requests that were answered.
    pub requests: u64,
    /// Answers with another status, and requests without an answer.
    pub errors: u64,
}

/// Requests to choose from at random.
pub struct Requests<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Whole URLs.
    pub urls: Vec<String>,
    /// Bodies; none for reading.
    pub bodies: &'a [String],
    /// Status of success.
    pub status: u16,
    /// Access token.
    pub token: Option<&'a str>,
}

/// Where oha is: in PATH, or built once into `target/tools`.
pub fn oha() -> Result<PathBuf, Failed> {
    let own = Path::new("target/tools/bin/oha").to_path_buf();
    for place in [PathBuf::from("oha"), own.clone()] {
        let version = Command::new(&place).arg("--version").output();
        if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(VERSION)) {
            return Ok(place);
        }
    }
    eprintln!("building the load generator oha {VERSION} into target/tools, once");
    let built = Command::new("cargo")
        .args(["install", "oha", "--version", VERSION, "--locked", "--root", "target/tools"])
        .status()?;
    if built.success() { Ok(own) } else { Err("oha could not be built".into()) }
}

/// Sends one request at a time; the median in milliseconds, or an error when a request failed.
pub fn alone(oha: &Path, folder: &Path, requests: &Requests, seconds: f64) -> Result<f64, Failed> {
    let measured = run(oha, folder, requests, 1, seconds)?;
    match measured.errors {
        0 => Ok(measured.p50),
        errors => Err(format!("{errors} requests failed").into()),
    }
}

/// Sends requests over so many keep-alive connections for so many seconds.
pub fn run(
    oha: &Path,
    folder: &Path,
    requests: &Requests,
    connections: u32,
    seconds: f64,
) -> Result<Measured, Failed> {
    let urls = folder.join("urls");
    std::fs::write(&urls, requests.urls.join("\n"))?;
    let mut command = Command::new(oha);
    command
        .args([
            // Compressed answers would measure the compression: the raw side has none.
            "--disable-compression",
            "--no-tui",
            "--output-format",
            "json",
            "--wait-ongoing-requests-after-deadline",
            "--redirect",
            "0",
        ])
        .args(["-z", &format!("{}ms", (seconds * 1000.0) as u64), "-c", &connections.to_string()])
        .args(["-m", requests.method]);
    if let Some(token) = requests.token {
        command.args(["-H", &format!("Authorization: Bearer {token}")]);
    }
    if !requests.bodies.is_empty() {
        let bodies = folder.join("bodies");
        std::fs::write(&bodies, requests.bodies.join("\n"))?;
        command.args(["-T", "application/json", "-Z"]).arg(bodies);
    }
    let output = command.arg("--urls-from-file").arg(urls).output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("oha: {error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let statuses = report["statusCodeDistribution"].as_object().cloned().unwrap_or_default();
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let answered: u64 = statuses.values().map(count).sum();
    let right = statuses.get(&requests.status.to_string()).map_or(0, count);
    let failed: u64 =
        report["errorDistribution"].as_object().into_iter().flatten().map(|(_, n)| count(n)).sum();
    let millis = |name: &str| report["latencyPercentiles"][name].as_f64().unwrap_or(f64::NAN) * 1000.0;
    Ok(Measured {
        rate: report["summary"]["requestsPerSec"].as_f64().unwrap_or_default(),
        p50: millis("p50"),
        p99: millis("p99"),
        requests: answered,
        errors: answered - right + failed,
    })
}
