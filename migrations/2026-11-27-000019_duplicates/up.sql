set local lock_timeout = '10s';

-- Two customers that may be the same, for somebody to decide.
create table duplicate_pairs (
    tenant_id uuid not null,
    id uuid not null,
    -- The smaller id first.
    first_id uuid not null,
    second_id uuid not null,
    score smallint not null check (score between 0 and 100),
    reasons text[] not null,
    origin text not null,
    state text not null check (state in ('open', 'dismissed', 'merged')),
    assignee_id uuid,
    note text,
    decided_by_type text,
    decided_by_id uuid,
    decided_at timestamptz,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, first_id) references customers (tenant_id, id),
    foreign key (tenant_id, second_id) references customers (tenant_id, id),
    foreign key (tenant_id, assignee_id) references users (tenant_id, id),
    check (first_id < second_id)
);
create unique index duplicate_pairs_customers on duplicate_pairs (tenant_id, first_id, second_id);
create index duplicate_pairs_second on duplicate_pairs (tenant_id, second_id);
create index duplicate_pairs_created on duplicate_pairs (tenant_id, state, created_at, id);
create index duplicate_pairs_assignee on duplicate_pairs (tenant_id, assignee_id, state, created_at, id);

-- A customer that became part of another one: what it was, and what went over, so that it can be brought back.
create table customer_merges (
    tenant_id uuid not null,
    id uuid not null,
    survivor_id uuid not null,
    merged_id uuid not null,
    -- The fields of both before, and of the survivor afterwards.
    survivor_before jsonb not null,
    survivor_after jsonb not null,
    merged_before jsonb not null,
    -- Ids of what went over, by what it is.
    moved jsonb not null,
    note text,
    merged_by_type text not null,
    merged_by_id uuid,
    undone_by_type text,
    undone_by_id uuid,
    undone_at timestamptz,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, survivor_id) references customers (tenant_id, id),
    foreign key (tenant_id, merged_id) references customers (tenant_id, id)
);
create index customer_merges_survivor on customer_merges (tenant_id, survivor_id, created_at, id);
create unique index customer_merges_merged on customer_merges (tenant_id, merged_id) where undone_at is null;
create index customer_merges_created on customer_merges (tenant_id, created_at, id);

alter table customers add column merged_into_id uuid;

-- What customers from before are found by when another one is compared with them: a job for each company.
insert into jobs (tenant_id, id, kind, state, priority, payload, unique_key, run_at, attempts, max_attempts, created_at, lane)
select id, gen_random_uuid(), 'customers.duplicate_terms', 'waiting', 2, '{}', 'all', now(), 0, 12, now(), 0 from tenants;

update roles
set permissions = permissions || array['customers.duplicates:read'], version = version + 1, updated_at = now()
where built_in and key in ('sales_manager', 'sales_rep', 'service_agent', 'service_supervisor', 'marketing', 'integration')
    and deleted_at is null and not permissions && array['customers.duplicates:read'];
update roles
set permissions = permissions || array['customers.duplicates:write', 'customers.customers:merge'], version = version + 1,
    updated_at = now()
where built_in and key in ('sales_manager', 'service_supervisor')
    and deleted_at is null and not permissions && array['customers.customers:merge'];
