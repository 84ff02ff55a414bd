-- Jobs that wait for somebody out there have places of their own: they don't hold up those that work.
set local lock_timeout = '10s';
alter table jobs add column lane smallint not null default 0 check (lane between 0 and 1);
drop index jobs_waiting;
create index jobs_waiting on jobs (tenant_id, lane, priority, run_at, id) where state = 'waiting';

-- Who wants to be told of what happens.
create table webhooks (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    name text not null,
    url text not null,
    -- `customer.updated`, `customer.*` or `*`
    event_types text[] not null,
    -- CEL
    filter text,
    -- Encrypted.
    secret bytea not null,
    previous_secret bytea,
    previous_secret_until timestamptz,
    -- What had happened when it began to listen is not told: a snapshot (pg_snapshot).
    listens_after text not null,
    -- Grows each time that it begins: what was put down in a former period is not sent any more.
    period integer not null,
    disabled_at timestamptz,
    disabled_reason text check (disabled_reason in ('manual', 'gone', 'failing', 'filter')),
    -- Since when nothing has got through.
    failing_since timestamptz,
    -- Until then somebody is sending; who dies meanwhile is not waited for any longer.
    busy_until timestamptz,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id),
    check ((disabled_at is null) = (disabled_reason is null))
);
create unique index webhooks_name on webhooks (tenant_id, name) where deleted_at is null;
create index webhooks_created on webhooks (tenant_id, created_at, id) where deleted_at is null;

-- How far the log of a company has been told: a place of the change feed.
create table webhook_places (
    tenant_id uuid primary key references tenants (id),
    first_xid bigint not null,
    behind_xid bigint not null,
    seq bigint not null
);

-- What is told to whom.
create table webhook_deliveries (
    tenant_id uuid not null,
    id uuid not null,
    webhook_id uuid not null,
    period integer not null,
    -- The same for each attempt and each repetition.
    message_id text not null,
    event_type text not null,
    -- Nothing in a test.
    event_seq bigint,
    event_at timestamptz,
    origin text not null check (origin in ('event', 'test', 'replay')),
    state text not null check (state in ('waiting', 'succeeded', 'failed', 'cancelled')),
    attempts integer not null default 0,
    next_at timestamptz,
    -- After everything that isn't.
    later boolean not null default false,
    created_at timestamptz not null,
    finished_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, webhook_id) references webhooks (tenant_id, id),
    check ((state = 'waiting') = (next_at is not null))
);
create index webhook_deliveries_due on webhook_deliveries (tenant_id, webhook_id, later, next_at, id)
    where state = 'waiting';
create index webhook_deliveries_ended on webhook_deliveries (tenant_id, finished_at) where finished_at is not null;
create unique index webhook_deliveries_once on webhook_deliveries (tenant_id, webhook_id, event_seq)
    where origin = 'event';
create index webhook_deliveries_created on webhook_deliveries (tenant_id, created_at, id);
create index webhook_deliveries_webhook on webhook_deliveries (tenant_id, webhook_id, created_at, id);
create index webhook_deliveries_state on webhook_deliveries (tenant_id, state, created_at, id);

-- What came of it, each time.
create table webhook_attempts (
    tenant_id uuid not null,
    delivery_id uuid not null,
    number integer not null,
    at timestamptz not null,
    duration_ms integer not null,
    status smallint,
    error text,
    response text,
    primary key (tenant_id, delivery_id, number),
    foreign key (tenant_id, delivery_id) references webhook_deliveries (tenant_id, id) on delete cascade
);
