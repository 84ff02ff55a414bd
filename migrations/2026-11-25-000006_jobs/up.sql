-- Processes that do jobs. One that has not been heard of for a while is taken for dead, and its jobs are done by others.
create table workers (
    id uuid primary key,
    host text not null,
    process integer not null,
    started_at timestamptz not null,
    -- By the clock of the database: the one clock that all workers share.
    seen_at timestamptz not null,
    -- Milliseconds without a sign of life after which it counts as dead.
    silence bigint not null
);

-- Work for later, put down in the transaction that wants it done. Jobs of the installation itself have the tenant 0.
create table jobs (
    tenant_id uuid not null,
    id uuid not null,
    kind text not null,
    state text not null check (state in ('waiting', 'running', 'succeeded', 'dead', 'discarded')),
    -- 0 before 1 before 2, among the jobs of one tenant
    priority smallint not null check (priority between 0 and 2),
    payload jsonb not null,
    -- At most one with this key waits; one that is running already may have read what has changed since.
    unique_key text,
    requested_by_type text,
    requested_by_id uuid,
    run_at timestamptz not null check (isfinite(run_at)),
    attempts integer not null check (attempts between 0 and 1000000),
    max_attempts integer not null check (max_attempts between 1 and 1000000),
    worker_id uuid,
    last_error text,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (tenant_id, id)
);
create index jobs_waiting on jobs (tenant_id, priority, run_at, id) where state = 'waiting';
create index jobs_running on jobs (tenant_id, worker_id) where state = 'running';
-- Of the same requester: nobody's work is done with somebody else's rights.
create unique index jobs_unique
    on jobs (tenant_id, kind, unique_key, coalesce(requested_by_id, '00000000-0000-0000-0000-000000000000'))
    where state = 'waiting' and unique_key is not null;
create index jobs_created on jobs (tenant_id, created_at, id);
create index jobs_state on jobs (tenant_id, state, created_at, id);
create index jobs_kind on jobs (tenant_id, kind, created_at, id);
create index jobs_requester on jobs (tenant_id, requested_by_id, created_at, id) where requested_by_id is not null;
-- For counting what isn't done.
create index jobs_open on jobs (tenant_id, kind, state, run_at) where state in ('waiting', 'running', 'dead');

-- What is to be done again and again.
create table job_schedules (
    tenant_id uuid not null,
    name text not null,
    kind text not null,
    payload jsonb not null,
    priority smallint not null check (priority between 0 and 2),
    max_attempts integer not null check (max_attempts between 1 and 1000000),
    requested_by_type text,
    requested_by_id uuid,
    cron text not null,
    time_zone text not null,
    next_at timestamptz not null check (isfinite(next_at)),
    last_at timestamptz,
    primary key (tenant_id, name)
);
create index job_schedules_due on job_schedules (tenant_id, next_at);
