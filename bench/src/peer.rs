//! What else a user could put in front of the same tables: PostGraphile.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Failed;
use crate::capture::Observer;
use crate::load::{self, Measured, Requests};
use crate::operations::Operation;
use crate::stand::{Stand, free_port};

/// Where its program is.
const FOLDER: &str = "bench/postgraphile";

/// What the report says of it.
pub const DESCRIPTION: &str = "PostGraphile 4.14.1 in production mode, two processes, on the same database in the same run, \
     with conditions on all columns (`ignoreIndexes` left on, else it couldn't be asked for live customers). It checks no \
     token, no scope and no input, and writes the customer's row alone: no event, nothing to search for. Its own number of \
     statements was not counted.";

/// All columns of a customer, as our own answer has them.
const COLUMNS: &str = "id number kind name creditCode phone email website grade vip lifecycleStage industry \
     industryDetail staffCount annualRevenueAmount annualRevenueCurrency source painPoints tags address bornOn notes \
     externalIds ownerId departmentId version createdAt updatedAt deletedAt";

/// A running PostGraphile, with two workers as there are two cores.
pub struct Peer {
    process: Child,
    url: String,
    tenant: String,
    department: String,
    after: Option<String>,
}

impl Peer {
    /// Installs it if need be, and starts it on the database of a stand.
    pub fn start(stand: &Stand) -> Result<Peer, Failed> {
        let installed =
            Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(FOLDER).status()?;
        if !installed.success() {
            return Err("PostGraphile could not be installed".into());
        }
        // Without these it couldn't create a customer at all: ids and numbers are made by our server.
        Observer::connect(stand)?.run(
            "alter table customers alter column id set default gen_random_uuid(), \
             alter column number set default 'P' || gen_random_uuid()",
        )?;
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
        let url = format!("http://127.0.0.1:{port}/graphql");
        let mut peer = Peer { process, url, tenant: String::new(), department: String::new(), after: None };
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if started.elapsed() > Duration::from_secs(60) {
                return Err("PostGraphile doesn't answer".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        peer.tenant = peer.ask("{ tenantBySlug(slug: \"demo\") { id } }")?["tenantBySlug"]["id"]
            .as_str()
            .ok_or("PostGraphile finds no tenant")?
            .to_owned();
        let any = peer.ask(&peer.list("", "first: 1", "nodes { departmentId }"))?;
        peer.department =
            any["allCustomers"]["nodes"][0]["departmentId"].as_str().unwrap_or_default().to_owned();
        let page = peer.ask(&peer.list("", "first: 1, offset: 49999", "pageInfo { endCursor }"))?;
        peer.after = page["allCustomers"]["pageInfo"]["endCursor"].as_str().map(str::to_owned);
        Ok(peer)
    }

    fn ask(&self, query: &str) -> Result<Value, Failed> {
        let client = reqwest::blocking::Client::new();
        let answer: Value = client.post(&self.url).json(&json!({ "query": query })).send()?.json()?;
        match answer["errors"].is_null() {
            true => Ok(answer["data"].clone()),
            false => Err(format!("PostGraphile: {}", answer["errors"]).into()),
        }
    }

    fn list(&self, condition: &str, page: &str, what: &str) -> String {
        format!(
            "{{ allCustomers(condition: {{tenantId: \"{}\", deletedAt: null{condition}}}, \
             orderBy: [CREATED_AT_DESC, ID_DESC], {page}) {{ {what} }} }}",
            self.tenant
        )
    }

    /// The same question in GraphQL, as often as the operation has different ones; none for what it can't be asked
    /// without SQL of one's own: the search, and a hundred records in one transaction with a result for each.
    fn queries(&self, operation: &Operation) -> Vec<String> {
        let tenant = &self.tenant;
        let page = format!("nodes {{ {COLUMNS} }} pageInfo {{ endCursor hasNextPage }}");
        let ids = operation.paths.iter().filter_map(|path| path.strip_prefix("/v1/customers/"));
        let of_body = |body: &str| -> Value { serde_json::from_str(body).unwrap_or_default() };
        match operation.name {
            "get by id" => ids
                .map(|id| format!("{{ customerByTenantIdAndId(tenantId: \"{tenant}\", id: \"{id}\") {{ {COLUMNS} }} }}"))
                .collect(),
            "list 50, first page" => vec![self.list("", "first: 50", &page)],
            "list 50, after 50,000" => {
                let after = self.after.iter();
                after.map(|after| self.list("", &format!("first: 50, after: \"{after}\""), &page)).collect()
            }
            "filtered list" => operation.paths.iter().map(|path| self.list(&condition(path), "first: 50", &page)).collect(),
            "create" => operation.bodies.iter().map(|body| self.create(&of_body(body))).collect(),
            "patch" => ids
                .zip(operation.bodies.iter().cycle())
                .map(|(id, body)| {
                    let body = of_body(body);
                    format!(
                        "mutation {{ updateCustomerByTenantIdAndId(input: {{tenantId: \"{tenant}\", id: \"{id}\", \
                         customerPatch: {{notes: {}, grade: {}}}}}) {{ customer {{ {COLUMNS} }} }} }}",
                        body["notes"], body["grade"]
                    )
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Creates the customer's row and nothing else: no event, nothing to search for, nothing checked.
    fn create(&self, body: &Value) -> String {
        format!(
            "mutation {{ createCustomer(input: {{customer: {{tenantId: \"{}\", departmentId: \"{}\", kind: {}, name: {}, \
             phone: {}, email: {}, website: {}, grade: {}, vip: false, lifecycleStage: {}, industry: {}, \
             industryDetail: {}, staffCount: {}, annualRevenueAmount: {}, annualRevenueCurrency: {}, source: {}, \
             painPoints: {}, tags: {}, externalIds: [], createdAt: \"2026-11-25T00:00:00Z\", \
             updatedAt: \"2026-11-25T00:00:00Z\"}}}}) {{ customer {{ {COLUMNS} }} }} }}",
            self.tenant,
            self.department,
            body["kind"],
            body["name"],
            body["phone"],
            body["email"],
            body["website"],
            body["grade"],
            body["lifecycle_stage"],
            body["industry"],
            body["industry_detail"],
            body["staff_count"],
            body["annual_revenue"]["amount"],
            body["annual_revenue"]["currency"],
            body["source"],
            body["pain_points"],
            body["tags"],
        )
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
        let queries = self.queries(operation);
        // An error of GraphQL is a 200, so it is looked for beforehand.
        let Some(first) = queries.first() else { return Ok(None) };
        self.ask(first)?;
        let bodies: Vec<String> = queries.iter().map(|query| json!({ "query": query }).to_string()).collect();
        let requests = Requests {
            method: "POST",
            urls: vec![self.url.clone()],
            bodies: &bodies,
            status: 200,
            token: None,
        };
        let measured = load::run(oha, &stand.folder, &requests, connections, seconds)?;
        match measured.errors {
            0 => Ok(Some(measured)),
            errors => Err(format!("PostGraphile: {errors} requests failed").into()),
        }
    }
}

/// `owner_id=…&grade=…` as a condition.
fn condition(path: &str) -> String {
    let parameters = path.split_once('?').map_or("", |(_, parameters)| parameters);
    parameters
        .split('&')
        .filter_map(|parameter| parameter.split_once('='))
        .map(|(name, value)| {
            let mut words = name.split('_');
            let first = words.next().unwrap_or_default().to_owned();
            let name = words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..]);
            format!(", {name}: \"{value}\"")
        })
        .collect()
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
