//! `/v1/tasks`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post, put};
use fulcrum_domain::access::permit::{TasksDelete, TasksRead, TasksWrite};
use uuid::Uuid;

use super::service::{self, Tasks};
use super::views::{TaskInput, TaskList, TaskQuery, TaskView};
use crate::batch::{self, Batch, BatchResult};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records;

/// List tasks
///
/// The tasks of the people within the data scope, those that one made, and those of the customers within the scope; what is due first.
#[utoipa::path(operation_id = "listTasks", tag = "tasks", params(TaskQuery),
    security(("bearer" = ["engagement.tasks:read"])),
    responses((status = 200, description = "A page of tasks.", body = TaskList)))]
#[get("/v1/tasks")]
pub async fn list(call: Allowed<TasksRead>, query: Query<TaskQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create a task
#[utoipa::path(operation_id = "createTask", tag = "tasks", request_body = TaskInput,
    security(("bearer" = ["engagement.tasks:write"])),
    responses((status = 201, description = "The new task.", body = TaskView)))]
#[post("/v1/tasks")]
pub async fn create(call: Allowed<TasksWrite>, body: Body<TaskInput>) -> Result<Answer, Problem> {
    call.write(move |tx| records::created::<Tasks>(&records::create::<Tasks>(tx, body.0.clone())?)).await
}

/// Get a task
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getTask", tag = "tasks",
    params(("id" = Uuid, Path, description = "Id of the task.")),
    security(("bearer" = ["engagement.tasks:read"])),
    responses((status = 200, description = "The task.", body = TaskView)))]
#[get("/v1/tasks/{id}")]
pub async fn get(call: Allowed<TasksRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<Tasks>(&records::find::<Tasks>(tx, *id)?)).await
}

/// Change a task
///
/// A JSON merge patch: absent keeps, null clears, arrays replace. `state` says that it is done, cancelled, or open again. What is for
/// others to do can be seen with the customer, and changed only within the data scope or by who made it.
#[utoipa::path(operation_id = "updateTask", tag = "tasks", request_body = TaskInput,
    params(("id" = Uuid, Path, description = "Id of the task.")),
    security(("bearer" = ["engagement.tasks:write"])),
    responses((status = 200, description = "The task as it is now.", body = TaskView)))]
#[patch("/v1/tasks/{id}")]
pub async fn update(call: Allowed<TasksWrite>, id: Path<Uuid>, patch: Patch) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<Tasks>(&records::update::<Tasks>(tx, &app.contract, *id, &if_match, &patch.0)?)
    })
    .await
}

/// Delete a task
///
/// Softly: it disappears from lists and searches, `GET` still shows it, and it can be restored.
#[utoipa::path(operation_id = "deleteTask", tag = "tasks",
    params(("id" = Uuid, Path, description = "Id of the task.")),
    security(("bearer" = ["engagement.tasks:delete"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/tasks/{id}")]
pub async fn delete(call: Allowed<TasksDelete>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<Tasks>(tx, *id, &if_match).map(|()| Answer::no_content())).await
}

/// Restore a deleted task
#[utoipa::path(operation_id = "restoreTask", tag = "tasks",
    params(("id" = Uuid, Path, description = "Id of the task.")),
    security(("bearer" = ["engagement.tasks:delete"])),
    responses((status = 200, description = "The task.", body = TaskView)))]
#[post("/v1/tasks/{id}/restore")]
pub async fn restore(call: Allowed<TasksDelete>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<Tasks>(&records::restore::<Tasks>(tx, *id, &if_match)?)).await
}

/// Create or change a task by the id in another system
///
/// Creates the task with the body, or changes it: fields that the body leaves out keep their values.
/// `If-None-Match: *` means create only.
#[utoipa::path(operation_id = "upsertTask", tag = "tasks", request_body = TaskInput,
    params(("system" = String, Path, description = "The other system.", min_length = 1, max_length = 60, pattern = "^[A-Za-z0-9._-]+$", example = "erp"),
           ("external_id" = String, Path, description = "The id there.", min_length = 1, max_length = 200, example = "KD-10023")),
    security(("bearer" = ["engagement.tasks:write"])),
    responses((status = 200, description = "It existed, and is now so.", body = TaskView),
              (status = 201, description = "It was created.", body = TaskView)))]
#[put("/v1/tasks/by-external-id/{system}/{external_id}")]
pub async fn upsert(
    call: Allowed<TasksWrite>,
    path: Path<(String, String)>,
    body: Patch,
) -> Result<Answer, Problem> {
    batch::upsert_one::<Tasks>(&call, path.into_inner(), body.0).await
}

/// Create, change, delete many tasks
///
/// Always 207 with a result for each item, in order. With `atomic` all are done or none.
#[utoipa::path(operation_id = "batchTasks", tag = "tasks", request_body = Batch,
    security(("bearer" = ["engagement.tasks:write"])),
    responses((status = 207, description = "What became of each item.", body = BatchResult)))]
#[post("/v1/tasks/batch")]
pub async fn run_batch(call: Allowed<TasksWrite>, body: Body<Batch>) -> Result<Answer, Problem> {
    batch::run::<Tasks>(&call, body.0).await
}
