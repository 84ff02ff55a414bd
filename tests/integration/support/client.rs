//! Requests, and what came back.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Client as Http, RequestBuilder, Response};
use serde_json::Value;

static HTTP: LazyLock<Http> = LazyLock::new(|| {
    Http::builder()
        .timeout(Duration::from_secs(60))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("an HTTP client")
});

/// Somebody who makes requests.
#[derive(Clone)]
pub struct Client {
    address: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body, null when there is none.
    pub body: Value,
    headers: reqwest::header::HeaderMap,
}

impl Client {
    pub(super) fn new(address: String, token: Option<String>) -> Client {
        Client { address, token, headers: Vec::new() }
    }

    /// The same, with a header.
    pub fn with(&self, name: &str, value: &str) -> Client {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The access token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A request to be completed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = HTTP.request(method, format!("{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    /// GET
    pub fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path))
    }

    /// DELETE
    pub fn delete(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::DELETE, path))
    }

    /// POST
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        Reply::of(self.request(Method::POST, path).json(body))
    }

    /// POST without a body
    pub fn post_nothing(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::POST, path))
    }

    /// PUT
    pub fn put(&self, path: &str, body: &Value) -> Reply {
        Reply::of(self.request(Method::PUT, path).json(body))
    }

    /// PATCH, as a merge patch
    pub fn patch(&self, path: &str, body: &Value) -> Reply {
        let request =
            self.request(Method::PATCH, path).header("content-type", "application/merge-patch+json");
        Reply::of(request.body(body.to_string()))
    }

    /// Creates something and returns it.
    pub fn create(&self, path: &str, body: &Value) -> Value {
        self.post(path, body).expect(201)
    }

    /// The ids of all rows of a list, page by page.
    pub fn all_ids(&self, list: &str, limit: usize) -> Vec<String> {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        let sign = if list.contains('?') { '&' } else { '?' };
        loop {
            let page = self.get(&format!("{list}{sign}limit={limit}{cursor}")).ok();
            let rows = page["data"].as_array().expect("rows");
            assert!(rows.len() <= limit, "a page is no longer than asked for");
            ids.extend(rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
    }
}

impl Reply {
    /// Sends a request.
    pub fn of(request: RequestBuilder) -> Reply {
        Reply::read(request.send().expect("an answer"))
    }

    fn read(response: Response) -> Reply {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().expect("a body");
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        let reply = Reply { status, body, headers };
        if status >= 400 {
            reply.is_a_problem();
        }
        reply
    }

    /// Whatever goes wrong, it is a problem as RFC 9457 says, with what the conventions add.
    fn is_a_problem(&self) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.body["status"], self.status, "{self:?}");
        for member in ["type", "title", "detail", "instance", "code", "request_id"] {
            assert!(self.body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {self:?}");
        }
        assert!(self.body["errors"].is_array(), "{self:?}");
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The body of a 200.
    #[track_caller]
    pub fn ok(self) -> Value {
        self.expect(200)
    }

    /// Checks a problem's status and code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        self.body
    }

    /// Statements that the request made.
    pub fn queries(&self) -> u32 {
        let timing = self.header("server-timing").expect("Server-Timing");
        let count = timing.split("desc=\"").nth(1).and_then(|text| text.split(' ').next()).expect("a count");
        count.parse().expect("a number")
    }
}
