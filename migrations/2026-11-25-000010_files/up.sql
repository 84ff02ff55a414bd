-- What is known of a file; its content lies in the file store under tenant_id/id.
create table files (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    name text not null,
    media_type text not null,
    size bigint not null check (size >= 0),
    sha256 bytea not null,
    uploaded_by_type text not null,
    uploaded_by_id uuid,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id)
);
create index files_created on files (tenant_id, created_at, id) where deleted_at is null;
create index files_uploader on files (tenant_id, uploaded_by_id, created_at, id) where deleted_at is null;

-- Which record a file belongs to, and as what.
create table file_links (
    tenant_id uuid not null,
    file_id uuid not null,
    subject_type text not null,
    subject_id uuid not null,
    document_kind text,
    created_at timestamptz not null,
    primary key (tenant_id, file_id, subject_type, subject_id),
    foreign key (tenant_id, file_id) references files (tenant_id, id) on delete cascade
);
create index file_links_subject on file_links (tenant_id, subject_type, subject_id, file_id);

update roles
set permissions = permissions || case
        when key in ('marketing') then array['platform.files:read']
        when key in ('sales_manager', 'service_supervisor')
            then array['platform.files:read', 'platform.files:write', 'platform.files:delete']
        else array['platform.files:read', 'platform.files:write']
    end,
    version = version + 1, updated_at = now()
where built_in and key <> 'admin' and deleted_at is null and not permissions && array['platform.files:read'];
