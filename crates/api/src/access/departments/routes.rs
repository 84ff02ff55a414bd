//! `/v1/departments`

use actix_web::web::Path;
use actix_web::{delete, get, patch, post};
use fulcrum_domain::access::permit::{DepartmentsRead, DepartmentsWrite};
use uuid::Uuid;

use super::service::{self, Departments};
use super::views::{DepartmentInput, DepartmentList, DepartmentQuery, DepartmentView};
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::{Body, Patch};
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::records;

/// List departments
#[utoipa::path(operation_id = "listDepartments", tag = "departments", params(DepartmentQuery),
    security(("bearer" = ["access.departments:read"])),
    responses((status = 200, description = "A page.", body = DepartmentList)))]
#[get("/v1/departments")]
pub async fn list(call: Allowed<DepartmentsRead>, query: Query<DepartmentQuery>) -> Result<Answer, Problem> {
    let app = call.app.clone();
    call.read(move |tx| Answer::ok(&service::list(tx, &app, &query)?)).await
}

/// Create a department
#[utoipa::path(operation_id = "createDepartment", tag = "departments", request_body = DepartmentInput,
    security(("bearer" = ["access.departments:write"])),
    responses((status = 201, description = "The new department.", body = DepartmentView)))]
#[post("/v1/departments")]
pub async fn create(call: Allowed<DepartmentsWrite>, body: Body<DepartmentInput>) -> Result<Answer, Problem> {
    call.write(move |tx| {
        records::created::<Departments>(&records::create::<Departments>(tx, body.0.clone())?)
    })
    .await
}

/// Get a department
///
/// Deleted ones, too: `deleted_at` tells.
#[utoipa::path(operation_id = "getDepartment", tag = "departments",
    params(("id" = Uuid, Path, description = "Id of the department.")),
    security(("bearer" = ["access.departments:read"])),
    responses((status = 200, description = "The department.", body = DepartmentView)))]
#[get("/v1/departments/{id}")]
pub async fn get(call: Allowed<DepartmentsRead>, id: Path<Uuid>) -> Result<Answer, Problem> {
    call.read(move |tx| records::shown::<Departments>(&records::find::<Departments>(tx, *id)?)).await
}

/// Change a department
///
/// A JSON merge patch: absent keeps, null clears, arrays replace.
#[utoipa::path(operation_id = "updateDepartment", tag = "departments", request_body = DepartmentInput,
    params(("id" = Uuid, Path, description = "Id of the department.")),
    security(("bearer" = ["access.departments:write"])),
    responses((status = 200, description = "The department as it is now.", body = DepartmentView)))]
#[patch("/v1/departments/{id}")]
pub async fn update(
    call: Allowed<DepartmentsWrite>,
    id: Path<Uuid>,
    patch: Patch,
) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    call.write(move |tx| {
        records::shown::<Departments>(&records::update::<Departments>(
            tx,
            &app.contract,
            *id,
            &if_match,
            &patch.0,
        )?)
    })
    .await
}

/// Delete a department
///
/// Softly: `GET` still shows it, and it can be restored.
#[utoipa::path(operation_id = "deleteDepartment", tag = "departments",
    params(("id" = Uuid, Path, description = "Id of the department.")),
    security(("bearer" = ["access.departments:write"])),
    responses((status = 204, description = "It is deleted.")))]
#[delete("/v1/departments/{id}")]
pub async fn delete(call: Allowed<DepartmentsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::delete::<Departments>(tx, *id, &if_match).map(|()| Answer::no_content()))
        .await
}

/// Restore a deleted department
#[utoipa::path(operation_id = "restoreDepartment", tag = "departments",
    params(("id" = Uuid, Path, description = "Id of the department.")),
    security(("bearer" = ["access.departments:write"])),
    responses((status = 200, description = "The department.", body = DepartmentView)))]
#[post("/v1/departments/{id}/restore")]
pub async fn restore(call: Allowed<DepartmentsWrite>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let if_match = IfMatch::of(&call.context)?;
    call.write(move |tx| records::shown::<Departments>(&records::restore::<Departments>(tx, *id, &if_match)?))
        .await
}
