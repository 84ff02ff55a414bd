//! Paths that no operation answers to: 405 where the path is right and the method isn't, else 404.

use actix_web::{HttpRequest, web};

use super::answer::Answer;
use super::catalog::Code;
use super::problem::Problem;
use crate::App;

/// Answers what nothing else did.
///
/// # Errors
/// Always: 404 or 405.
pub async fn fallback(request: HttpRequest) -> Result<Answer, Problem> {
    Err(refusal(&request, Code::NoSuchPath))
}

/// What is wrong with a path whose variables can't be read: an id of another form is the id of nothing.
pub fn bad_path(request: &HttpRequest) -> Problem {
    refusal(request, Code::NotFound)
}

fn refusal(request: &HttpRequest, missing: Code) -> Problem {
    let Some(app) = request.app_data::<web::Data<App>>() else { return Problem::new(missing) };
    let segments: Vec<&str> = request.path().split('/').collect();
    let paths: Vec<_> = app.contract.paths().filter(|(template, _)| matches(template, &segments)).collect();
    // `/v1/contacts/batch` is not a contact whose id is batch.
    let variables = |template: &str| template.matches('{').count();
    let fewest = paths.iter().map(|(template, _)| variables(template)).min();
    let mut allowed: Vec<String> = paths
        .into_iter()
        .filter(|(template, _)| Some(variables(template)) == fewest)
        .flat_map(|(_, item)| item.keys())
        .filter(|method| ["get", "put", "post", "delete", "patch"].contains(&method.as_str()))
        .map(|method| method.to_uppercase())
        .collect();
    allowed.sort();
    allowed.dedup();
    if allowed.is_empty() || allowed.iter().any(|method| method == request.method().as_str()) {
        return Problem::new(missing);
    }
    Problem::new(Code::MethodNotAllowed).with("allow", allowed.join(", "))
}

fn matches(template: &str, segments: &[&str]) -> bool {
    let template: Vec<&str> = template.split('/').collect();
    template.len() == segments.len()
        && template
            .iter()
            .zip(segments)
            .all(|(wanted, is)| wanted == is || (wanted.starts_with('{') && !is.is_empty()))
}
