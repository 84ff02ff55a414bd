//! What can be done with API keys.

use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_domain::values::text::clean_line;
use fulcrum_persistence::access::{api_clients, api_keys as store};
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::{StoreError, Tx};
use serde_json::json;
use store::ApiKey;
use uuid::Uuid;

use super::views::{ApiKeyInput, ApiKeyList, ApiKeyQuery, ApiKeyView, NewApiKeyView};
use crate::App;
use crate::access::grants;
use crate::auth::api_keys::Presentable;
use crate::http::answer::Answer;
use crate::http::catalog::FieldCode;
use crate::http::cursor::List;
use crate::http::problem::{FieldError, Problem};

/// Makes a key and shows its secret.
///
/// # Errors
/// 422 for an unknown client, a permission that the client doesn't have, an end in the past; 403 for a client that
/// has more than the actor.
pub fn create(tx: &mut Tx, input: &ApiKeyInput) -> Result<Answer, Problem> {
    let client = match api_clients::find(tx, input.client_id) {
        Err(StoreError::NotFound) => return Err(Problem::field("/client_id", FieldCode::NotFound)),
        found => found?,
    };
    if client.deleted_at.is_some() {
        return Err(Problem::field("/client_id", FieldCode::NotFound));
    }
    let of_client = within_mine(tx, &client)?;
    let permissions = input.permissions.clone().unwrap_or_else(|| of_client.clone());
    if permissions.iter().any(|permission| !of_client.contains(permission)) {
        let error = FieldError::new("/permissions", FieldCode::NotAllowed)
            .with("allowed", client.permissions.clone());
        return Err(Problem::invalid(vec![error]));
    }
    if input.expires_at.is_some_and(|end| end <= tx.now) {
        return Err(Problem::field("/expires_at", FieldCode::InThePast));
    }
    let secret = Presentable::new(tx.actor.tenant_id, Uuid::now_v7());
    let row = ApiKey {
        tenant_id: tx.actor.tenant_id,
        id: secret.id,
        client_id: client.id,
        name: clean_line(&input.name),
        prefix: secret.visible(),
        secret_hash: secret.hash(),
        permissions: grants::words(&permissions),
        created_at: tx.now,
        expires_at: input.expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    store::insert(tx, &row)?;
    note(tx, "created", &row)?;
    let view = NewApiKeyView { key: ApiKeyView::from(&row), secret: secret.text() };
    Answer::created("api-keys", row.id, &view)
}

/// Ends a key.
///
/// # Errors
/// 404.
pub fn revoke(tx: &mut Tx, id: Uuid) -> Result<Answer, Problem> {
    let row = store::find(tx, id)?;
    let client = api_clients::find(tx, row.client_id)?;
    within_mine(tx, &client)?;
    if row.revoked_at.is_none() {
        store::revoke(tx, id)?;
        note(tx, "revoked", &row)?;
    }
    Ok(Answer::no_content())
}

/// Refuses to touch the keys of a client that has more than the actor; returns what the client may do.
fn within_mine(tx: &mut Tx, client: &api_clients::ApiClient) -> Result<Vec<Permission>, Problem> {
    let of_client = grants::stored(&client.permissions);
    grants::within(tx, &of_client, client.data_scope.parse().unwrap_or(DataScope::Tenant))?;
    Ok(of_client)
}

fn note(tx: &mut Tx, what: &str, row: &ApiKey) -> Result<(), Problem> {
    let event = NewEvent {
        kind: format!("api_key.{what}"),
        subject_type: "api_key",
        subject_id: row.id,
        customer_id: None,
        version: None,
        changes: json!({ "client_id": { "from": null, "to": row.client_id }, "name": { "from": null, "to": row.name } }),
    };
    Ok(events::append(tx, event)?)
}

/// A page of a client's keys.
///
/// # Errors
/// 404 for an unknown client, 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &ApiKeyQuery) -> Result<ApiKeyList, Problem> {
    let list = List::of(tx.actor.tenant_id, "api-keys", &query.client_id);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, query.client_id, &page)?;
    let place = |row: &ApiKey| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| ApiKeyView::from(row));
    Ok(ApiKeyList { data, next_cursor, total_count: None })
}

/// One key.
///
/// # Errors
/// 404.
pub fn show(tx: &mut Tx, id: Uuid) -> Result<ApiKeyView, Problem> {
    Ok(ApiKeyView::from(&store::find(tx, id)?))
}
