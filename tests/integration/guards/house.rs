//! The house: who depends on whom, under which licence, and where the time comes from.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Rust files below a folder of the repository.
pub fn rust_files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    assert!(found.len() > 5);
    found
}

fn metadata() -> Value {
    let ask = |offline: &[&str]| {
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked"])
            .args(offline)
            .current_dir(root())
            .output()
            .expect("cargo metadata")
    };
    // A machine that has only built for itself doesn't have the packages of other platforms yet, and their licences count.
    let offline = ask(&["--offline"]);
    let output = if offline.status.success() { offline } else { ask(&[]) };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn crates_depend_downwards_only() {
    let metadata = metadata();
    let direct = |name: &str| -> Vec<String> {
        let packages = metadata["packages"].as_array().expect("packages");
        let package = packages.iter().find(|package| package["name"] == name).expect("a crate of ours");
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        dependencies
            .iter()
            .map(|dependency| dependency["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    for (name, forbidden) in [
        ("fulcrum-domain", &["fulcrum-persistence", "fulcrum-api", "diesel", "actix-web", "tokio"][..]),
        ("fulcrum-persistence", &["fulcrum-api", "actix-web", "utoipa"][..]),
        ("fulcrum-api", &["diesel"][..]),
        ("fulcrum-bench", &["fulcrum-api"][..]),
    ] {
        let direct = direct(name);
        for other in forbidden {
            assert!(
                !direct.iter().any(|dependency| dependency == other),
                "{name} must not depend on {other}"
            );
        }
    }
    assert!(direct("fulcrum-api").iter().any(|dependency| dependency == "fulcrum-persistence"));
}

#[test]
fn every_licence_is_permissive() {
    let deny: toml::Table =
        std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml").parse().expect("TOML");
    let allowed: Vec<&str> = deny["licenses"]["allow"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    assert!(allowed.contains(&"MIT") && !allowed.iter().any(|licence| licence.contains("GPL")));
    let metadata = metadata();
    let members = metadata["workspace_members"].as_array().expect("members");
    for package in metadata["packages"].as_array().expect("packages") {
        if members.contains(&package["id"]) {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(holds(licence, &allowed), "{} {} is under {licence:?}", package["name"], package["version"]);
    }
}

/// Whether an SPDX expression can be met with the allowed licences.
fn holds(expression: &str, allowed: &[&str]) -> bool {
    let flat = expression.replace(['(', ')'], " ").replace('/', " OR ");
    // Both sides of an AND have to hold; parentheses around alternatives within it are met when each of its
    // alternatives' groups is.
    flat.split(" AND ").all(|group| {
        group.split(" OR ").any(|licence| {
            let licence = licence.trim();
            allowed.contains(&licence.split(" WITH ").next().unwrap_or_default().trim())
        })
    })
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"];
    assert!(holds("MIT OR GPL-3.0", &allowed) && holds("Apache-2.0/BSD", &allowed));
    assert!(holds("(MIT OR Apache-2.0) AND Unicode-3.0", &allowed));
    assert!(holds("Apache-2.0 WITH LLVM-exception", &allowed));
    assert!(!holds("GPL-3.0", &allowed) && !holds("MIT AND GPL-2.0", &allowed) && !holds("", &allowed));
}

#[test]
fn the_time_comes_from_the_clock_alone() {
    for file in rust_files("crates") {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let is_clock = file.ends_with("persistence/src/db/clock.rs");
        assert!(is_clock || !text.contains("Utc::now("), "{} asks for the time itself", file.display());
        assert!(is_clock || !text.contains("clippy::disallowed_methods"), "{} lifts the ban", file.display());
    }
}

/// Every handler names a permission (or that it needs none) in its signature, before anything else.
#[test]
fn every_handler_says_who_may() {
    let mut handlers = 0;
    for file in rust_files("crates/api/src").into_iter().filter(|file| file.ends_with("routes.rs")) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        for part in text.split("pub async fn ").skip(1) {
            let signature =
                part.split("->").next().expect("a signature").split_whitespace().collect::<String>();
            let first = signature.split_once('(').map(|(_, arguments)| arguments).unwrap_or_default();
            let says = ["call:Allowed<", "call:Anonymous", "_call:Anonymous"];
            assert!(says.iter().any(|begin| first.starts_with(begin)), "{}: {signature}", file.display());
            handlers += 1;
        }
    }
    assert!(handlers > 40, "{handlers}");
}

#[test]
fn handlers_stay_short() {
    for file in rust_files("crates/api/src").into_iter().filter(|file| file.ends_with("routes.rs")) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        for part in text.split("pub async fn ").skip(1) {
            let lines = part.split("\n}\n").next().expect("a body").lines().count();
            assert!(
                lines <= 20,
                "{}: {} has {lines} lines",
                file.display(),
                part.lines().next().unwrap_or_default()
            );
        }
    }
}
