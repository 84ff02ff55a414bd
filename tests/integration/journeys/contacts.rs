use serde_json::json;

use super::customers::at_once;
use crate::support::{TestApp, company};

#[test]
fn the_life_of_a_contact() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let customer = rep.create("/v1/customers", &company("甲方"));
    let body = json!({
        "customer_id": customer["id"], "name": "欧阳翠羽", "title": "采购总监", "decision_role": "budget_approver",
        "phones": [{ "number": "138 0013 8000", "label": "mobile" }, { "number": "+1 202 555 0123" }],
        "emails": [{ "address": "ouyang@jia.example" }], "born_on": "1988-05-20",
    });
    let contact = rep.create("/v1/contacts", &body);
    assert_eq!(contact["phones"][0], json!({ "number": "+8613800138000", "label": "mobile" }));
    assert_eq!(contact["phones"][1], json!({ "number": "+12025550123", "label": "work" }));
    assert_eq!(contact["is_primary"], true, "the first one is the one to turn to");
    let path = format!("/v1/contacts/{}", contact["id"].as_str().unwrap());
    let patched = rep.with("if-match", "\"1\"").patch(&path, &json!({ "title": null })).ok();
    assert_eq!((&patched["title"], &patched["version"]), (&json!(null), &json!(2)));
    assert_eq!(rep.get(&format!("{path}?include=customer")).ok()["customer"]["name"], "甲方");
    let problem = rep.post("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "x", "phones": [{ "number": "12" }], "emails": [{ "address": "y" }] }));
    let problem = problem.problem(422, "validation_failed");
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert!(
        pointers.contains(&"/phones/0/number") && pointers.contains(&"/emails/0/address"),
        "{pointers:?}"
    );
    rep.delete(&path).expect(204);
    assert_eq!(rep.all_ids("/v1/contacts?q=翠羽", 50), Vec::<String>::new());
    rep.post_nothing(&format!("{path}/restore")).ok();
    assert_eq!(rep.all_ids("/v1/contacts?q=翠羽", 50).len(), 1);
}

#[test]
fn a_customer_has_one_primary_contact_also_when_many_want_to_be_it() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = admin.create("/v1/customers", &company("甲方"));
    let statuses = at_once(8, || {
        let body = json!({ "customer_id": customer["id"], "name": "x", "is_primary": true });
        admin.post("/v1/contacts", &body).status
    });
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    let id = customer["id"].as_str().unwrap();
    assert_eq!(admin.all_ids(&format!("/v1/contacts?customer_id={id}&is_primary=true"), 50).len(), 1);
    let other =
        admin.get(&format!("/v1/contacts?customer_id={id}&is_primary=false&limit=1")).ok()["data"][0].clone();
    let path = format!("/v1/contacts/{}", other["id"].as_str().unwrap());
    assert_eq!(admin.patch(&path, &json!({ "is_primary": true })).ok()["is_primary"], true);
    assert_eq!(
        admin.all_ids(&format!("/v1/contacts?customer_id={id}&is_primary=true"), 50),
        [other["id"].as_str().unwrap()]
    );
}

#[test]
fn contacts_are_seen_with_their_customer() {
    let app = TestApp::start();
    let (east, north, agent) = (app.user("rep.east"), app.user("rep.north"), app.user("agent"));
    let customer = east.create("/v1/customers", &company("甲方"));
    let contact = east.create("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "欧阳" }));
    let path = format!("/v1/contacts/{}", contact["id"].as_str().unwrap());
    north.get(&path).problem(404, "not_found");
    north
        .post("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "x" }))
        .problem(422, "validation_failed");
    agent.patch(&path, &json!({ "notes": "来电" })).ok();
    agent.delete(&path).problem(403, "permission_denied");
    let of_customer = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    app.user("manager").delete(&of_customer).expect(204);
    east.get(&path).problem(404, "not_found");
    east.post("/v1/contacts", &json!({ "customer_id": customer["id"], "name": "x" }))
        .problem(409, "record_deleted");
    app.user("manager").post_nothing(&format!("{of_customer}/restore")).ok();
    east.get(&path).ok();
    assert_eq!(east.all_ids("/v1/customers?q=欧阳", 50).len(), 1);
    let problem =
        east.patch(&path, &json!({ "customer_id": contact["id"] })).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "not_changeable");
}

#[test]
fn contacts_are_known_to_other_systems_too() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = admin.create("/v1/customers", &company("甲方"));
    let body = json!({ "customer_id": customer["id"], "name": "欧阳" });
    let first = admin.put("/v1/contacts/by-external-id/erp/1", &body).expect(201);
    let second = admin
        .put("/v1/contacts/by-external-id/erp/1", &json!({ "customer_id": customer["id"], "name": "司马" }))
        .ok();
    assert_eq!((&second["id"], &second["name"]), (&first["id"], &json!("司马")));
    // The same id of a contact and of a customer are two things.
    admin.put("/v1/customers/by-external-id/erp/1", &company("乙方")).expect(201);
}
