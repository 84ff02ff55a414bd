//! What else a user could put in front of the same tables: PostGraphile.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failed;
use crate::load::{self, Measured, Requests};
use crate::operations::Operation;
use crate::stand::{Stand, free_port};

/// Where its program is.
const FOLDER: &str = "bench/postgraphile";

/// A running PostGraphile, with two workers as there are two cores.
pub struct Peer {
    process: Child,
    url: String,
}

impl Peer {
    /// Installs it if need be, and starts it on the database of a stand.
    pub fn start(stand: &Stand) -> Result<Peer, Failed> {
        let installed =
            Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(FOLDER).status()?;
        if !installed.success() {
            return Err("PostGraphile could not be installed".into());
        }
        let port = free_port()?;
        let process = Command::new("node")
            .arg("server.cjs")
            .current_dir(FOLDER)
            .env("NODE_ENV", "production")
            .env("GRAPHILE_ENV", "production")
            .env("DATABASE_URL", &stand.database_url)
            .env("PORT", port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()?;
        let peer = Peer { process, url: format!("http://127.0.0.1:{port}/graphql") };
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if started.elapsed() > Duration::from_secs(60) {
                return Err("PostGraphile doesn't answer".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(peer)
    }

    /// The same operation, if it has it.
    pub fn measure(
        &mut self,
        oha: &Path,
        stand: &Stand,
        operation: &Operation,
        connections: u32,
        seconds: f64,
    ) -> Result<Option<Measured>, Failed> {
        let Some(bodies) = &operation.peer else { return Ok(None) };
        let requests =
            Requests { method: "POST", urls: vec![self.url.clone()], bodies, status: 200, token: None };
        let measured = load::run(oha, &stand.folder, &requests, connections, seconds)?;
        match measured.errors {
            0 => Ok(Some(measured)),
            errors => Err(format!("PostGraphile: {errors} requests failed").into()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
