//! What is measured: a server and its PostgreSQL, in a folder that is thrown away.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fulcrum_persistence::local_postgres::{LocalPostgres, Settings};
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::Failed;

/// Everything that a run needs to know of the machine and of its own settings.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The `fulcrum` program.
    pub fulcrum: PathBuf,
    /// `false`: PostgreSQL without durability, for trying out what is not about time.
    pub durable: bool,
}

/// A running server with its database.
pub struct Stand {
    /// `http://127.0.0.1:…`
    pub address: String,
    /// libpq URL.
    pub database_url: String,
    /// The server's process.
    pub server_pid: u32,
    /// PostgreSQL's first process.
    pub postgres_pid: u32,
    /// Folder of everything.
    pub folder: PathBuf,
    plan: Plan,
    server: Child,
    postgres: Option<LocalPostgres>,
    client: Client,
}

/// How the names of our folders begin; the number of our process comes next.
const FOLDER: &str = "fulcrum-bench-";

/// Name of our database in its private PostgreSQL, as `fulcrum serve` has it.
const DATABASE: &str = "fulcrum";

impl Stand {
    /// Makes the database, fills the tenant `demo`, and starts the server.
    pub fn start(plan: &Plan, name: &str, scale: u32) -> Result<Stand, Failed> {
        clear_leftovers(plan)?;
        let folder = std::env::temp_dir().join(format!("{FOLDER}{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let postgres = start_postgres(plan, &folder)?;
        fulcrum_persistence::migrations::ensure_database(&postgres.url("postgres"), DATABASE)?;
        let database_url = postgres.url(DATABASE);
        let mut stand = Stand {
            address: String::new(),
            postgres_pid: postgres.pid(),
            server_pid: 0,
            folder,
            plan: plan.clone(),
            server: Command::new("true").spawn()?,
            postgres: Some(postgres),
            database_url,
            client: Client::builder().timeout(Duration::from_secs(60)).build()?,
        };
        if scale > 0 {
            stand.fill(&["--scale", &scale.to_string()])?;
        }
        stand.start_server()?;
        Ok(stand)
    }

    /// Runs `fulcrum demo`; returns how long it took.
    pub fn fill(&self, arguments: &[&str]) -> Result<Duration, Failed> {
        let started = Instant::now();
        let status = Command::new(&self.plan.fulcrum)
            .args(["demo", "--database-url", &self.database_url])
            .args(arguments)
            .status()?;
        if !status.success() {
            return Err(format!("fulcrum demo {arguments:?} failed").into());
        }
        Ok(started.elapsed())
    }

    fn start_server(&mut self) -> Result<(), Failed> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let log = File::create(self.folder.join("server.log"))?;
        self.server = self
            .command(&address)?
            .args(["--database-url", &self.database_url])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.server_pid = self.server.id();
        self.address = format!("http://{address}");
        self.wait_ready(Duration::from_secs(60))?;
        Ok(())
    }

    fn command(&self, address: &str) -> Result<Command, Failed> {
        let mut command = Command::new(&self.plan.fulcrum);
        command
            .args(["serve", "--listen", address, "--metrics-listen"])
            .arg(format!("127.0.0.1:{}", free_port()?))
            .arg("--data")
            .arg(&self.folder)
            // What a worker asks would stand among the statements of requests.
            .arg("--no-worker")
            // Counted like ever, but never used up: all requests come from one caller.
            .args(["--rate-limit-per-minute", "1000000000", "--access-token-minutes", "60"]);
        Ok(command)
    }

    fn wait_ready(&self, patience: Duration) -> Result<Duration, Failed> {
        let started = Instant::now();
        loop {
            let answer = self.client.get(format!("{}/health/ready", self.address)).send();
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return Ok(started.elapsed());
            }
            if started.elapsed() > patience {
                return Err(format!(
                    "the server is not ready; see {}",
                    self.folder.join("server.log").display()
                )
                .into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Stops everything and starts `fulcrum serve` with its own PostgreSQL on the same data folder; returns how long it
    /// took until it was ready.
    pub fn restart_on_existing_folder(&mut self) -> Result<Duration, Failed> {
        self.stop_server()?;
        if let Some(postgres) = self.postgres.take() {
            postgres.stop()?;
        }
        let address = format!("127.0.0.1:{}", free_port()?);
        let started = Instant::now();
        self.server = self.command(&address)?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        self.server_pid = self.server.id();
        self.address = format!("http://{address}");
        self.wait_ready(Duration::from_secs(60))?;
        Ok(started.elapsed())
    }

    fn stop_server(&mut self) -> Result<(), Failed> {
        Command::new("kill").arg(self.server.id().to_string()).status()?;
        self.server.wait()?;
        Ok(())
    }

    /// Signs in; returns the access token.
    pub fn token(&self) -> Result<String, Failed> {
        let body = json!({ "tenant": "demo", "email": "admin@demo.test", "password": "fulcrum-demo" });
        let answer: Value =
            self.client.post(format!("{}/v1/auth/login", self.address)).json(&body).send()?.json()?;
        Ok(answer["access_token"].as_str().ok_or("no token")?.to_owned())
    }

    /// One request; its status, body and the number of queries that it says it took.
    pub fn request(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Reply, Failed> {
        let mut request =
            self.client.request(method.parse()?, format!("{}{path}", self.address)).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_owned());
        }
        let answer = request.send()?;
        let status = answer.status().as_u16();
        let timing = answer.headers().get("server-timing").and_then(|value| value.to_str().ok());
        let queries = timing.and_then(|text| text.split('"').nth(1)?.split(' ').next()?.parse().ok());
        let text = answer.text()?;
        Ok(Reply {
            status,
            queries,
            bytes: text.len(),
            body: serde_json::from_str(&text).unwrap_or_default(),
        })
    }

    /// One request that has to be answered with this status; its body.
    pub fn expect(
        &self,
        status: u16,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Value, Failed> {
        let reply = self.request(token, method, path, body)?;
        if reply.status != status {
            return Err(format!("{method} {path}: {} {}", reply.status, reply.body).into());
        }
        Ok(reply.body)
    }

    /// What PostgreSQL has written to its log so far.
    pub fn postgres_log(&self) -> Result<String, Failed> {
        Ok(std::fs::read_to_string(self.folder.join("postgres.log"))?)
    }

    /// PostgreSQL's programs.
    pub fn postgres_programs(&self) -> Option<&Path> {
        self.postgres.as_ref().map(LocalPostgres::bin_dir)
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let _ = self.stop_server();
        self.postgres = None;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What came back.
pub struct Reply {
    /// Status.
    pub status: u16,
    /// `Server-Timing`
    pub queries: Option<u32>,
    /// Length of the body.
    pub bytes: usize,
    /// The body, if it is JSON.
    pub body: Value,
}

fn start_postgres(plan: &Plan, folder: &Path) -> Result<LocalPostgres, Failed> {
    let mut settings = Settings::new(folder);
    settings.durable = plan.durable;
    settings.max_connections = 200;
    Ok(LocalPostgres::start(&settings)?)
}

/// Stops what runs that were killed left behind, and removes their folders.
fn clear_leftovers(plan: &Plan) -> Result<(), Failed> {
    for entry in std::fs::read_dir(std::env::temp_dir())?.flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(FOLDER));
        let Some(process) = rest.and_then(|rest| rest.split('-').next()) else { continue };
        if Path::new("/proc").join(process).exists() {
            continue;
        }
        // Starting on a folder stops a server that was left there.
        if let Ok(postgres) = start_postgres(plan, &entry.path()) {
            postgres.stop()?;
        }
        std::fs::remove_dir_all(entry.path())?;
    }
    Ok(())
}

/// A port that is free just now.
pub fn free_port() -> Result<u16, Failed> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
