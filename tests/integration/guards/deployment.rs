//! What is deployed can be read by those who deploy it.

use std::path::Path;

use yaml_serde::Value;

#[test]
fn docker_compose_is_valid_and_says_what_it_should() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker-compose.yml");
    let text = std::fs::read_to_string(path).expect("docker-compose.yml");
    let mut compose: Value = yaml_serde::from_str(&text).expect("YAML");
    compose.apply_merge().expect("anchors");
    let services = &compose["services"];
    let names: Vec<&str> =
        services.as_mapping().expect("services").keys().filter_map(Value::as_str).collect();
    for wanted in ["migrate", "api"] {
        assert!(names.contains(&wanted), "{names:?}");
    }
    let database = names
        .iter()
        .find(|name| services[**name]["image"].as_str().is_some_and(|i| i.starts_with("postgres:17")));
    assert!(database.is_some(), "PostgreSQL 17");
    assert_eq!(services["api"]["depends_on"]["migrate"]["condition"], "service_completed_successfully");
    assert!(
        services["api"]["environment"]["DATABASE_URL"]
            .as_str()
            .is_some_and(|url| url.starts_with("postgres://"))
    );
}

#[test]
fn the_dockerfile_starts_the_binary_as_an_ordinary_user() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Dockerfile");
    let text = std::fs::read_to_string(path).expect("Dockerfile");
    let stages = text.lines().filter(|line| line.starts_with("FROM ")).count();
    let user = text.lines().rfind(|line| line.starts_with("USER ")).expect("a user");
    assert!(stages >= 2 && user != "USER root" && text.contains("ENTRYPOINT [\"fulcrum\"]"));
}
