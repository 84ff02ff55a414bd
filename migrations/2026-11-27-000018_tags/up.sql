-- The tags that a company uses, with what they look like. Records hold their names.
create table tags (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    name text collate "C" not null,
    color text,
    group_name text,
    description text,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id)
);
create unique index tags_name on tags (tenant_id, lower(name)) where deleted_at is null;
create index tags_created on tags (tenant_id, created_at, id) where deleted_at is null;

update roles
set permissions = permissions || array['customers.tags:read'], version = version + 1, updated_at = now()
where built_in and key in ('sales_manager', 'sales_rep', 'service_agent', 'service_supervisor', 'marketing', 'finance',
    'integration')
    and deleted_at is null and not permissions && array['customers.tags:read'];
update roles
set permissions = permissions || array['customers.tags:write'], version = version + 1, updated_at = now()
where built_in and key in ('sales_manager', 'service_supervisor', 'marketing')
    and deleted_at is null and not permissions && array['customers.tags:write'];
