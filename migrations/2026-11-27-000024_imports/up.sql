-- Spreadsheets that are brought in: what they are, how they are to be read, and what became of them.
create table imports (
    tenant_id uuid not null,
    id uuid not null,
    object_type text not null,
    file_id uuid not null,
    file_name text not null,
    file_sha256 bytea not null,
    state text not null,
    -- How the file is read, which column is which field, what happens to what is there already.
    settings jsonb not null,
    -- What was found in the file; null until it was looked at.
    analysis jsonb,
    -- Why the file can't be read.
    failure jsonb,
    -- What came of the last check or of the import, in figures.
    report jsonb,
    error_file_id uuid,
    operation_id uuid,
    created_by_type text not null,
    created_by_id uuid,
    version integer not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (tenant_id, id)
);
create index imports_created on imports (tenant_id, created_at, id);
create index imports_file on imports (tenant_id, file_sha256);
create index imports_files on imports (tenant_id, file_id);
create index imports_error_files on imports (tenant_id, error_file_id) where error_file_id is not null;

-- What became of a row, as far as there is something to be told or to be taken back. It outlives what it names.
create table import_rows (
    tenant_id uuid not null,
    import_id uuid not null,
    row_number integer not null,
    outcome text not null,
    customer_id uuid,
    contact_id uuid,
    customer_created boolean not null,
    contact_created boolean not null,
    -- The versions that the import left behind; null where it changed nothing.
    customer_version integer,
    contact_version integer,
    -- What was there before it was changed.
    customer_before jsonb,
    contact_before jsonb,
    errors jsonb,
    duplicates jsonb,
    undo text,
    primary key (tenant_id, import_id, row_number),
    foreign key (tenant_id, import_id) references imports (tenant_id, id)
);
create index import_rows_customer on import_rows (tenant_id, import_id, customer_id) where customer_id is not null;

-- Mappings that are used again.
create table import_templates (
    tenant_id uuid not null,
    id uuid not null,
    name text not null,
    object_type text not null,
    settings jsonb not null,
    version integer not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id)
);
create unique index import_templates_name on import_templates (tenant_id, lower(name)) where deleted_at is null;
create index import_templates_created on import_templates (tenant_id, created_at, id);

update roles
set permissions = permissions || array['platform.imports:read', 'platform.imports:write'], version = version + 1, updated_at = now()
where built_in and key in ('sales_manager', 'integration')
    and deleted_at is null and not permissions && array['platform.imports:write'];
