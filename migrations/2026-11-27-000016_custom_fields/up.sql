set local lock_timeout = '10s';

-- What a company keeps of its records beyond what everybody keeps.
create table custom_fields (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    object_type text not null,
    key text collate "C" not null,
    label text not null,
    help text,
    kind text not null,
    -- Of which kinds of customers; empty is all.
    customer_kinds text[] not null,
    required boolean not null,
    is_unique boolean not null,
    filterable boolean not null,
    searchable boolean not null,
    default_value jsonb,
    limits jsonb not null,
    choices jsonb not null,
    position integer not null,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id)
);
-- Archived ones, too: a key never gets another meaning.
create unique index custom_fields_key on custom_fields (tenant_id, object_type, key);
create index custom_fields_position on custom_fields (tenant_id, position, id) where deleted_at is null;

-- Values that only one live record may have.
create table custom_unique_values (
    tenant_id uuid not null,
    field_id uuid not null,
    value text collate "C" not null,
    subject_id uuid not null,
    primary key (tenant_id, field_id, value),
    foreign key (tenant_id, field_id) references custom_fields (tenant_id, id)
);
create index custom_unique_values_subject on custom_unique_values (tenant_id, subject_id);

-- Another one with each change of what a kind of record is made of: who has read that with it needn't read it again.
create table object_definitions (
    tenant_id uuid not null references tenants (id),
    object_type text not null,
    version uuid not null,
    primary key (tenant_id, object_type)
);

-- custom_texts: the values that the record is found by. A default without a table to rewrite.
alter table customers
    add column custom jsonb not null default '{}',
    add column custom_texts text[] not null default '{}';
alter table contacts
    add column custom jsonb not null default '{}',
    add column custom_texts text[] not null default '{}';

-- A number as it stands in JSON, or as a decimal text; null for everything else, so that an index over it takes any value.
create function custom_number(value jsonb) returns numeric
    language sql immutable strict parallel safe
    as $$
    select case
        when jsonb_typeof(value) in ('number', 'string') and (value #>> '{}') ~ '^-?[0-9]{1,25}(\.[0-9]{1,17})?$'
            then (value #>> '{}')::numeric
    end
    $$;

update roles
set permissions = permissions || array['customers.custom_fields:read'], version = version + 1, updated_at = now()
where built_in and key in ('sales_manager', 'sales_rep', 'service_agent', 'service_supervisor', 'marketing', 'finance',
    'integration')
    and deleted_at is null and not permissions && array['customers.custom_fields:read'];
