//! Following what changes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, company, database};

pub(super) struct Stream(BufReader<Response>);

#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) data: Value,
}

impl Stream {
    pub(super) fn open(client: &Client, more: &str) -> Stream {
        let response =
            client.request(Method::GET, &format!("/v1/events/stream{more}")).send().expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().get("content-encoding").is_none(), "compressed, it would come late");
        Stream(BufReader::new(response))
    }

    /// The next event; `None` at the end.
    pub(super) fn next(&mut self) -> Option<Event> {
        let mut event = Event { id: None, name: String::new(), data: Value::Null };
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).expect("a line") == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("id", id)) => event.id = Some(id.to_owned()),
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("data", data)) => event.data = serde_json::from_str(data).expect("JSON"),
                _ if line == "\n" && !event.name.is_empty() => return Some(event),
                _ => {}
            }
        }
    }

    pub(super) fn expect(&mut self, name: &str) -> Event {
        let event = self.next().expect("an event");
        assert_eq!(event.name, name, "{event:?}");
        event
    }
}

#[test]
fn who_follows_is_told_and_goes_on_where_the_connection_broke() {
    let app = TestApp::start();
    let admin = app.user("admin").with("accept-encoding", "gzip, br");
    app.settle();
    let mut stream = Stream::open(&admin, "");
    assert!(stream.expect("ready").id.is_some());
    let first = app.user("admin").create("/v1/customers", &company("甲"));
    let told = stream.expect("upsert");
    assert_eq!((&told.data["id"], &told.data["record"]["name"]), (&first["id"], &json!("甲")));
    let path = format!("/v1/customers/{}", first["id"].as_str().unwrap());
    app.user("admin").delete(&path);
    let gone = stream.expect("deleted");
    drop(stream);
    let missed = app.user("admin").create("/v1/customers", &company("乙"));
    app.settle();
    let id = gone.id.expect("the last one of a piece has an id");
    let mut again = Stream::open(&admin.with("last-event-id", &id), "");
    again.expect("ready");
    assert_eq!(again.expect("upsert").data["id"], missed["id"]);
    let mut by_cursor = Stream::open(&admin, &format!("?cursor={id}&types=customer"));
    assert_eq!(by_cursor.expect("invalid_cursor").data["status"], 400, "of another feed");
    assert!(by_cursor.next().is_none());
}

#[test]
fn a_stream_ends_when_it_has_to() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let mut short = Stream::open(&admin, "?max_seconds=1");
    let id = short.expect("ready").id.expect("an id");
    assert!(short.next().is_none());
    app.clock.advance(TimeDelta::days(31));
    let later = app.user("admin");
    let mut late = Stream::open(&later.with("last-event-id", &id), "");
    assert_eq!(late.expect("resync_needed").data["status"], 410);
    assert!(late.next().is_none());
    // With the token: its last second.
    app.clock.advance(TimeDelta::minutes(15) - TimeDelta::seconds(1));
    let mut last = Stream::open(&later, "");
    last.expect("ready");
    assert!(last.next().is_none());
    later.get("/v1/events/stream?max_seconds=0").problem(400, "invalid_parameters");
}

#[test]
fn who_is_disabled_hears_no_more() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let rep = app.user("rep.east");
    app.settle();
    let mut stream = Stream::open(&rep, "");
    stream.expect("ready");
    let me = rep.get("/v1/me").ok();
    let id = me["id"].as_str().unwrap_or_else(|| panic!("no id in {me}")).to_owned();
    admin.patch(&format!("/v1/users/{id}"), &json!({"disabled": true})).expect(200);
    let last = stream.next().expect("a last word");
    assert_eq!((last.name.as_str(), &last.data["status"]), ("unauthenticated", &json!(401)), "{last:?}");
    assert!(stream.next().is_none());
}

/// Streams that are opened and left alone.
fn left_alone(app: &TestApp, client: &Client, count: usize) -> Vec<TcpStream> {
    let token = client.token().expect("a token");
    let open = |_| {
        let mut stream = TcpStream::connect(app.address.trim_start_matches("http://")).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
        let request =
            format!("GET /v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it is sent");
        stream
    };
    (0..count).map(open).collect()
}

fn read_to(mut stream: &TcpStream, word: &str) {
    let (mut text, mut piece) = (Vec::new(), [0; 65536]);
    while !text.windows(word.len()).rev().take(70_000).any(|part| part == word.as_bytes()) {
        let count = stream.read(&mut piece).expect("something");
        assert!(count > 0, "the end before {word}");
        text.extend_from_slice(&piece[..count]);
    }
}

#[test]
fn many_streams_need_no_connection_each() {
    let app = TestApp::start();
    let admin = app.user("admin");
    app.settle();
    let streams = left_alone(&app, &admin, 200);
    streams.iter().for_each(|stream| read_to(stream, "event: ready"));
    admin.create("/v1/customers", &company("给所有人"));
    streams.iter().for_each(|stream| read_to(stream, "给所有人"));
    let name = app.url.split('/').nth(3).and_then(|rest| rest.split('?').next()).expect("a name");
    let count = database::texts(
        &app.url,
        &format!("select count(*)::text as text from pg_stat_activity where datname = '{name}'"),
    );
    // Four for requests, two for all streams, one for numbers and one that asks.
    assert!(count[0].parse::<u32>().expect("a number") <= 8, "{count:?}");
}

#[test]
fn who_does_not_read_holds_up_nobody_and_misses_nothing() {
    let app = TestApp::start();
    let admin = app.user("admin");
    app.settle();
    let streams = left_alone(&app, &admin, 2);
    let (slow, quick) = (&streams[0], &streams[1]);
    read_to(quick, "event: ready");
    // More than all buffers on the way hold.
    let notes = "长".repeat(18_000);
    for half in 0..2 {
        let items: Vec<_> = (0..100)
            .map(|number| {
                let mut new = company(&format!("大 {half} {number}"));
                new["notes"] = json!(notes);
                json!({ "action": "create", "data": new })
            })
            .collect();
        for part in items.chunks(10) {
            admin.post("/v1/customers/batch", &json!({ "items": part })).expect(207);
        }
    }
    admin.create("/v1/customers", &company("最后"));
    read_to(quick, "最后");
    admin.get("/v1/customers?limit=1").ok();
    read_to(slow, "最后");
}
