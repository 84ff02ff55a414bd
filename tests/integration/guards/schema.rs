//! The schema: as diesel sees it, as tenancy wants it, and back again.

use std::collections::BTreeMap;
use std::path::Path;

use fulcrum_persistence::migrations;

use crate::support::database;

/// Tables that belong to no tenant.
const NOT_TENANT_OWNED: [&str; 5] =
    ["tenants", "login_failures", "workers", "installation", "__diesel_schema_migrations"];

fn declared() -> BTreeMap<String, Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/persistence/src/schema.rs");
    let text = std::fs::read_to_string(path).expect("schema.rs");
    let mut tables = BTreeMap::new();
    for block in text.split("diesel::table! {").skip(1) {
        let mut lines = block.lines().map(str::trim).filter(|line| !line.is_empty());
        let head = lines.next().expect("a head");
        let (name, key) = head.split_once(" (").expect("a key");
        let mut columns = vec![format!("key ({}", key.trim_end_matches(" {"))];
        let mut renamed = None;
        for line in lines {
            if let Some(sql) = line.strip_prefix("#[sql_name = \"") {
                renamed = Some(sql.trim_end_matches("\"]").to_owned());
            } else if let Some((column, kind)) = line.split_once(" -> ") {
                let column = renamed.take().unwrap_or_else(|| column.to_owned());
                columns.push(format!("{column} {}", kind.trim_end_matches(',')));
            } else {
                break;
            }
        }
        tables.insert(name.to_owned(), columns);
    }
    tables
}

fn migrated(url: &str) -> BTreeMap<String, Vec<String>> {
    let rows = database::texts(
        url,
        "select c.table_name || '|' || c.column_name || ' ' || case when c.is_nullable = 'YES' then 'Nullable<' else '' end || \
         case c.udt_name when 'uuid' then 'Uuid' when 'text' then 'Text' when '_text' then 'Array<Text>' when '_uuid' then 'Array<Uuid>' \
           when 'timestamptz' then 'Timestamptz' when 'int4' then 'Int4' when 'int8' then 'Int8' when 'int2' then 'Int2' \
           when 'bool' then 'Bool' when 'bytea' then 'Bytea' when 'jsonb' then 'Jsonb' when 'date' then 'Date' \
           when 'numeric' then 'Numeric' else c.udt_name end || case when c.is_nullable = 'YES' then '>' else '' end as text \
         from information_schema.columns c where c.table_schema = 'public' order by c.table_name, c.ordinal_position",
    );
    let keys = database::texts(
        url,
        "select conrelid::regclass::text || '|key (' || string_agg(a.attname, ', ' order by k.place) || ')' as text \
         from pg_constraint, unnest(conkey) with ordinality k (number, place) \
         join pg_attribute a on a.attnum = k.number where contype = 'p' and a.attrelid = conrelid \
         group by conrelid",
    );
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in keys.iter().chain(&rows) {
        let (table, column) = row.split_once('|').expect("a table");
        tables.entry(table.to_owned()).or_default().push(column.to_owned());
    }
    tables
}

#[test]
fn schema_rs_is_what_the_migrations_make() {
    let url = database::empty();
    migrations::apply(&url).expect("the migrations apply");
    let migrated = migrated(&url);
    let declared = declared();
    assert!(declared.len() >= 12);
    for (table, columns) in &declared {
        assert_eq!(Some(columns), migrated.get(table), "{table}");
    }
}

#[test]
fn every_migration_can_be_taken_back() {
    let url = database::empty();
    let dump = || {
        let mut all = database::texts(
            &url,
            "select c.relkind::text || ' ' || c.relname || coalesce(' ' || pg_get_indexdef(i.indexrelid), '') as text \
             from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_index i on i.indexrelid = c.oid \
             where n.nspname = 'public' and c.relname not like '\\_\\_diesel%' \
             union all select conname || ' ' || pg_get_constraintdef(oid) from pg_constraint \
             where conrelid::regclass::text not like '\\_\\_diesel%'",
        );
        all.extend(
            migrated(&url)
                .into_iter()
                .filter(|(table, _)| !table.starts_with("__diesel"))
                .map(|(table, columns)| format!("{table} {columns:?}")),
        );
        all.sort();
        all
    };
    let empty = dump();
    let applied = migrations::apply(&url).expect("the migrations apply");
    assert!(applied.len() >= 3);
    let full = dump();
    assert!(full.len() > empty.len() + 20);
    for _ in &applied {
        migrations::revert_last(&url).expect("down.sql");
    }
    assert_eq!(dump(), empty, "what down.sql leaves behind");
    migrations::apply(&url).expect("the migrations apply again");
    assert_eq!(dump(), full);
}

#[test]
fn every_key_of_a_tenant_table_begins_with_the_tenant() {
    let url = database::empty();
    migrations::apply(&url).expect("the migrations apply");
    let indexes = database::texts(
        &url,
        "select t.relname || '|' || i.relname || '|' || pg_get_indexdef(i.oid, 1, true) as text from pg_index x \
         join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid \
         join pg_namespace n on n.oid = t.relnamespace where n.nspname = 'public'",
    );
    let mut seen = 0;
    for index in &indexes {
        let parts: Vec<&str> = index.split('|').collect();
        if !NOT_TENANT_OWNED.contains(&parts[0]) {
            assert_eq!(parts[2], "tenant_id", "{index}");
            seen += 1;
        }
    }
    assert!(seen > 25, "{seen}");
    let foreign = database::texts(
        &url,
        "select conrelid::regclass::text || ' ' || pg_get_constraintdef(oid) as text from pg_constraint \
         where contype = 'f' and confrelid <> 'tenants'::regclass",
    );
    for key in &foreign {
        assert!(key.contains("FOREIGN KEY (tenant_id, "), "{key}");
    }
    assert!(foreign.len() > 8);
    let without = database::texts(
        &url,
        "select table_name::text as text from information_schema.tables t where table_schema = 'public' and not exists \
         (select from information_schema.columns c where c.table_schema = 'public' and c.table_name = t.table_name \
          and c.column_name = 'tenant_id')",
    );
    for table in without {
        assert!(NOT_TENANT_OWNED.contains(&table.as_str()), "{table} has no tenant");
    }
}
