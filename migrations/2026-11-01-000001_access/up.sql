-- Every tenant-owned table starts its keys with tenant_id: the database itself refuses a reference
-- from one company to another, and the schema can be spread over machines by tenant.

create table tenants (
    id uuid primary key,
    slug text not null unique,
    name text not null,
    time_zone text not null,
    currency text not null,
    region text not null,
    locale text not null,
    created_at timestamptz not null,
    constraint tenants_slug_shape check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')
);

create table departments (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    parent_id uuid,
    name text not null,
    -- ids from the root down to this one, each followed by a slash: a subtree is a prefix.
    path text collate "C" not null,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, parent_id) references departments (tenant_id, id)
);
create index departments_path on departments (tenant_id, path);
create unique index departments_name on departments
    (tenant_id, coalesce(parent_id, '00000000-0000-0000-0000-000000000000'), name) where deleted_at is null;

create table roles (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    key text not null,
    name text not null,
    permissions text[] not null,
    data_scope text not null,
    built_in boolean not null,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id),
    constraint roles_data_scope check (data_scope in ('own', 'department', 'subtree', 'tenant'))
);
create unique index roles_key on roles (tenant_id, key) where deleted_at is null;

create table users (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    email text not null,
    name text not null,
    password_hash text,
    department_id uuid not null,
    role_id uuid not null,
    locale text not null,
    time_zone text,
    disabled_at timestamptz,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, department_id) references departments (tenant_id, id),
    foreign key (tenant_id, role_id) references roles (tenant_id, id)
);
create unique index users_email on users (tenant_id, email) where deleted_at is null;
create index users_department on users (tenant_id, department_id);
create index users_role on users (tenant_id, role_id);

create table sessions (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    user_id uuid not null,
    -- Refresh tokens are not stored: each is an authentication code over (session, salt, generation).
    salt bytea not null,
    generation integer not null,
    user_agent text,
    address text,
    created_at timestamptz not null,
    rotated_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_reason text,
    primary key (tenant_id, id),
    foreign key (tenant_id, user_id) references users (tenant_id, id)
);
create index sessions_user on sessions (tenant_id, user_id, created_at);
create index sessions_expiry on sessions (tenant_id, expires_at);

create table api_clients (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    name text not null,
    permissions text[] not null,
    data_scope text not null,
    department_id uuid not null,
    secret_hash bytea not null,
    disabled_at timestamptz,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, department_id) references departments (tenant_id, id),
    constraint api_clients_data_scope check (data_scope in ('own', 'department', 'subtree', 'tenant'))
);
create unique index api_clients_name on api_clients (tenant_id, name) where deleted_at is null;

create table api_keys (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    client_id uuid not null,
    name text not null,
    prefix text not null,
    secret_hash bytea not null,
    permissions text[] not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, client_id) references api_clients (tenant_id, id)
);
create index api_keys_client on api_keys (tenant_id, client_id, created_at);

-- Failed sign-ins per account and per address. Not tenant-owned: the tenant may be wrong, too.
-- Unlogged, because losing it in a crash only forgives a few failures.
create unlogged table login_failures (
    key bytea primary key,
    failures integer not null,
    window_ends_at timestamptz not null
);
create index login_failures_window on login_failures (window_ends_at);
