//! What can be done with API clients.

use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_domain::values::text::clean_line;
use fulcrum_persistence::Tx;
use fulcrum_persistence::access::{api_clients as store, departments};
use serde_json::json;
use store::ApiClient;
use uuid::Uuid;

use super::views::{ApiClientInput, ApiClientList, ApiClientView, NewApiClientView};
use crate::App;
use crate::access::grants;
use crate::auth::api_keys::Presentable;
use crate::http::answer::Answer;
use crate::http::catalog::FieldCode;
use crate::http::cursor::List;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::wire::PageQuery;
use crate::records::{self, Resource, Stamp};

/// API clients as records.
pub enum ApiClients {}

impl Resource for ApiClients {
    type Row = ApiClient;
    type Input = ApiClientInput;
    type View = ApiClientView;
    const SUBJECT: &'static str = "api_client";
    const COLLECTION: &'static str = "api-clients";
    const DELETE: Permission = Permission::ApiClientsWrite;

    fn input_of(row: &ApiClient) -> ApiClientInput {
        ApiClientInput {
            name: row.name.clone(),
            permissions: grants::stored(&row.permissions),
            data_scope: row.data_scope.parse().unwrap_or(DataScope::Department),
            department_id: row.department_id,
            disabled: row.disabled_at.is_some(),
        }
    }

    fn view(row: &ApiClient) -> ApiClientView {
        ApiClientView::from(row)
    }

    fn stamp(row: &ApiClient) -> Stamp {
        Stamp::of(row.id, row.version, row.deleted_at)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<ApiClient, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<ApiClient, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, input: ApiClientInput) -> Result<ApiClient, Problem> {
        may_grant(tx, &input)?;
        let blank = ApiClient {
            tenant_id: tx.actor.tenant_id,
            id: Uuid::now_v7(),
            name: String::new(),
            permissions: vec![],
            data_scope: String::new(),
            department_id: input.department_id,
            // Nobody can know a secret that hashes to nothing; creating sets a real one.
            secret_hash: vec![],
            disabled_at: None,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        };
        let row = filled(tx, blank, input);
        store::insert(tx, &row)?;
        Ok(row)
    }

    fn change(tx: &mut Tx, before: &ApiClient, input: ApiClientInput) -> Result<ApiClient, Problem> {
        may_grant(tx, &Self::input_of(before))?;
        may_grant(tx, &input)?;
        let mut after = filled(tx, before.clone(), input);
        if json!(Self::input_of(before)) == json!(Self::input_of(&after)) {
            return Ok(after);
        }
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &ApiClient, deleted: bool) -> Result<ApiClient, Problem> {
        may_grant(tx, &Self::input_of(before))?;
        let after = ApiClient {
            deleted_at: deleted.then_some(tx.now),
            version: before.version + 1,
            updated_at: tx.now,
            ..before.clone()
        };
        store::replace(tx, &after)?;
        Ok(after)
    }
}

fn may_grant(tx: &mut Tx, input: &ApiClientInput) -> Result<(), Problem> {
    grants::within(tx, &input.permissions, input.data_scope)?;
    if !departments::within_reach(tx, input.department_id)? {
        return Err(Problem::field("/department_id", FieldCode::NotFound));
    }
    Ok(())
}

fn filled(tx: &Tx, row: ApiClient, input: ApiClientInput) -> ApiClient {
    ApiClient {
        name: clean_line(&input.name),
        permissions: grants::words(&input.permissions),
        data_scope: input.data_scope.to_string(),
        department_id: input.department_id,
        disabled_at: if input.disabled { row.disabled_at.or(Some(tx.now)) } else { None },
        ..row
    }
}

/// Creates a client and shows its secret.
///
/// # Errors
/// What the rules say.
pub fn create(tx: &mut Tx, input: ApiClientInput) -> Result<Answer, Problem> {
    let row = records::create::<ApiClients>(tx, input)?;
    let view = with_secret(tx, row)?;
    Ok(Answer::created(ApiClients::COLLECTION, view.client.id, &view)?.version(view.client.version))
}

/// Gives a client a new secret.
///
/// # Errors
/// 404, 412, 403 for a client that has more than the actor.
pub fn rotate_secret(tx: &mut Tx, id: Uuid, if_match: &IfMatch) -> Result<Answer, Problem> {
    let before = store::lock(tx, id)?;
    if_match.check(before.version)?;
    if before.deleted_at.is_some() {
        return Err(Problem::deleted(before.id));
    }
    may_grant(tx, &ApiClients::input_of(&before))?;
    let after = ApiClient { version: before.version + 1, updated_at: tx.now, ..before };
    let view = with_secret(tx, after)?;
    let row = store::find(tx, id)?;
    records::note::<ApiClients>(tx, "secret_rotated", &row)?;
    Ok(Answer::ok(&view)?.version(view.client.version))
}

fn with_secret(tx: &mut Tx, row: ApiClient) -> Result<NewApiClientView, Problem> {
    let secret = Presentable::new(row.tenant_id, row.id);
    let row = ApiClient { secret_hash: secret.hash(), ..row };
    store::replace(tx, &row)?;
    Ok(NewApiClientView { client: ApiClientView::from(&row), client_secret: secret.text() })
}

/// A page of API clients.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &PageQuery) -> Result<ApiClientList, Problem> {
    let list = List::of(tx.actor.tenant_id, "api-clients", &());
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &page)?;
    let place = |row: &ApiClient| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| ApiClientView::from(row));
    Ok(ApiClientList { data, next_cursor, total_count: None })
}
