set local lock_timeout = '10s';

-- What the file of a customer of a kind has to hold. Companies without a row of their own go by the usual one.
create table field_standards (
    tenant_id uuid not null references tenants (id),
    customer_kind text not null,
    rules jsonb not null,
    version integer not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, customer_kind)
);

-- How much of it is there, in percent, and what isn't. They follow from the record, its contacts and the standard, and are
-- no part of its version.
alter table customers
    add column completeness smallint not null default 0,
    add column missing text[] not null default '{}';
create index customers_completeness on customers (tenant_id, owner_id, department_id, completeness)
    where deleted_at is null;

-- Customers from before are looked at by a job for each company.
insert into jobs (tenant_id, id, kind, state, priority, payload, unique_key, run_at, attempts, max_attempts, created_at, lane)
select id, gen_random_uuid(), 'customers.completeness', 'waiting', 2, '{}', 'all', now(), 0, 12, now(), 0 from tenants;
