use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use rust_xlsxwriter::{Format, Workbook};
use serde_json::{Value, json};

use super::customers::at_once;
use crate::support::{Client, Reply, TestApp, company, database};

const CSV: &str = "\u{feff}客户名称,统一社会信用代码,行业,联系人,手机,来源,客户等级,员工人数,年营业额(元),所在城市,备注\r\n\
    杭州科创信息技术有限公司,91330100799655058B,信息传输、软件和信息技术服务业,李伟,138 0013 8000,展会,A级,３２０人,\"1,200,000\",杭州,\"每季度\r\n拜访一次\"\r\n\
    杭州科创信息技术有限公司,,,王芳,13900139000,,,,,,\r\n\
    ,,,张三,13700137000,,,,,,\r\n\
    宁波海运股份有限公司,9133,交通运输,,,网站,B,,,宁波,\r\n\
    上海云帆科技有限公司,,工业软件,陈晨,138001380,老客户,D,,,上海,\r\n\
    苏州精工机械有限公司,,制造业,赵敏,0512-65218888、13600136000,展会,C,约300,,苏州,\r\n\
    南京玄武网络有限公司,,软件,,025-83211111,转介绍,,,5000万,南京,\r\n";

fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

fn upload(client: &Client, name: &str, content: &[u8]) -> String {
    let form = Form::new().part("file", Part::bytes(content.to_vec()).file_name(name.to_owned()));
    id(&Reply::of(client.request(Method::POST, "/v1/files").multipart(form)).expect(201))
}

/// A spreadsheet that was looked at.
fn looked_at(app: &TestApp, client: &Client, name: &str, content: &[u8]) -> Value {
    let file_id = upload(client, name, content);
    let made = client.post("/v1/imports", &json!({ "file_id": file_id })).expect(201);
    assert_eq!(made["state"], "analysing");
    app.work();
    client.get(&format!("/v1/imports/{}", id(&made))).ok()
}

/// Does something with an import, and returns it as it is then.
fn done(app: &TestApp, client: &Client, import: &Value, what: &str) -> Value {
    let path = format!("/v1/imports/{}", id(import));
    let operation = client.post_nothing(&format!("{path}/{what}")).expect(202);
    app.work();
    let operation = client.get(&format!("/v1/operations/{}", id(&operation))).ok();
    assert_eq!(operation["state"], "succeeded", "{operation}");
    client.get(&path).ok()
}

fn figures(import: &Value) -> Vec<i64> {
    let names = ["rows", "created", "updated", "unchanged", "skipped", "failed", "contacts_created"];
    names.iter().map(|name| import["report"][name].as_i64().expect("a figure")).collect()
}

fn content(client: &Client, file_id: &Value) -> String {
    let path = format!("/v1/files/{}/content", file_id.as_str().expect("a file"));
    let answer = client.request(Method::GET, &path).send().unwrap().error_for_status().unwrap();
    String::from_utf8(answer.bytes().unwrap().to_vec()).unwrap()
}

fn named(client: &Client, name: &str) -> Vec<Value> {
    let found = client.post("/v1/customers/search", &json!({ "filter": format!("name == \"{name}\"") })).ok();
    found["data"].as_array().unwrap().clone()
}

fn contacts(client: &Client, customer: &Value) -> Vec<Value> {
    let path = format!("/v1/contacts?customer_id={}&sort=created_at", id(customer));
    client.get(&path).ok()["data"].as_array().unwrap().clone()
}

#[test]
fn a_messy_spreadsheet_is_understood_tried_out_run_and_taken_back() {
    let app = TestApp::start();
    let admin = app.user("admin").with("accept-language", "zh-CN");
    let gb = encoding_rs::GB18030.encode(CSV).0.into_owned();
    let import = looked_at(&app, &admin, "客户名单.csv", &gb);
    assert_eq!(import["state"], "ready", "{import}");
    let found = &import["analysis"];
    assert_eq!(
        (&found["encoding"], &found["delimiter"], &found["header_row"], &found["rows"]),
        (&json!("gb18030"), &json!(","), &json!(1), &json!(7))
    );
    let fields: Vec<&str> = import["settings"]["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "customer.name",
            "customer.credit_code",
            "customer.industry",
            "contact.name",
            "contact.mobile",
            "customer.source",
            "customer.grade",
            "customer.staff_count",
            "customer.annual_revenue.amount",
            "customer.address.city",
            "customer.notes"
        ]
    );

    // Tried out: figures, and nothing is there.
    let checked = done(&app, &admin, &import, "check");
    assert_eq!(checked["state"], "ready");
    assert_eq!(checked["report"]["dry_run"], true);
    assert_eq!(figures(&checked), [7, 2, 1, 0, 0, 4, 2]);
    assert_eq!(checked["report"]["samples"][0]["customer"]["staff_count"], 320);
    assert!(named(&admin, "南京玄武网络有限公司").is_empty());
    let wrong = admin.get(&format!("/v1/imports/{}/rows?outcome=failed", id(&import))).ok();
    let told: Vec<(i64, &str, &str)> = wrong["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let error = &row["errors"][0];
            (
                row["row_number"].as_i64().unwrap(),
                error["header"].as_str().unwrap(),
                error["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (4, "客户名称", "required"),
            (5, "统一社会信用代码", "credit_code_length"),
            (6, "客户等级", "not_allowed"),
            (7, "员工人数", "not_a_number")
        ]
    );

    // Run: the same figures, and a file with what is wrong.
    let run = done(&app, &admin, &import, "run");
    assert_eq!(run["state"], "done");
    assert_eq!(figures(&run), figures(&checked));
    let customer = named(&admin, "杭州科创信息技术有限公司").pop().expect("the customer");
    assert_eq!(customer["credit_code"], "91330100799655058B");
    assert_eq!((&customer["industry"], &customer["grade"]), (&json!("I"), &json!("A")));
    assert_eq!(customer["annual_revenue"], json!({ "amount": "1200000.00", "currency": "CNY" }));
    assert_eq!(customer["notes"], "每季度\n拜访一次");
    assert_eq!(customer["address"]["city"], "杭州");
    assert_eq!(customer["owner_id"], admin.get("/v1/me").ok()["id"]);
    let people = contacts(&admin, &customer);
    let names: Vec<(&Value, &Value)> =
        people.iter().map(|person| (&person["name"], &person["is_primary"])).collect();
    assert_eq!(names, [(&json!("李伟"), &json!(true)), (&json!("王芳"), &json!(false))]);
    assert_eq!(people[0]["phones"][0], json!({ "number": "+8613800138000", "label": "mobile" }));
    // A number without anybody's name is the company's.
    let nanjing = named(&admin, "南京玄武网络有限公司").pop().expect("the customer");
    assert_eq!((&nanjing["phone"], &nanjing["industry"]), (&json!("+862583211111"), &json!("I")));
    assert_eq!(nanjing["annual_revenue"]["amount"], "50000000.00");
    // Found like any other.
    assert_eq!(admin.get("/v1/customers?q=13900139000").ok()["data"][0]["id"], customer["id"]);
    let errors = content(&admin, &run["error_file_id"]);
    let lines: Vec<&str> = errors.trim_start_matches('\u{feff}').lines().collect();
    assert!(lines[0].starts_with("行号,错误原因,客户名称,统一社会信用代码"), "{}", lines[0]);
    assert_eq!(lines.len(), 5);
    assert!(lines[1].starts_with("4,客户名称：必填。,,,,张三"), "{}", lines[1]);
    assert!(lines[2].starts_with("5,统一社会信用代码：") && lines[2].contains("宁波海运股份有限公司,9133"));
    assert!(lines[3].contains("手机") && lines[3].contains("客户等级"), "every reason: {}", lines[3]);

    // The same file twice makes no second record.
    let again = looked_at(&app, &admin, "客户名单 (2).csv", &gb);
    let again = done(&app, &admin, &again, "run");
    assert_eq!(figures(&again), [7, 0, 0, 3, 0, 4, 0]);

    // What nothing has happened to since goes, the rest stays and is named.
    admin.patch(&format!("/v1/customers/{}", id(&nanjing)), &json!({ "grade": "A" })).ok();
    let undone = done(&app, &admin, &run, "undo");
    assert_eq!(undone["state"], "undone");
    assert_eq!((&undone["report"]["undone"], &undone["report"]["kept"]), (&json!(1), &json!(1)));
    let kept = admin.get(&format!("/v1/imports/{}/rows?undo=kept", id(&run))).ok();
    assert_eq!(kept["data"].as_array().unwrap().len(), 1);
    assert_eq!(kept["data"][0]["customer_id"], nanjing["id"]);
    assert!(named(&admin, "杭州科创信息技术有限公司").is_empty());
    assert_eq!(named(&admin, "南京玄武网络有限公司").len(), 1);
    admin.post_nothing(&format!("/v1/imports/{}/undo", id(&run))).problem(409, "import_busy");
    // What was taken back can come again.
    let third = looked_at(&app, &admin, "客户名单.csv", &gb);
    assert_eq!(figures(&done(&app, &admin, &third, "run"))[1], 1);
}

#[test]
fn a_workbook_with_two_header_rows_merged_cells_days_and_formulas() {
    let app = TestApp::start();
    let admin = app.user("admin");
    admin.create(
        "/v1/custom-fields",
        &json!({ "object_type": "customer", "key": "signed_on", "label": "签约日期", "kind": "date" }),
    );
    admin.create(
        "/v1/custom-fields",
        &json!({ "object_type": "customer", "key": "fee", "label": "年费", "kind": "money" }),
    );
    let mut book = Workbook::new();
    let plain = Format::new();
    book.add_worksheet().set_name("说明").unwrap().write(0, 0, "请从第二页开始填写").unwrap();
    let sheet = book.add_worksheet().set_name("客户").unwrap();
    sheet.merge_range(0, 0, 0, 7, "2026 年客户名单", &plain).unwrap();
    sheet.merge_range(1, 0, 1, 3, "客户信息", &plain).unwrap();
    sheet.merge_range(1, 4, 1, 6, "联系人信息", &plain).unwrap();
    for (column, header) in
        ["公司名称", "签约日期", "年费", "是否VIP", "姓名", "电话", "邮箱"].iter().enumerate()
    {
        sheet.write(2, column as u16, *header).unwrap();
    }
    // One company, merged over its two contacts.
    sheet.merge_range(3, 0, 4, 0, "青岛海洋仪器有限公司", &plain).unwrap();
    let day = Format::new().set_num_format("yyyy-mm-dd");
    sheet.write_number_with_format(3, 1, 46086.0, &day).unwrap();
    sheet.write(3, 2, 12000.5).unwrap();
    sheet.write(3, 3, true).unwrap();
    sheet.write(3, 4, "孙浩").unwrap();
    sheet.write(3, 5, 13_800_138_001_f64).unwrap();
    sheet.write(3, 6, "ｓｕｎ＠ocean.example").unwrap();
    sheet.write(4, 4, "周涛").unwrap();
    sheet.write(4, 5, "0532-85551234").unwrap();
    // Rows with nothing but a format, and one with a formula that came to nothing.
    for row in 5..400 {
        sheet.write_blank(row, 0, &day).unwrap();
    }
    sheet.write(400, 0, "烟台港务集团").unwrap();
    sheet.write_formula(400, 2, rust_xlsxwriter::Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    sheet
        .write_formula(
            401,
            0,
            rust_xlsxwriter::Formula::new("=\"威海\"&\"渔业公司\"").set_result("威海渔业公司"),
        )
        .unwrap();
    let bytes = book.save_to_buffer().unwrap();

    let import = looked_at(&app, &admin, "客户.xlsx", &bytes);
    assert_eq!(import["analysis"]["sheets"], json!(["说明", "客户"]));
    // The one that anybody could bring in, unless another one is chosen.
    assert_eq!(import["analysis"]["sheet"], "客户");
    let path = format!("/v1/imports/{}", id(&import));
    admin.patch(&path, &json!({ "sheet": "没有" })).ok();
    app.work();
    let failed = admin.get(&path).ok();
    assert_eq!((&failed["state"], &failed["failure"]["code"]), (&json!("failed"), &json!("sheet_unknown")));
    admin.patch(&path, &json!({ "sheet": null })).ok();
    app.work();
    let import = admin.get(&path).ok();
    assert_eq!(import["state"], "ready", "{import}");
    assert_eq!(
        (&import["analysis"]["header_row"], &import["analysis"]["first_row"], &import["analysis"]["rows"]),
        (&json!(3), &json!(4), &json!(4))
    );
    let run = done(&app, &admin, &import, "run");
    assert_eq!(figures(&run), [4, 2, 1, 0, 0, 1, 2], "{run}");
    assert_eq!(run["report"]["errors"][0]["rows"], json!([401]));
    let customer = named(&admin, "青岛海洋仪器有限公司").pop().expect("the customer");
    assert_eq!(
        customer["custom"],
        json!({ "signed_on": "2026-03-05", "fee": { "amount": "12000.50", "currency": "CNY" } })
    );
    assert_eq!(customer["vip"], true);
    let people = contacts(&admin, &customer);
    assert_eq!(
        people.iter().map(|person| person["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["孙浩", "周涛"]
    );
    assert_eq!(people[0]["phones"][0]["number"], "+8613800138001");
    assert_eq!(people[0]["emails"][0]["address"], "sun@ocean.example");
    assert_eq!(people[1]["phones"][0]["number"], "+8653285551234");
    assert_eq!(named(&admin, "威海渔业公司").len(), 1);
}

#[test]
fn what_is_there_already_is_updated_passed_over_or_created_beside() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let mut body = company("温州鞋业有限公司");
    body["phone"] = json!("0577-88881111");
    body["notes"] = json!("老客户");
    body["external_ids"] = json!([{ "system": "kingdee", "external_id": "K-1" }]);
    let there = admin.create("/v1/customers", &body);
    admin.create(
        "/v1/contacts",
        &json!({ "customer_id": there["id"], "name": "林峰", "phones": [{ "number": "13800138009" }] }),
    );
    let text = "客户名称,外部编号,电话,备注,标签,联系人,手机\n温州鞋业,,,,重点,林峰,13900139009\n温州皮革有限公司,K-1,,改名了,,,\n温州鞋业有限公司,,0577-99992222,另一家,,,\n";
    let mut last = Value::Null;
    for (on_match, expected) in [
        ("skip", [3, 1, 0, 0, 2, 0, 0]),
        ("create", [3, 1, 1, 0, 0, 1, 1]),
        ("create_and_flag", [3, 1, 1, 0, 0, 1, 1]),
        ("update", [3, 1, 2, 0, 0, 0, 0]),
    ] {
        let own = TestApp::start();
        let admin = own.user("admin");
        let there = admin.create("/v1/customers", &body);
        admin.create(
            "/v1/contacts",
            &json!({ "customer_id": there["id"], "name": "林峰", "phones": [{ "number": "13800138009" }] }),
        );
        let import = looked_at(&own, &admin, "a.csv", text.as_bytes());
        let columns: Vec<Value> = [
            "customer.name",
            "customer.external_id",
            "customer.phone",
            "customer.notes",
            "customer.tags",
            "contact.name",
            "contact.mobile",
        ]
        .iter()
        .enumerate()
        .map(|(index, field)| json!({ "column": index + 1, "field": field }))
        .collect();
        let path = format!("/v1/imports/{}", id(&import));
        admin.patch(&path, &json!({ "columns": columns })).problem(422, "validation_failed");
        admin
            .patch(&path, &json!({ "columns": columns, "external_system": "kingdee", "on_match": on_match }))
            .ok();
        let checked = done(&own, &admin, &import, "check");
        let run = done(&own, &admin, &import, "run");
        assert_eq!(figures(&run), expected, "{on_match}: {}", run["report"]);
        assert_eq!(figures(&checked), expected, "{on_match}, tried out");
        let pairs = admin.get("/v1/duplicates").ok()["data"].as_array().unwrap().len();
        let now = admin.get(&format!("/v1/customers/{}", id(&there))).ok();
        match on_match {
            "update" => {
                // The second row knows it by its id in the other system, and says its name anew.
                assert_eq!(
                    (&now["name"], &now["notes"], &now["tags"]),
                    (&json!("温州皮革有限公司"), &json!("改名了"), &json!(["重点"]))
                );
                assert_eq!(now["phone"], "+8657788881111", "an empty cell changes nothing");
                let people = contacts(&admin, &there);
                assert_eq!(people.len(), 1);
                assert_eq!(people[0]["phones"].as_array().unwrap().len(), 2);
                let undone = done(&own, &admin, &run, "undo");
                assert_eq!(undone["report"]["kept"], 0, "{undone}");
                let back = admin.get(&format!("/v1/customers/{}", id(&there))).ok();
                for name in ["name", "notes", "tags", "phone", "external_ids"] {
                    assert_eq!(back[name], there[name], "{name}");
                }
                assert_eq!(contacts(&admin, &there)[0]["phones"].as_array().unwrap().len(), 1);
            }
            "create" => assert_eq!((&now["version"], pairs), (&there["version"], 0)),
            "create_and_flag" => assert!(pairs > 0 && run["report"]["likely_duplicates"].as_i64() > Some(0)),
            _ => assert_eq!(now["version"], there["version"]),
        }
        last = run;
    }
    assert_eq!(last["state"], "done");
}

#[test]
fn a_template_knows_headers_that_nobody_else_would() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let template = admin.create(
        "/v1/import-templates",
        &json!({ "name": "金蝶", "columns": [{ "header": "往来单位", "field": "customer.name" }, { "header": "代码", "field": "customer.external_id" }],
            "external_system": "kingdee", "on_match": "skip", "defaults": [{ "field": "customer.source", "value": "金蝶导入" }, { "field": "customer.grade", "value": "B" }] }),
    );
    admin.post("/v1/import-templates", &json!({ "name": "金蝶" })).problem(409, "already_exists");
    let wrong = json!({ "name": "错", "columns": [{ "header": "甲", "field": "customer.nothing" }] });
    let problem = admin.post("/v1/import-templates", &wrong).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["pointer"], "/columns/0/field");
    let file_id = upload(
        &admin,
        "b.csv",
        "往来单位;代码;等级\n绍兴黄酒有限公司;0001;A\n嘉兴丝绸有限公司;0002;\n".as_bytes(),
    );
    let import =
        admin.post("/v1/imports", &json!({ "file_id": file_id, "template_id": template["id"] })).expect(201);
    app.work();
    let run = done(&app, &admin, &import, "run");
    assert_eq!(figures(&run)[1], 2, "{run}");
    let customer = named(&admin, "嘉兴丝绸有限公司").pop().expect("the customer");
    assert_eq!((&customer["source"], &customer["grade"]), (&json!("金蝶导入"), &json!("B")));
    assert_eq!(customer["external_ids"], json!([{ "system": "kingdee", "external_id": "0002" }]));
    assert_eq!(named(&admin, "绍兴黄酒有限公司")[0]["grade"], "A");
}

#[test]
fn what_is_no_spreadsheet_is_told_in_words() {
    let app = TestApp::start();
    let admin = app.user("admin").with("accept-language", "zh-CN");
    let zip = |entries: &[(&str, &[u8])]| {
        use std::io::Write;
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, content) in entries {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    // 300 MB of nothing in a small file.
    let bomb = zip(&[("[Content_Types].xml", b"<Types/>"), ("xl/sharedStrings.xml", &vec![b' '; 300 << 20])]);
    assert!(bomb.len() < 1 << 20);
    let text = zip(&[("hello.txt", b"hello")]);
    let title = {
        let mut book = Workbook::new();
        book.add_worksheet().write(0, 0, "客户名称").unwrap();
        book.save_to_buffer().unwrap()
    };
    for (name, content, code) in [
        ("炸弹.xlsx", bomb.as_slice(), "spreadsheet_too_large"),
        ("其他.xlsx", &text, "spreadsheet_damaged"),
        ("空.xlsx", &title, "spreadsheet_empty"),
        ("空.csv", "客户名称,电话\n\n \n".as_bytes(), "spreadsheet_empty"),
    ] {
        let import = looked_at(&app, &admin, name, content);
        assert_eq!(
            (&import["state"], &import["failure"]["code"]),
            (&json!("failed"), &json!(code)),
            "{name}: {import}"
        );
        assert!(!import["failure"]["detail"].as_str().unwrap().is_ascii());
        admin.post_nothing(&format!("/v1/imports/{}/run", id(&import))).problem(409, "import_busy");
    }
    let pdf = upload(&admin, "a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj << >> endobj\n");
    let problem = admin.post("/v1/imports", &json!({ "file_id": pdf })).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "not_a_spreadsheet");
    let import = looked_at(&app, &admin, "c.csv", "甲,乙\n1,2\n".as_bytes());
    admin.post_nothing(&format!("/v1/imports/{}/run", id(&import))).problem(409, "import_not_mapped");
    let path = format!("/v1/imports/{}", id(&import));
    let far = json!({ "columns": [{ "column": 9, "field": "customer.name" }] });
    assert_eq!(
        admin.patch(&path, &far).problem(422, "validation_failed")["errors"][0]["code"],
        "column_unknown"
    );
    let twice = json!({ "columns": [{ "column": 1, "field": "customer.name" }, { "column": 2, "field": "customer.name" }] });
    assert_eq!(
        admin.patch(&path, &twice).problem(422, "validation_failed")["errors"][0]["code"],
        "duplicate"
    );
    admin.patch(&path, &json!({ "encoding": "klingon" })).ok();
    app.work();
    assert_eq!(admin.get(&path).ok()["failure"]["code"], "encoding_unknown");
}

#[test]
fn an_import_goes_no_further_than_who_runs_it() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let manager = app.user("manager");
    let east = app.user("agent");
    let file_id = upload(&admin, "a.csv", "客户名称,负责人\n甲有限公司,\n".as_bytes());
    east.post("/v1/imports", &json!({ "file_id": file_id })).problem(403, "permission_denied");
    // A file of somebody else's, and an import of somebody else's, aren't there.
    let problem =
        manager.post("/v1/imports", &json!({ "file_id": file_id })).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "not_found");
    let import = admin.post("/v1/imports", &json!({ "file_id": file_id })).expect(201);
    app.work();
    let path = format!("/v1/imports/{}", id(&import));
    manager.get(&path).problem(404, "not_found");
    manager.post_nothing(&format!("{path}/run")).problem(404, "not_found");
    let other = app.user_of("other", "admin");
    other.get(&path).problem(404, "not_found");
    assert_eq!(other.get("/v1/imports").ok()["data"], json!([]));
    // Stopped before anybody began.
    let operation = admin.post_nothing(&format!("{path}/run")).expect(202);
    admin.post_nothing(&format!("{path}/run")).problem(409, "import_busy");
    admin.post_nothing(&format!("/v1/operations/{}/cancel", id(&operation))).ok();
    app.work();
    let stopped = admin.get(&path).ok();
    assert_eq!(stopped["state"], "cancelled");
    assert!(named(&admin, "甲有限公司").is_empty());
}

#[test]
fn two_imports_of_the_same_customers_at_once_make_each_once() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let rows: String = (0..1200)
        .map(|number| format!("第{number}号测试企业有限公司,联系人{number},1380000{number:04}\n"))
        .collect();
    let imports: Vec<Value> = ["a.csv", "b.csv"]
        .iter()
        .map(|name| {
            looked_at(
                &app,
                &admin,
                name,
                format!("客户名称,联系人,手机\n{rows}{name}有限公司,,\n").as_bytes(),
            )
        })
        .collect();
    for import in &imports {
        admin.post_nothing(&format!("/v1/imports/{}/run", id(import))).expect(202);
    }
    at_once(2, || app.work());
    app.work();
    let ends: Vec<Value> =
        imports.iter().map(|import| admin.get(&format!("/v1/imports/{}", id(import))).ok()).collect();
    assert!(ends.iter().all(|end| end["state"] == "done"), "{ends:?}");
    let created: i64 = ends.iter().map(|end| end["report"]["created"].as_i64().unwrap()).sum();
    assert_eq!(created, 1202);
    let twice = database::texts(
        &app.url,
        "select name from customers where deleted_at is null and name like '第%号测试企业有限公司' group by name having count(*) > 1",
    );
    assert!(twice.is_empty(), "{twice:?}");
    // Each has its number, its events and what it is found by, once.
    let lost = database::texts(
        &app.url,
        "select c.name from customers c where c.name like '第%号测试企业有限公司' and (\
           (select count(*) from events e where e.subject_id = c.id) <> 1 \
           or not exists (select from search_terms s where s.subject_id = c.id))",
    );
    assert!(lost.is_empty(), "{lost:?}");
}

/// Breaks the import off whenever a row behind this one is written, as a crash would.
fn break_behind(app: &TestApp, row: i32) {
    database::execute(
        &app.url,
        &format!(
            "create or replace function break_off() returns trigger language plpgsql as $$ begin \
             if new.row_number > {row} then raise exception 'broken off'; end if; return new; end $$; \
             create or replace trigger break_off before insert on import_rows for each row execute function break_off()"
        ),
    );
}

#[test]
fn an_import_that_breaks_off_goes_on_where_it_was_and_can_be_stopped_and_taken_back_there() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let rows: String =
        (0..1100).map(|number| format!("第{number}号续传企业有限公司,联系人{number}\n")).collect();
    let file = format!("客户名称,联系人\n{rows}");
    let count = |what: &str| -> String {
        database::texts(
            &app.url,
            &format!(
                "select count(*)::text as text from customers where name like '第%号续传企业有限公司' {what}"
            ),
        )
        .remove(0)
    };
    let import = looked_at(&app, &admin, "a.csv", file.as_bytes());
    let path = format!("/v1/imports/{}", id(&import));
    break_behind(&app, 1050);
    let operation = admin.post_nothing(&format!("{path}/run")).expect(202);
    app.work();
    assert_eq!(admin.get(&path).ok()["state"], "running", "it is tried again");
    assert_eq!(count(""), "1000", "what was written is there, and nothing half");
    database::execute(&app.url, "drop trigger break_off on import_rows");
    app.clock.advance(chrono::TimeDelta::hours(1));
    app.work();
    let admin = app.user("admin");
    let operation = admin.get(&format!("/v1/operations/{}", id(&operation))).ok();
    assert_eq!((&operation["state"], &operation["done"]), (&json!("succeeded"), &json!(1100)));
    let done_with = admin.get(&path).ok();
    assert_eq!((&done_with["state"], &done_with["report"]["created"]), (&json!("done"), &json!(1100)));
    assert_eq!(count("group by name order by 1 desc limit 1"), "1");
    assert_eq!(count(""), "1100");
    let undone = done(&app, &admin, &done_with, "undo");
    assert_eq!(undone["report"]["undone"], 1100);
    assert_eq!(count("and deleted_at is null"), "0");

    // Stopped in the middle: what was written so far is there, and goes when it is taken back.
    let import = looked_at(&app, &admin, "b.csv", file.as_bytes());
    let path = format!("/v1/imports/{}", id(&import));
    break_behind(&app, 1050);
    let operation = admin.post_nothing(&format!("{path}/run")).expect(202);
    app.work();
    admin.post_nothing(&format!("/v1/operations/{}/cancel", id(&operation))).ok();
    let stopped = admin.get(&path).ok();
    assert_eq!(stopped["state"], "cancelled");
    assert_eq!(count("and deleted_at is null"), "1000");
    done(&app, &admin, &stopped, "undo");
    assert_eq!(count("and deleted_at is null"), "0");
}

#[test]
fn a_spreadsheet_that_comes_again_is_one_request() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let file_id = upload(
        &admin,
        "a.tsv",
        "公司名称\t联系人\t联系电话\n丽水青瓷有限公司\t叶青\t13757811001\n".as_bytes(),
    );
    let import = admin.post("/v1/imports", &json!({ "file_id": file_id, "then": "run" })).expect(201);
    app.work();
    let import = admin.get(&format!("/v1/imports/{}", id(&import))).ok();
    assert_eq!((&import["state"], &import["report"]["created"]), (&json!("done"), &json!(1)), "{import}");
    // Where nobody can tell which column is the name, it waits for somebody to say.
    let file_id = upload(&admin, "b.csv", "甲,乙\n1,2\n".as_bytes());
    let import = admin.post("/v1/imports", &json!({ "file_id": file_id, "then": "run" })).expect(201);
    app.work();
    assert_eq!(admin.get(&format!("/v1/imports/{}", id(&import))).ok()["state"], "ready");
}

#[test]
fn the_command_line_brings_in_what_the_api_would() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let file = app.data.join("名单.csv");
    let content =
        "客户名称,联系人,手机,客户等级\n舟山渔港有限公司,费洋,13757811001,A\n普陀旅游有限公司,安宁,1375,A\n";
    std::fs::write(&file, content).unwrap();
    let import = |more: &[&str]| {
        let text = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
        let (file, data) = (text(&file), text(&app.data));
        let own =
            ["import", "customers", &file, "--tenant", "demo", "--database-url", &app.url, "--data", &data];
        fulcrum_api::commands::run_with(&[&own, more].concat())
    };
    let errors = app.data.join("名单-errors.csv");
    import(&["--dry-run", "--as", "admin@demo.test"]).expect("it is tried out");
    assert!(named(&admin, "舟山渔港有限公司").is_empty() && !errors.exists());
    import(&["--as", "admin@demo.test"]).expect("it is brought in");
    let customer = named(&admin, "舟山渔港有限公司").pop().expect("the customer");
    assert_eq!(customer["owner_id"], admin.get("/v1/me").ok()["id"]);
    let wrong = std::fs::read_to_string(&errors).expect("what is wrong stands beside the file");
    assert!(wrong.contains("普陀旅游有限公司") && wrong.contains("手机"), "{wrong}");
    // Nobody's customers are the company's; and again makes no second one.
    import(&["--on-match", "skip"]).expect("it is brought in again");
    assert_eq!(named(&admin, "舟山渔港有限公司").len(), 1);
    std::fs::write(&file, content.replace("舟山", "岱山")).unwrap();
    import(&[]).expect("in nobody's name");
    assert_eq!(named(&admin, "岱山渔港有限公司")[0]["owner_id"], Value::Null);
    let nobody = import(&["--as", "nobody@demo.test"]).expect_err("there is no such user");
    assert!(nobody.contains("nobody@demo.test"), "{nobody}");
    let unknown = import(&["--template", "没有"]).expect_err("there is no such template");
    assert!(unknown.contains("/template"), "{unknown}");
}
