use std::collections::{BTreeMap, BTreeSet};

use fulcrum_domain::access::{DataScope, Permission};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::{TestApp, company};

/// A company at random: for each department its parent, for each person a department, for each customer an owner.
#[derive(Debug, Clone)]
struct Company {
    parents: Vec<Option<usize>>,
    people: Vec<usize>,
    owners: Vec<usize>,
    /// Departments that move below another one afterwards, where the tree allows it.
    moves: Vec<(usize, usize)>,
}

fn company_at_random() -> impl Strategy<Value = Company> {
    let tree = prop::collection::vec(prop::option::of(any::<prop::sample::Index>()), 5);
    let places = |count| prop::collection::vec(0..5usize, count);
    (tree, places(4), prop::collection::vec(0..4usize, 12), prop::collection::vec((0..5usize, 0..5usize), 2))
        .prop_map(|(tree, people, owners, moves)| {
            let parent = |(place, index): (usize, Option<prop::sample::Index>)| match index {
                Some(index) if place > 0 => Some(index.index(place)),
                _ => None,
            };
            Company { parents: tree.into_iter().enumerate().map(parent).collect(), people, owners, moves }
        })
}

/// Whether `below` is `top` or stands below it, found by climbing.
fn stands_below(parents: &[Option<usize>], below: usize, top: usize) -> bool {
    below == top || parents[below].is_some_and(|parent| stands_below(parents, parent, top))
}

#[test]
fn a_scope_shows_what_climbing_the_tree_would() {
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 4, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    runner
        .run(&company_at_random(), |company| {
            check(&company);
            Ok(())
        })
        .unwrap();
}

fn check(made: &Company) {
    let app = TestApp::start();
    let admin = app.user("admin");
    let mut parents = made.parents.clone();
    let mut departments: Vec<Value> = Vec::new();
    for (place, parent) in parents.iter().enumerate() {
        let parent_id = parent.map(|parent| departments[parent]["id"].clone());
        departments.push(
            admin.create("/v1/departments", &json!({ "name": format!("部{place}"), "parent_id": parent_id })),
        );
    }
    let role = admin.get("/v1/me").ok()["role_id"].clone();
    let people: Vec<Value> = made
        .people
        .iter()
        .enumerate()
        .map(|(place, department)| {
            let body = json!({
                "email": format!("p{place}@demo.test"), "name": "x", "department_id": departments[*department]["id"], "role_id": role,
            });
            admin.create("/v1/users", &body)
        })
        .collect();
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for owner in &made.owners {
        let mut body = company("域");
        body["owner_id"] = people[*owner]["id"].clone();
        owners.insert(admin.create("/v1/customers", &body)["id"].as_str().unwrap().to_owned(), *owner);
    }
    for (low, high) in &made.moves {
        let path = format!("/v1/departments/{}", departments[*low]["id"].as_str().unwrap());
        let status = admin.patch(&path, &json!({ "parent_id": departments[*high]["id"] })).status;
        assert_eq!(status == 200, !stands_below(&parents, *high, *low), "{made:?}");
        if status == 200 {
            parents[*low] = Some(*high);
        }
    }
    let tenant = admin.get("/v1/me").ok()["tenant"].clone();
    for (place, person) in people.iter().enumerate() {
        let who = json!({ "tenant": tenant, "id": person["id"], "department_id": person["department_id"] });
        for scope in [DataScope::Own, DataScope::Department, DataScope::Subtree, DataScope::Tenant] {
            let sees = |owner: usize| match scope {
                DataScope::Own => owner == place,
                DataScope::Department => made.people[owner] == made.people[place],
                DataScope::Subtree => stands_below(&parents, made.people[owner], made.people[place]),
                DataScope::Tenant => true,
            };
            let expected: BTreeSet<String> =
                owners.iter().filter(|(_, owner)| sees(**owner)).map(|(id, _)| id.clone()).collect();
            let client = app.like(&who, &[Permission::CustomersRead], scope);
            for list in ["/v1/customers", "/v1/customers?q=域"] {
                let seen: BTreeSet<String> =
                    client.all_ids(list, 200).into_iter().filter(|id| owners.contains_key(id)).collect();
                assert_eq!(seen, expected, "{scope} of person {place} in {list}: {made:?}");
            }
        }
    }
}
