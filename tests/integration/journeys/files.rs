use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use fulcrum_domain::access::{DataScope, Permission};
use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Client, FILE_LIMIT, Options, Reply, TestApp, codes, company};

const PDF: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj << >> endobj\n";

fn part(name: &str, content: &[u8]) -> Part {
    Part::bytes(content.to_vec()).file_name(name.to_owned())
}

fn send(client: &Client, form: Form) -> Reply {
    Reply::of(client.request(Method::POST, "/v1/files").multipart(form))
}

/// Uploads a file for a record.
fn upload(client: &Client, name: &str, content: &[u8], subject: (&str, &str), kind: Option<&str>) -> Reply {
    let form = Form::new()
        .text("subject_type", subject.0.to_owned())
        .text("subject_id", subject.1.to_owned())
        .part("file", part(name, content));
    send(
        client,
        match kind {
            Some(kind) => form.text("document_kind", kind.to_owned()),
            None => form,
        },
    )
}

fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

/// The content of a file: status, headers, bytes.
fn download(client: &Client, id: &str) -> reqwest::blocking::Response {
    client.request(Method::GET, &format!("/v1/files/{id}/content")).send().expect("an answer")
}

/// Everything that lies in the store, half-finished uploads included.
fn stored(app: &TestApp) -> Vec<PathBuf> {
    let mut open = vec![app.data.join("files")];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { open.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found
}

fn until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_file_comes_back_as_it_was_with_its_name_and_its_hash() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let customer = id(&rep.create("/v1/customers", &company("甲")));
    let mut content = PDF.to_vec();
    content.extend((0..12_000_000_u32).map(|number| (number % 251) as u8));
    let reply =
        upload(&rep, "需求 \"说明\".pdf", &content, ("customer", &customer), Some("requirements_spec"));
    let location = reply.header("location").map(str::to_owned);
    assert_eq!(reply.header("etag"), Some("\"1\""));
    let file = reply.expect(201);
    let hash: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (&file["name"], &file["media_type"], &file["size"], &file["sha256"]),
        (&json!("需求 \"说明\".pdf"), &json!("application/pdf"), &json!(content.len()), &json!(hash))
    );
    assert_eq!(location, Some(format!("/v1/files/{}", id(&file))));
    assert_eq!(
        (&file["links"][0]["subject_id"], &file["links"][0]["document_kind"]),
        (&json!(customer), &json!("requirements_spec"))
    );
    let whole = download(&rep, &id(&file));
    let header = |response: &reqwest::blocking::Response, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(header(&whole, "content-type").as_deref(), Some("application/octet-stream"));
    assert_eq!(
        header(&whole, "content-disposition").as_deref(),
        Some(
            "attachment; filename=\"__ ____.pdf\"; filename*=UTF-8''%E9%9C%80%E6%B1%82%20%22%E8%AF%B4%E6%98%8E%22.pdf"
        )
    );
    assert_eq!(header(&whole, "x-content-type-options").as_deref(), Some("nosniff"));
    assert_eq!(header(&whole, "content-length"), Some(content.len().to_string()));
    let etag = header(&whole, "etag").unwrap();
    assert_eq!(etag, format!("\"{hash}\""));
    assert!(whole.bytes().unwrap() == content);
    let event =
        app.user("admin").get(&format!("/v1/events?subject_id={}", id(&file))).ok()["data"][0].clone();
    assert_eq!((&event["type"], &event["customer_id"]), (&json!("file.created"), &json!(customer)));
    for (range, status, expected, content_range) in [
        ("bytes=0-9", 206, &content[..10], Some(format!("bytes 0-9/{}", content.len()))),
        ("bytes=-5", 206, &content[content.len() - 5..], None),
        ("bytes=11999990-", 206, &content[11_999_990..], None),
        ("bytes=5-99999999", 206, &content[5..], None),
        ("bytes=0-1,4-5", 200, &content[..], None),
        ("lines=1-2", 200, &content[..], None),
    ] {
        let response = download(&rep.with("range", range), &id(&file));
        assert_eq!(response.status().as_u16(), status, "{range}");
        if content_range.is_some() {
            assert_eq!(header(&response, "content-range"), content_range);
        }
        assert!(response.bytes().unwrap() == expected, "{range}");
    }
    let path = format!("/v1/files/{}/content", id(&file));
    let beyond = Reply::of(rep.with("range", "bytes=99999999-").request(Method::GET, &path));
    assert_eq!(beyond.header("content-range"), Some(format!("bytes */{}", content.len()).as_str()));
    beyond.problem(416, "range_not_satisfiable");
    let long = rep.with("range", &format!("bytes={}-", "0".repeat(300)));
    Reply::of(long.request(Method::GET, &path)).problem(400, "invalid_header");
    assert_eq!(download(&rep.with("if-none-match", &etag), &id(&file)).status(), 304);
    let partly = rep.with("range", "bytes=0-9");
    assert_eq!(download(&partly.with("if-range", &etag), &id(&file)).status(), 206);
    assert_eq!(download(&partly.with("if-range", "\"other\""), &id(&file)).status(), 200);
}

#[test]
fn texts_are_given_out_in_parts_of_what_is_stored() {
    let app = TestApp::start();
    let rep = app.user("rep.east");
    let customer = id(&rep.create("/v1/customers", &company("甲")));
    let text = "名称,电话\n".repeat(5000);
    let file = upload(&rep, "a.csv", text.as_bytes(), ("customer", &customer), None).expect(201);
    let response = download(&rep.with("accept-encoding", "gzip, br").with("range", "bytes=0-99"), &id(&file));
    assert_eq!(response.status(), 206);
    assert!(response.headers().get("content-encoding").is_none_or(|encoding| encoding == "identity"));
    assert_eq!(response.bytes().unwrap(), text.as_bytes()[..100]);
}

#[test]
fn what_is_not_right_is_refused_and_leaves_nothing() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = id(&admin.create("/v1/customers", &company("甲")));
    let wrong = |form: Form| codes(&send(&admin, form).problem(422, "validation_failed"));
    let exe = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0".repeat(2000);
    let linked = |form: Form| form.text("subject_type", "customer").text("subject_id", customer.clone());
    for (part, code) in [
        (part("a.pdf", &exe), "file_type_lies"),
        (part("a.pdf", PDF).mime_str("image/png").unwrap(), "file_type_lies"),
        (part("a.exe", &exe), "file_type_not_taken"),
        (part("a.html", b"<html>"), "file_type_not_taken"),
        (part("a.pdf", b""), "file_empty"),
        (Part::bytes(PDF.to_vec()), "file_name_missing"),
        (part("...", PDF), "file_name_missing"),
    ] {
        assert_eq!(wrong(linked(Form::new()).part("file", part)), [("/file".into(), code.into())], "{code}");
    }
    assert_eq!(wrong(linked(Form::new())), [("/file".into(), "required".into())]);
    let file = || Form::new().part("file", part("a.pdf", PDF));
    assert_eq!(wrong(file().part("file", part("b.pdf", PDF))), [("/file".into(), "unknown_field".into())]);
    assert_eq!(wrong(file().text("colour", "red")), [("/colour".into(), "unknown_field".into())]);
    assert_eq!(wrong(file().text("subject_type", "customer")), [("/subject_id".into(), "required".into())]);
    assert_eq!(
        wrong(linked(file()).text("document_kind", "Not A Word")),
        [("/document_kind".into(), "pattern".into())]
    );
    assert_eq!(
        wrong(file().text("subject_type", "spaceship").text("subject_id", "x")),
        [("/subject_id".into(), "format".into()), ("/subject_type".into(), "not_allowed".into())]
    );
    let elsewhere = uuid::Uuid::now_v7().to_string();
    assert_eq!(
        wrong(file().text("subject_type", "contact").text("subject_id", elsewhere)),
        [("/subject_id".into(), "not_found".into())]
    );
    let huge = vec![b'a'; FILE_LIMIT as usize + 1];
    send(&admin, Form::new().part("file", part("a.txt", &huge))).problem(413, "too_large");
    admin.post("/v1/files", &json!({})).problem(415, "unsupported_media_type");
    let broken = admin
        .request(Method::POST, "/v1/files")
        .header("content-type", "multipart/form-data; boundary=x")
        .body("--x\r\nnonsense");
    Reply::of(broken).problem(400, "malformed_form");
    until("nothing is left", || stored(&app).is_empty());
    assert_eq!(admin.get("/v1/files").ok()["data"], json!([]));
}

/// The beginning of an upload, over a connection of its own.
fn begin(app: &TestApp, client: &Client, content: &[u8]) -> TcpStream {
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: multipart/form-data; boundary=x\r\n\
         content-length: 15000000\r\n\r\n--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n",
        client.token().unwrap()
    );
    let mut stream = TcpStream::connect(app.address.trim_start_matches("http://")).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(content).unwrap();
    stream
}

#[test]
fn nobody_takes_all_the_places_for_uploads() {
    let app = TestApp::start();
    let (admin, manager) = (app.user("admin"), app.user("manager"));
    let coming: Vec<TcpStream> = (0..8).map(|_| begin(&app, &admin, &[b'a'; 600_000])).collect();
    until("they have begun", || stored(&app).len() == 8);
    let form = || Form::new().part("file", part("a.pdf", PDF));
    let refused = send(&admin, form());
    assert_eq!(refused.header("retry-after"), Some("5"));
    refused.problem(503, "overloaded");
    send(&manager, form()).expect(201);
    drop(coming);
    until("they have ended", || stored(&app).len() == 1);
    send(&admin, form()).expect(201);
}

#[test]
fn an_upload_that_is_cut_off_leaves_nothing() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let stream = begin(&app, &admin, &vec![b'a'; 11_000_000]);
    until("the beginning lies in the store", || !stored(&app).is_empty());
    drop(stream);
    until("nothing is left", || stored(&app).is_empty());
    assert_eq!(admin.get("/v1/files").ok()["data"], json!([]));
}

#[test]
fn who_sees_a_record_sees_its_files_and_nobody_else_does() {
    let app = TestApp::start();
    let (east, north, admin) = (app.user("rep.east"), app.user("rep.north"), app.user("admin"));
    let customer = id(&east.create("/v1/customers", &company("甲")));
    let contact = id(&east.create("/v1/contacts", &json!({ "customer_id": customer, "name": "乙" })));
    let of_customer = id(&upload(&east, "a.pdf", PDF, ("customer", &customer), Some("contract")).expect(201));
    let of_contact = id(&upload(&east, "b.pdf", PDF, ("contact", &contact), None).expect(201));
    let sees = |client: &Client, query: &str| client.all_ids(&format!("/v1/files{query}"), 10);
    assert_eq!(sees(&east, ""), [of_contact.clone(), of_customer.clone()]);
    assert_eq!(sees(&east, "?document_kind=contract"), std::slice::from_ref(&of_customer));
    assert_eq!(
        sees(&east, &format!("?subject_type=contact&subject_id={contact}")),
        std::slice::from_ref(&of_contact)
    );
    assert_eq!(sees(&north, ""), Vec::<String>::new());
    for file in [&of_customer, &of_contact] {
        north.get(&format!("/v1/files/{file}")).problem(404, "not_found");
        north.get(&format!("/v1/files/{file}/content")).problem(404, "not_found");
        let own = id(&north.create("/v1/customers", &company("丙")));
        let link = json!({ "subject_type": "customer", "subject_id": own });
        north.post(&format!("/v1/files/{file}/link"), &link).problem(404, "not_found");
    }
    // Who may read customers and not contacts sees the files of customers.
    let me = admin.get("/v1/me").ok();
    let limited = app.like(&me, &[Permission::FilesRead, Permission::CustomersRead], DataScope::Tenant);
    assert_eq!(sees(&limited, ""), std::slice::from_ref(&of_customer));
    limited.get(&format!("/v1/files/{of_contact}")).problem(404, "not_found");
    // Who may see no contacts can't hang anything on one either, and nothing is left of the try.
    let some = [Permission::FilesRead, Permission::FilesWrite, Permission::CustomersRead];
    let reader = app.like(&me, &some, DataScope::Tenant);
    upload(&reader, "c.pdf", PDF, ("contact", &contact), None).problem(403, "permission_denied");
    assert_eq!(stored(&app).len(), 2, "the content of what was refused is gone");
    let invoice = id(&upload(&app.user("finance"), "c.pdf", PDF, ("customer", &customer), None).expect(201));
    admin.delete(&format!("/v1/files/{invoice}")).expect(204);
    // The last link takes the permission to delete; a file of a record that one doesn't see can't be deleted for all.
    let path = format!("/v1/files/{of_customer}");
    let link = json!({ "subject_type": "customer", "subject_id": customer });
    east.post(&format!("{path}/unlink"), &link).problem(403, "permission_denied");
    let others = id(&admin.create("/v1/customers", &company("别人的")));
    admin.post(&format!("{path}/link"), &json!({ "subject_type": "customer", "subject_id": others })).ok();
    let manager = app.user("manager");
    manager.delete(&path).problem(409, "in_use");
    admin.post(&format!("{path}/unlink"), &json!({ "subject_type": "customer", "subject_id": others })).ok();
    // What events tell of files: to who may read all kinds of records that they could belong to, and no name before they do.
    let all = [Permission::FilesRead, Permission::EventsRead, Permission::CustomersRead];
    let auditor = app.like(&me, &all, DataScope::Tenant);
    assert_eq!(auditor.get("/v1/events?subject_type=file").ok()["data"], json!([]));
    let orphan = send(&east, Form::new().part("file", part("geheim.pdf", PDF))).expect(201);
    let told = admin.get(&format!("/v1/events?subject_id={}", id(&orphan))).ok();
    assert!(!told.to_string().contains("geheim"), "{told}");
    east.post(&format!("/v1/files/{}/link", id(&orphan)), &link).ok();
    let told = admin.get(&format!("/v1/events?subject_id={}", id(&orphan))).ok();
    assert!(told.to_string().contains("geheim"), "{told}");
    admin.delete(&format!("/v1/files/{}", id(&orphan))).expect(204);
    let gone = id(&admin.create("/v1/customers", &company("已删除")));
    admin.delete(&format!("/v1/customers/{gone}")).expect(204);
    upload(&admin, "d.pdf", PDF, ("customer", &gone), None).problem(409, "record_deleted");
    // The customer goes to somebody else, and its files with it.
    let other = manager.get("/v1/me").ok();
    admin.patch(&format!("/v1/customers/{customer}"), &json!({ "owner_id": other["id"] })).ok();
    assert_eq!(sees(&east, ""), Vec::<String>::new());
    east.get(&format!("/v1/files/{of_customer}")).problem(404, "not_found");
    assert_eq!(sees(&app.user("manager"), ""), [of_contact, of_customer]);
    let stranger = app.user_of("other", "admin");
    assert_eq!(sees(&stranger, ""), Vec::<String>::new());
    admin.get("/v1/files?subject_type=customer").problem(400, "invalid_parameters");
}

#[test]
fn a_file_is_linked_unlinked_deleted_and_restored() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let [first, second] = ["甲", "乙"].map(|name| id(&admin.create("/v1/customers", &company(name))));
    let file = id(&upload(&admin, "a.pdf", PDF, ("customer", &first), None).expect(201));
    let path = format!("/v1/files/{file}");
    let link = json!({ "subject_type": "customer", "subject_id": second, "document_kind": "quote" });
    admin.with("if-match", "\"7\"").post(&format!("{path}/link"), &link).problem(412, "version_mismatch");
    let linked = admin.post(&format!("{path}/link"), &link).ok();
    assert_eq!((linked["links"].as_array().unwrap().len(), &linked["version"]), (2, &json!(2)));
    assert_eq!(
        admin.post(&format!("{path}/link"), &link).ok()["version"],
        2,
        "the same again changes nothing"
    );
    let other = json!({ "subject_type": "customer", "subject_id": second, "document_kind": "invoice" });
    let changed = admin.post(&format!("{path}/link"), &other).ok();
    assert_eq!((&changed["links"][1]["document_kind"], &changed["version"]), (&json!("invoice"), &json!(3)));
    let unlinked = admin
        .post(&format!("{path}/unlink"), &json!({ "subject_type": "customer", "subject_id": first }))
        .ok();
    assert_eq!((unlinked["links"].as_array().unwrap().len(), &unlinked["deleted_at"]), (1, &json!(null)));
    admin.delete(&path).expect(204);
    assert_ne!(admin.get(&path).ok()["deleted_at"], json!(null));
    admin.get(&format!("{path}/content")).problem(409, "record_deleted");
    admin.post(&format!("{path}/link"), &link).problem(409, "record_deleted");
    assert_eq!(admin.get("/v1/files").ok()["data"], json!([]));
    let restored = admin.post_nothing(&format!("{path}/restore")).ok();
    assert_eq!((&restored["deleted_at"], &restored["version"]), (&json!(null), &json!(6)));
    assert_eq!(download(&admin, &file).bytes().unwrap(), PDF);
    let last = admin
        .post(&format!("{path}/unlink"), &json!({ "subject_type": "customer", "subject_id": second }))
        .ok();
    assert_ne!(last["deleted_at"], json!(null), "without its last record it is deleted");
    let types: Vec<Value> = admin.get(&format!("/v1/events?subject_id={file}")).ok()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(
        types,
        [
            "file.unlinked",
            "file.restored",
            "file.deleted",
            "file.unlinked",
            "file.linked",
            "file.linked",
            "file.created"
        ]
    );
}

#[test]
fn the_same_upload_with_the_same_key_is_one_file() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = id(&admin.create("/v1/customers", &company("甲")));
    let keyed = admin.with("idempotency-key", "upload-1");
    let first = upload(&keyed, "a.pdf", PDF, ("customer", &customer), None).expect(201);
    let again = upload(&keyed, "a.pdf", PDF, ("customer", &customer), None);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.expect(201), first);
    let other = [PDF, b"more"].concat();
    upload(&keyed, "a.pdf", &other, ("customer", &customer), None).problem(422, "idempotency_key_reused");
    assert_eq!(stored(&app).len(), 1);
    let refused = admin.with("idempotency-key", "upload-2");
    let nowhere = uuid::Uuid::now_v7().to_string();
    upload(&refused, "a.pdf", PDF, ("customer", &nowhere), None).problem(422, "validation_failed");
    assert_eq!(stored(&app).len(), 1);
}

#[test]
fn what_belongs_to_nothing_is_removed_after_a_day() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = id(&admin.create("/v1/customers", &company("甲")));
    let kept = id(&upload(&admin, "a.pdf", PDF, ("customer", &customer), None).expect(201));
    let deleted = id(&upload(&admin, "b.pdf", PDF, ("customer", &customer), None).expect(201));
    admin.delete(&format!("/v1/files/{deleted}")).expect(204);
    let orphan = send(&admin, Form::new().part("file", part("c.pdf", PDF))).expect(201);
    assert_eq!(orphan["links"], json!([]));
    app.user("manager").get(&format!("/v1/files/{}", id(&orphan))).problem(404, "not_found");
    // Content that nobody knows of, as a server leaves it that dies between storing and committing.
    let folder = stored(&app)[0].parent().unwrap().to_owned();
    std::fs::write(folder.join(uuid::Uuid::now_v7().to_string()), "x").unwrap();
    std::fs::write(app.data.join("files").join("README"), "not ours").unwrap();
    app.work();
    assert_eq!(stored(&app).len(), 5, "not before its time");
    app.clock.advance(TimeDelta::hours(48));
    app.work();
    let mut left: Vec<String> =
        stored(&app).iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    left.sort();
    let mut expected = [kept.clone(), deleted, "README".to_owned(), "installation".to_owned()];
    expected.sort();
    assert_eq!(left, expected, "and the note of whose the store is");
    let admin = app.user("admin");
    admin.get(&format!("/v1/files/{}", id(&orphan))).problem(404, "not_found");
    assert_eq!(download(&admin, &kept).bytes().unwrap(), PDF);
}

#[test]
fn nothing_is_removed_from_a_store_that_belongs_to_another_database() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = id(&admin.create("/v1/customers", &company("甲")));
    let file = id(&upload(&admin, "a.pdf", PDF, ("customer", &customer), None).expect(201));
    app.work();
    app.clock.advance(TimeDelta::days(2));
    app.work();
    // By a slip in DATABASE_URL, or because a backup is tried out.
    let other = TestApp::with(Options { data: Some(app.data.clone()), ..Options::default() });
    // It knows the file, as one that belongs to nothing.
    let row = format!(
        "update installation set epoch = gen_random_uuid(); \
         insert into files (tenant_id, id, name, media_type, size, sha256, uploaded_by_type, created_at, updated_at) \
         select id, '{file}', 'a.pdf', 'application/pdf', 1, '', 'system', '2020-01-01', '2020-01-01' from tenants \
         where slug = 'demo'"
    );
    crate::support::database::execute(&other.url, &row);
    other.work();
    other.clock.advance(TimeDelta::days(3));
    other.work();
    assert_eq!(download(&app.user("admin"), &file).bytes().unwrap(), PDF);
}

#[test]
fn content_that_is_lost_is_said_to_be() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let customer = id(&admin.create("/v1/customers", &company("甲")));
    let file = id(&upload(&admin, "a.pdf", PDF, ("customer", &customer), None).expect(201));
    std::fs::remove_file(&stored(&app)[0]).unwrap();
    admin.get(&format!("/v1/files/{file}/content")).problem(500, "file_content_lost");
}
