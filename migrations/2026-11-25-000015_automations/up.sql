-- Automations follow the log as webhooks do.
alter table webhook_places rename to log_places;
alter table log_places add column follower text not null default 'webhooks';
alter table log_places alter column follower drop default;
alter table log_places drop constraint webhook_places_pkey;
alter table log_places add primary key (tenant_id, follower);
alter table log_places rename constraint webhook_places_tenant_id_fkey to log_places_tenant_id_fkey;

-- What the system does when something happens, or when a time comes.
create table automations (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    name text not null,
    description text,
    trigger jsonb not null,
    condition text,
    actions jsonb not null,
    -- With whose rights: of who wrote it last.
    author_type text not null,
    author_id uuid not null,
    -- For those that wait for a time.
    next_at timestamptz,
    listens_after text not null,
    disabled_at timestamptz,
    disabled_reason text,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id)
);
create unique index automations_name on automations (tenant_id, name) where deleted_at is null;
create index automations_created on automations (tenant_id, created_at, id) where deleted_at is null;
create index automations_next on automations (tenant_id, next_at)
    where deleted_at is null and disabled_at is null and next_at is not null;

-- What they were before.
create table automation_versions (
    tenant_id uuid not null,
    automation_id uuid not null,
    version integer not null,
    content jsonb not null,
    author_type text not null,
    author_id uuid,
    created_at timestamptz not null,
    primary key (tenant_id, automation_id, version),
    foreign key (tenant_id, automation_id) references automations (tenant_id, id) on delete cascade
);

-- What became of each time that they were asked.
create table automation_runs (
    tenant_id uuid not null,
    id uuid not null,
    automation_id uuid not null,
    automation_version integer not null,
    -- What it was asked by: once for each.
    key text not null,
    event_seq bigint,
    event_at timestamptz,
    event_type text,
    subject_type text,
    subject_id uuid,
    depth integer not null,
    state text not null,
    reason text,
    detail text,
    actions jsonb not null,
    created_at timestamptz not null,
    finished_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, automation_id) references automations (tenant_id, id) on delete cascade
);
create unique index automation_runs_key on automation_runs (tenant_id, automation_id, key);
create index automation_runs_waiting on automation_runs (tenant_id, created_at, id) where state = 'waiting';
create index automation_runs_created on automation_runs (tenant_id, created_at, id);
create index automation_runs_automation on automation_runs (tenant_id, automation_id, created_at, id);
create index automation_runs_state on automation_runs (tenant_id, state, created_at, id);
create index automation_runs_subject on automation_runs (tenant_id, subject_id, created_at, id) where subject_id is not null;
create index automation_runs_fired on automation_runs (tenant_id, automation_id, finished_at) include (subject_id)
    where state = 'fired';

update roles
set permissions = permissions || array['platform.automations:read', 'platform.automations:write'],
    version = version + 1, updated_at = now()
where built_in and key in ('sales_manager', 'service_supervisor')
    and deleted_at is null and not permissions && array['platform.automations:read'];

-- Automations call webhooks.
alter table webhook_deliveries drop constraint webhook_deliveries_origin_check;
alter table webhook_deliveries add constraint webhook_deliveries_origin_check
    check (origin in ('event', 'test', 'replay', 'automation')) not valid;
alter table webhook_deliveries validate constraint webhook_deliveries_origin_check;
