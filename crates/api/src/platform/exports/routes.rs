//! `/v1/exports`

use actix_web::post;
use fulcrum_domain::access::permit::ExportsWrite;

use super::running;
use super::views::ExportRequest;
use crate::http::allowed::Allowed;
use crate::http::answer::Answer;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::platform::operations::views::OperationView;

/// Take records out
///
/// Writes the records within the data scope that are selected into a file, as one moment had them, as an operation. Its result is
/// `{"file_id", "rows", "as_of", "size", "sha256", "sums": [{"field", "currency", "amount"}]}`; the file can be fetched for a day at
/// `/v1/files/{file_id}/content`, by who asked for it. In CSV, texts that a spreadsheet would take for a formula get an apostrophe before
/// them.
#[utoipa::path(operation_id = "createExport", tag = "exports", request_body = ExportRequest,
    security(("bearer" = ["platform.exports:write"])),
    responses((status = 202, description = "The operation that does it.", body = OperationView)))]
#[post("/v1/exports")]
pub async fn create(call: Allowed<ExportsWrite>, body: Body<ExportRequest>) -> Result<Answer, Problem> {
    let locale = call.context.reader_locale();
    call.write(move |tx| running::export(tx, &body, locale)).await
}
