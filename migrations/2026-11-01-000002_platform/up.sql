-- The one log: audit trail, timeline, change feed, webhooks, automation. Rows are only ever added.
create table events (
    tenant_id uuid not null,
    seq bigint generated always as identity,
    at timestamptz not null,
    -- With the snapshot's xmin this tells a reader whether an earlier transaction can still commit.
    xid bigint not null,
    type text not null,
    subject_type text not null,
    subject_id uuid not null,
    customer_id uuid,
    actor_type text not null,
    actor_id uuid,
    request_id text,
    version integer,
    changes jsonb not null,
    primary key (tenant_id, seq, at)
) partition by range (at);
-- Months are made ahead; this one catches what a wrong clock or a stopped installation would lose.
create table events_default partition of events default;
create index events_subject on events (tenant_id, subject_id, seq);
create index events_customer on events (tenant_id, customer_id, seq) where customer_id is not null;
create index events_actor on events (tenant_id, actor_id, seq);
create index events_type on events (tenant_id, type, seq);

create table idempotency_keys (
    tenant_id uuid not null references tenants (id),
    principal_id uuid not null,
    method text not null,
    path text not null,
    key text not null,
    request_hash bytea not null,
    status smallint not null,
    -- Encrypted: an answer may hold a secret that is shown only once.
    answer bytea not null,
    created_at timestamptz not null,
    primary key (tenant_id, principal_id, method, path, key)
);
create index idempotency_keys_age on idempotency_keys (tenant_id, created_at);

-- Next free number of each human-readable series (C2026…). Processes take blocks, so that concurrent
-- creates never wait for each other; gaps are fine.
-- Taken on another connection, also for a tenant that is not committed yet: no foreign key.
create table number_series (
    tenant_id uuid not null,
    series text not null,
    next bigint not null,
    primary key (tenant_id, series)
);

create table external_ids (
    tenant_id uuid not null references tenants (id),
    subject_type text not null,
    system text not null,
    external_id text not null,
    subject_id uuid not null,
    primary key (tenant_id, subject_type, system, external_id)
);
create index external_ids_subject on external_ids (tenant_id, subject_type, subject_id);

-- Substring search as a prefix scan: one row per starting position of a searchable value, in byte
-- order, so that the first page of any query costs the same in a tenant of any size. subject_id is the
-- record that is found, source_id the record that the text stands in (a contact of a customer).
create table search_terms (
    tenant_id uuid not null references tenants (id),
    subject_id uuid not null,
    source_id uuid not null,
    field smallint not null,
    term text collate "C" not null,
    primary key (tenant_id, subject_id, source_id, field, term)
);
create unique index search_terms_lookup on search_terms (tenant_id, field, term, subject_id, source_id);
