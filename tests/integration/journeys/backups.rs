use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeDelta;
use fulcrum_api::commands::run_with;
use fulcrum_api::settings::{DatabaseSettings, KeepingSettings};
use fulcrum_persistence::Clock;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::receiver::{Manner, Receiver};
use crate::support::{
    NOTHING_KEPT, Options, Reply, TestApp, company, database, database_settings, new_folder,
};

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

fn backup(app: &TestApp, to: &Path) -> PathBuf {
    run_with(&["backup", "--to", text(to), "--database-url", &app.url, "--data", text(&app.data)])
        .expect("a backup");
    only(to)
}

/// The only backup in a folder.
fn only(folder: &Path) -> PathBuf {
    let names = names(folder);
    assert_eq!(names.len(), 1, "{names:?}");
    folder.join(&names[0])
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn restore(from: &Path, url: &str, data: &Path) -> Result<(), String> {
    run_with(&["restore", text(from), "--database-url", url, "--data", text(data)])
}

/// Rows of every table, and a sum over what is in them, apart from what is counted anew.
fn content(url: &str) -> BTreeMap<String, (String, String)> {
    let tables = "select c.relname::text as text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                  where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition order by 1";
    let anew = "'xid', 'epoch', 'first_xid', 'behind_xid', 'seq', 'listens_after', 'busy_until'";
    let read = |table: String| {
        let one =
            |what: &str| database::texts(url, &format!("select {what} as text from {table} t"))[0].clone();
        let columns = database::texts(
            url,
            &format!(
                "select string_agg(quote_ident(column_name), ', ' order by ordinal_position) as text \
                 from information_schema.columns where table_name = '{table}' and column_name not in ({anew})"
            ),
        );
        let row = format!("md5(row({})::text)", columns[0]);
        let sum = one(&format!("coalesce(md5(string_agg({row}, '' order by {row})), '')"));
        (table.clone(), (one("count(*)::text"), sum))
    };
    database::texts(url, tables).into_iter().map(read).collect()
}

fn upload(app: &TestApp, name: &str, content: &'static [u8], customer: &Value) -> Value {
    let form = Form::new()
        .text("subject_type", "customer")
        .text("subject_id", customer["id"].as_str().unwrap().to_owned())
        .part("file", Part::bytes(content).file_name(name.to_owned()));
    Reply::of(app.user("admin").request(reqwest::Method::POST, "/v1/files").multipart(form)).expect(201)
}

#[test]
fn what_is_brought_back_is_what_there_was() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    let customer = admin.create("/v1/customers", &company("留存"));
    let file = upload(&app, "a.txt", "文件".as_bytes(), &customer);
    let deleted = upload(&app, "b.txt", b"deleted", &customer);
    admin.delete(&format!("/v1/files/{}", deleted["id"].as_str().unwrap())).expect(204);
    let hook = json!({ "name": "x", "url": receiver.url, "event_types": ["customer.created"] });
    admin.create("/v1/webhooks", &hook);
    let cursor = admin.get("/v1/changes").ok()["next_cursor"].as_str().unwrap().to_owned();
    app.settle();
    app.work();
    let (to, data, url) = (new_folder(), new_folder(), database::empty());
    let made = backup(&app, &to);
    assert!(names(&made).contains(&"SHA256SUMS".to_owned()));
    let checked = std::process::Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(&made)
        .status();
    assert!(checked.expect("sha256sum").success());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(std::fs::metadata(&made).unwrap().mode() & 0o777, 0o700, "nobody else may look");
    }
    restore(&made, &url, &data).unwrap();
    let (before, after) = (content(&app.url), content(&url));
    assert!(
        before["customers"].0.parse::<usize>().unwrap() > 60
            && before["events"].0.parse::<usize>().unwrap() > 100
    );
    assert_eq!(before, after);
    // And it works.
    let again = TestApp::with(Options { url: Some(url), data: Some(data), ..Options::default() });
    let admin = again.user("admin");
    let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    assert_eq!(admin.get(&path).ok(), customer);
    let content = format!("/v1/files/{}/content", file["id"].as_str().unwrap());
    let response = admin.request(reqwest::Method::GET, &content).send().unwrap();
    assert_eq!(response.bytes().unwrap(), "文件".as_bytes());
    admin.post_nothing(&format!("/v1/files/{}/restore", deleted["id"].as_str().unwrap())).ok();
    admin.get(&format!("/v1/changes?cursor={cursor}")).problem(410, "resync_needed");
    let cursor = admin.get("/v1/changes").ok()["next_cursor"].as_str().unwrap().to_owned();
    admin.patch(&path, &json!({ "grade": "A" })).ok();
    admin.create("/v1/customers", &company("新客户"));
    again.settle();
    let changed = admin.get(&format!("/v1/changes?cursor={cursor}")).ok();
    assert_eq!(changed["data"].as_array().unwrap().len(), 2, "{changed}");
    again.work();
    let told: Vec<Value> =
        receiver.received().iter().map(|one| one.json()["data"]["changes"]["name"]["to"].clone()).collect();
    assert_eq!(told, [json!("新客户")]);
}

#[test]
fn what_is_not_right_is_not_brought_back() {
    let app = TestApp::start();
    let customer = app.user("admin").create("/v1/customers", &company("甲"));
    upload(&app, "a.txt", b"content", &customer);
    let made = backup(&app, &new_folder());
    let store = app.data.join("files");
    let into_itself = ["backup", "--to", text(&store), "--database-url", &app.url, "--data", text(&app.data)];
    assert!(run_with(&into_itself).expect_err("it would grow and grow").contains("file store"));
    let (url, data) = (database::empty(), new_folder());
    let is_empty = || {
        database::texts(&url, "select count(*)::text as text from pg_tables where schemaname = 'public'")
            == ["0"]
    };
    let refused = |why: &str| {
        let error = restore(&made, &url, &data).expect_err("it is not right");
        assert!(error.contains(why), "{error}");
        assert!(is_empty(), "{why}");
        assert!(names(&data.join("files")).is_empty(), "{why}");
    };
    let in_full = restore(&made, &app.url, &app.data).expect_err("there is something");
    assert!(in_full.contains("not empty"), "{in_full}");
    let dump = made.join("database.dump");
    let whole = std::fs::read(&dump).unwrap();
    std::fs::write(&dump, &whole[..whole.len() / 2]).unwrap();
    refused("checksum");
    std::fs::remove_file(&dump).unwrap();
    refused("database.dump");
    std::fs::write(&dump, &whole).unwrap();
    let sums = std::fs::read_to_string(made.join("SHA256SUMS")).unwrap();
    std::fs::write(made.join("SHA256SUMS"), "").unwrap();
    refused("doesn't name");
    // A dump that breaks off, with the right checksum: PostgreSQL notices.
    let half = &whole[..whole.len() / 2];
    std::fs::write(&dump, half).unwrap();
    let hash = |bytes: &[u8]| -> String {
        sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(bytes))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    std::fs::write(made.join("SHA256SUMS"), sums.replace(&hash(&whole), &hash(half))).unwrap();
    let error = restore(&made, &url, &data).expect_err("it breaks off");
    assert!(error.contains("pg_restore"), "{error}");
    assert!(is_empty());
    // What leads elsewhere is not followed.
    let listed = std::fs::read_to_string(made.join("SHA256SUMS")).unwrap();
    for name in ["../secret", "/etc/hostname"] {
        std::fs::write(made.join("SHA256SUMS"), format!("00  {name}\n{listed}")).unwrap();
        let error = restore(&made, &database::empty(), &new_folder()).expect_err("it leads elsewhere");
        assert!(error.contains("lies outside"), "{error}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/hostname", made.join("files/link")).unwrap();
        std::fs::write(made.join("SHA256SUMS"), format!("00  files/link\n{listed}")).unwrap();
        let error = restore(&made, &database::empty(), &new_folder()).expect_err("it leads elsewhere");
        assert!(error.contains("link to something else"), "{error}");
    }
    // A line that was taken out is missed.
    let fewer: String =
        listed.lines().filter(|line| !line.contains("  files/")).map(|line| format!("{line}\n")).collect();
    std::fs::write(made.join("SHA256SUMS"), fewer).unwrap();
    let error = restore(&made, &database::empty(), &new_folder()).expect_err("a file is missing");
    assert!(error.contains("0 of 1 files"), "{error}");
    // Nobody works with half of it.
    let half =
        run_with(&["migrate", "--database-url", &url, "--data", text(&data)]).expect_err("it isn't finished");
    assert!(half.contains("run `fulcrum restore` again"), "{half}");
    // In the end it works.
    std::fs::write(&dump, &whole).unwrap();
    std::fs::write(made.join("SHA256SUMS"), sums).unwrap();
    restore(&made, &url, &data).unwrap();
    // A store in which something is may be another database's.
    let second = database::empty();
    let taken = restore(&made, &second, &data).expect_err("there are files");
    assert!(taken.contains("--files-are-there"), "{taken}");
    run_with(&[
        "restore",
        text(&made),
        "--database-url",
        &second,
        "--data",
        text(&data),
        "--files-are-there",
    ])
    .unwrap();
    // Whatever else is in a database stays, and then nothing is brought back.
    let foreign = database::empty();
    database::execute(&foreign, "create view somebody_elses as select 1");
    assert!(restore(&made, &foreign, &new_folder()).expect_err("it isn't empty").contains("not empty"));
    let nowhere = restore(&new_folder(), &database::empty(), &data).expect_err("there is none");
    assert!(nowhere.contains("SHA256SUMS"), "{nowhere}");
}

#[test]
fn a_backup_is_made_every_night_and_the_oldest_make_room() {
    let app = TestApp::start();
    let customer = app.user("admin").create("/v1/customers", &company("甲"));
    let file = upload(&app, "a.txt", b"content", &customer);
    let folder = new_folder();
    let keeping = KeepingSettings { backup_folder: Some(folder.clone()), backups_kept: 2, ..NOTHING_KEPT };
    app.work_keeping(&keeping);
    assert_eq!(names(&folder), Vec::<String>::new(), "not before the night");
    // One that was killed long ago, and one that somebody else is writing just now.
    for (name, age) in
        [("fulcrum-nightly-20270201T184100Z.partial", 2), ("fulcrum-nightly-20270228T184100Z.partial", 0)]
    {
        let partial = folder.join(name);
        std::fs::create_dir_all(&partial).unwrap();
        let changed = Clock::system().now() - TimeDelta::days(age);
        std::fs::File::open(&partial).unwrap().set_modified(changed.into()).unwrap();
    }
    std::fs::create_dir_all(folder.join("somebody else's")).unwrap();
    for _ in 0..4 {
        app.clock.advance(TimeDelta::days(1));
        app.work_keeping(&keeping);
    }
    let made = names(&folder);
    assert_eq!(made.len(), 4, "two, what is being written, and what isn't ours: {made:?}");
    let made: Vec<String> =
        made.into_iter().filter(|name| name.starts_with("fulcrum") && !name.ends_with("partial")).collect();
    // What doesn't change lies on the disk once.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let tenant = names(&folder.join(&made[0]).join("files"))[0].clone();
        let at = folder.join(&made[0]).join("files").join(tenant).join(file["id"].as_str().unwrap());
        assert_eq!(std::fs::metadata(at).unwrap().nlink(), 2);
    }
    let (url, data) = (database::empty(), new_folder());
    restore(&folder.join(&made[1]), &url, &data).unwrap();
    assert_eq!(content(&url)["customers"], content(&app.url)["customers"]);
}

#[test]
fn stored_secrets_are_encrypted_anew_and_former_keys_are_forgotten_when_told() {
    let app = TestApp::start();
    let admin = app.user("admin");
    let receiver = Receiver::start(Manner::Answer(200));
    let hook = json!({ "name": "x", "url": receiver.url, "event_types": ["customer.created"] });
    let secret = admin.create("/v1/webhooks", &hook)["secret"].as_str().unwrap().to_owned();
    let file = app.data.join("secret.key");
    std::fs::write(&file, BASE64_STANDARD.encode([9; 32])).unwrap();
    let rotate = |more: &[&str]| {
        let at = ["admin", "rotate-secret-key", "--database-url", &app.url, "--data", text(&app.data)];
        run_with(&[&at[..], more].concat())
    };
    let sealed = || database::texts(&app.url, "select encode(secret, 'hex') as text from webhooks");
    let before = sealed();
    rotate(&[]).unwrap();
    assert_ne!(sealed(), before);
    let kept = std::fs::read_to_string(&file).unwrap();
    let keys: Vec<[u8; 32]> =
        kept.lines().map(|line| BASE64_STANDARD.decode(line).unwrap().try_into().unwrap()).collect();
    assert_eq!((keys.len(), keys[1]), (2, [9; 32]));
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    }
    let what = database::texts(
        &app.url,
        "select 'secret of the webhook ' || tenant_id || '/' || id as text from webhooks",
    );
    let stored = database::texts(&app.url, "select encode(secret, 'base64') as text from webhooks")[0]
        .replace('\n', "");
    let stored = BASE64_STANDARD.decode(stored).unwrap();
    let open = |key| fulcrum_api::auth::keys::Keys::new(key).open(&what[0], &stored);
    assert_eq!(open(keys[0]).as_deref(), Some(secret.as_bytes()));
    assert_eq!(open(keys[1]), None, "the former key opens nothing any more");
    rotate(&["--forget-former"]).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), BASE64_STANDARD.encode(keys[0]));
    // What can't be decrypted stays as it is: another key may be found.
    let wrong = BASE64_STANDARD.encode([7; 32]);
    let last = sealed();
    rotate(&["--secret-key", &wrong]).unwrap();
    assert_eq!(sealed(), last);
}

#[test]
fn events_are_kept_as_long_as_they_shall_be() {
    let app = TestApp::start();
    let admin = app.user("admin");
    admin.create("/v1/customers", &company("甲"));
    let count = || {
        database::texts(&app.url, "select count(*)::text as text from events where type = 'customer.created'")
            [0]
        .clone()
    };
    let keeping = KeepingSettings { event_months: Some(3), ..NOTHING_KEPT };
    let all = count();
    // The first look makes the schedules.
    app.work();
    app.clock.advance(TimeDelta::days(91));
    app.work_keeping(&keeping);
    // Those of the template are of the day when the tests run, long before.
    assert_eq!(count(), "1");
    app.clock.advance(TimeDelta::days(32));
    app.work();
    assert_eq!(count(), "1", "for ever, unless somebody says so");
    app.clock.advance(TimeDelta::hours(1));
    app.work_keeping(&keeping);
    assert_eq!(count(), "0");
    assert_ne!(all, "1");
    let admin = app.user("admin");
    admin.create("/v1/customers", &company("乙"));
    assert_eq!(count(), "1", "the log goes on");
}

#[test]
fn what_was_damaged_in_a_backup_is_not_handed_on() {
    let app = TestApp::start();
    let customer = app.user("admin").create("/v1/customers", &company("甲"));
    let file = upload(&app, "a.txt", b"content", &customer);
    let to = new_folder();
    let first = backup(&app, &to);
    let tenant = names(&first.join("files"))[0].clone();
    let of = |backup: &Path| backup.join("files").join(&tenant).join(file["id"].as_str().unwrap());
    std::fs::write(of(&first), b"c0ntent").unwrap();
    let renamed = to.join("fulcrum-20200101T000000Z");
    std::fs::rename(&first, &renamed).unwrap();
    run_with(&["backup", "--to", text(&to), "--database-url", &app.url, "--data", text(&app.data)]).unwrap();
    let second = to.join(&names(&to)[1]);
    assert_eq!(std::fs::read(of(&second)).unwrap(), b"content");
}

#[test]
fn the_private_database_has_backups_by_itself_and_another_one_only_where_somebody_says_so() {
    let usual = |database_url: Option<&str>, backup_folder: Option<&str>, backups_kept: u16| {
        let database = DatabaseSettings {
            database_url: database_url.map(str::to_owned),
            ..database_settings(Path::new("/data"), "")
        };
        let keeping = KeepingSettings {
            event_months: None,
            backup_folder: backup_folder.map(Into::into),
            backups_kept,
        };
        keeping.plan(&database).map(|plan| (plan.folder, plan.keep))
    };
    assert_eq!(usual(None, None, 7), Some(("/data/backups".into(), 7)));
    assert_eq!(usual(None, Some("/else"), 3), Some(("/else".into(), 3)));
    assert_eq!(usual(Some("postgres://x"), None, 7), None);
    assert_eq!(usual(Some("postgres://x"), Some("/else"), 7), Some(("/else".into(), 7)));
    assert_eq!(usual(None, None, 0), None);
}
