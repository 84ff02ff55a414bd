//! `/v1/changes`

use actix_web::{HttpRequest, HttpResponse, get};
use fulcrum_domain::access::permit::CustomersRead;

use super::views::{ChangeList, ChangeQuery, ChangeStream, StreamQuery};
use super::{service, stream};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::http::query::Query;

/// List what changed
///
/// For keeping a copy: ask without a cursor, read the lists that the copy is made of, then ask again and again with the
/// cursor of the answer before. Nothing is left out, and of one record nothing comes before what was before it; a change can
/// come twice. Contacts are told of to who may read them, and of notifications everybody is told their own, in the language of their
/// account. A customer that went and came back is told as gone and then as there, and so is its
/// going to who asks for contacts alone: its contacts went with it. A customer that is there anew brings its contacts only as they
/// change: `GET /v1/contacts?customer_id=…` has them. Cursors are good for 30 days; after that, and when the data scope or the
/// permissions of the caller have changed, the answer is 410, and everything has to be read again.
#[utoipa::path(operation_id = "listChanges", tag = "changes", params(ChangeQuery),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "What changed.", body = ChangeList)))]
#[get("/v1/changes")]
pub async fn list(call: Allowed<CustomersRead>, query: Query<ChangeQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::page(tx, &app, &query)?)).await
}

/// Stream what changed
///
/// The same as `/v1/changes`, as server-sent events: each has the kind of the change as its `event` and the change as its `data`.
/// An `id` is the cursor behind it: send the last one as `Last-Event-ID` to go on there. An event with an `id` and nothing else only
/// moves that place. The first event is `ready`. Lines that begin with a colon keep the connection open. The stream ends with the access token; connect again
/// with a new one. `resync_needed` comes before the end when everything has to be read again.
#[utoipa::path(operation_id = "streamChanges", tag = "changes", params(StreamQuery),
    security(("bearer" = ["customers.customers:read"])),
    responses((status = 200, description = "Changes as they come.", body = ChangeStream, content_type = "text/event-stream",
        example = "id: bmV4dA\nevent: deleted\ndata: {\"kind\":\"deleted\",\"type\":\"customer\"}\n\n")))]
#[get("/v1/events/stream")]
pub async fn follow(
    call: Allowed<CustomersRead>,
    query: Query<StreamQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let last = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    stream::open(&call, &query, last.map(str::to_owned))
}
