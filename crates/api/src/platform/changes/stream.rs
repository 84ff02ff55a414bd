//! One stream of changes.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::ContentEncoding;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use tokio::time::Instant;

use super::service;
use super::streams::Listening;
use super::views::{ChangeKind, ChangeList, ChangeQuery, StreamQuery};
use crate::App;
use crate::access::grants;
use crate::http::allowed::Call;
use crate::http::catalog::Code;
use crate::http::masking;
use crate::http::problem::Problem;

/// Changes that are read at one time.
const AT_ONCE: i64 = 100;
/// A line at least as often, so that nobody on the way takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long to wait after the database was away.
const AGAIN: Duration = Duration::from_secs(1);
/// Without an access token that ends by itself, a stream ends after this.
const LONGEST: Duration = Duration::from_secs(900);

/// What one who follows has still to be told. It is asked for the next piece when the one before has gone out, so a slow
/// reader has nothing piled up for it.
struct Follower {
    app: web::Data<App>,
    call: Call,
    query: ChangeQuery,
    listening: Listening,
    until: Instant,
    over: bool,
    /// The place that was told last.
    told: Option<String>,
}

/// Opens a stream behind a cursor, or at the end of the feed.
///
/// # Errors
/// 503 when there are too many of them. A cursor that is of no use is told in the stream.
pub(super) fn open(call: &Call, query: &StreamQuery, last: Option<String>) -> Result<HttpResponse, Problem> {
    let listening = call.app.streams.listen(call.actor.tenant_id);
    let listening = listening.ok_or_else(|| Problem::new(Code::Overloaded).retry_after(30))?;
    let valid = call.context.valid_until.get().map(|end| *end - call.app.db.clock().now());
    let longest = valid.map_or(LONGEST, |valid| valid.to_std().unwrap_or_default()).min(LONGEST);
    let wanted = query.max_seconds.map_or(LONGEST, |seconds| Duration::from_secs(seconds as u64));
    let follower = Follower {
        app: call.app.clone(),
        call: call.clone(),
        query: ChangeQuery {
            cursor: last.filter(|last| !last.is_empty()).or(query.cursor.clone()),
            types: query.types.clone(),
            limit: AT_ONCE,
        },
        listening,
        until: Instant::now() + longest.min(wanted),
        over: false,
        told: None,
    };
    let pieces = stream::unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), follower))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // Compressed, it would wait in the compressor.
        .insert_header(ContentEncoding::Identity)
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(pieces))
}

impl Follower {
    async fn next(&mut self) -> Option<Bytes> {
        while !self.over && !*self.listening.stopping.borrow() && Instant::now() < self.until {
            self.listening.bell.borrow_and_update();
            match self.read().await {
                Ok((list, masked)) => {
                    self.query.cursor = Some(list.next_cursor.clone());
                    if self.told.is_none() || !list.data.is_empty() {
                        let first = self.told.replace(list.next_cursor.clone()).is_none();
                        return Some(written(&list, first, masked).into());
                    }
                    if list.has_more {
                        continue;
                    }
                }
                // The database is away for a moment: whoever follows needn't know.
                Err(problem) if problem.status().is_server_error() => {
                    tokio::select! {
                        _ = self.listening.stopping.changed() => {}
                        () = tokio::time::sleep(AGAIN) => {}
                    }
                    continue;
                }
                Err(problem) => {
                    self.over = true;
                    return Some(self.farewell(&problem));
                }
            }
            tokio::select! {
                _ = self.listening.bell.changed() => {}
                _ = self.listening.stopping.changed() => {}
                () = tokio::time::sleep_until(self.until) => {}
                () = tokio::time::sleep(KEEP_ALIVE) => return Some(self.place()),
            }
        }
        // Before it ends, where to go on.
        let moved = !self.over && self.told.is_some() && self.told != self.query.cursor;
        moved.then(|| self.place())
    }

    /// Where the reader stands, as an event without content: it sets the place to go on from and is shown to nobody (HTML,
    /// server-sent events). It keeps the connection open, too.
    fn place(&mut self) -> Bytes {
        self.told = self.query.cursor.clone();
        format!(": still here\nid: {}\n\n", self.told.as_deref().unwrap_or_default()).into()
    }

    /// The next changes, and whether they are masked for who reads them.
    async fn read(&self) -> Result<(ChangeList, bool), Problem> {
        let (app, query) = (self.app.clone(), self.query.clone());
        let reading = self.app.streams.read(&self.call.actor, move |tx| {
            // With the rights that the account has now: a stream lives longer than a request.
            tx.actor = Arc::new(grants::live(tx)?);
            Ok((service::page(tx, &app, &query)?, masking::is_masked(&tx.actor)))
        });
        reading.await
    }

    fn farewell(&self, problem: &Problem) -> Bytes {
        let context = &self.call.context;
        let body = problem.body(context.reader_locale(), &context.path, &context.request_id);
        format!("event: {}\ndata: {body}\n\n", problem.code.word()).into()
    }
}

/// The changes of a page. Only behind the last one there is a place to go on from.
fn written(list: &ChangeList, first: bool, masked: bool) -> String {
    let mut text = String::new();
    if first {
        text.push_str("retry: 2000\n");
        if list.data.is_empty() {
            text.push_str(&format!("id: {}\n", list.next_cursor));
        }
        text.push_str("event: ready\ndata: {}\n\n");
    }
    for (number, change) in list.data.iter().enumerate() {
        if number + 1 == list.data.len() {
            text.push_str(&format!("id: {}\n", list.next_cursor));
        }
        let event = match change.kind {
            ChangeKind::Upsert => "upsert",
            ChangeKind::Deleted => "deleted",
            ChangeKind::AccessLost => "access_lost",
        };
        // JSON has no line breaks outside of texts, and escapes those inside.
        let mut data = serde_json::json!(change);
        if masked {
            masking::mask(&mut data);
        }
        text.push_str(&format!("event: {event}\ndata: {data}\n\n"));
    }
    text
}
