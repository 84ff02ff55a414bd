-- What people did: calls, mails, visits, meetings, notes.
create table activities (
    tenant_id uuid not null,
    id uuid not null,
    kind text not null,
    direction text,
    subject text not null,
    body text,
    outcome text,
    started_at timestamptz not null,
    duration_seconds integer check (duration_seconds >= 0),
    participants jsonb not null,
    items jsonb not null,
    external_ids jsonb not null,
    owner_id uuid,
    department_id uuid not null,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, owner_id) references users (tenant_id, id),
    foreign key (tenant_id, department_id) references departments (tenant_id, id)
);
create index activities_started on activities (tenant_id, started_at, id) where deleted_at is null;
create index activities_updated on activities (tenant_id, updated_at, id) where deleted_at is null;
create index activities_owner on activities (tenant_id, owner_id, started_at, id) where deleted_at is null;
create index activities_department on activities (tenant_id, department_id, started_at, id) where deleted_at is null;
create index activities_promises on activities (tenant_id, started_at, id)
    where deleted_at is null and items @> '[{"kind": "promise", "done": false}]';

-- On which records an activity shows. Each kind of record has a column, so that the key is a real one. The instant is that of
-- the activity: a customer's timeline is read in its order.
create table activity_links (
    tenant_id uuid not null,
    activity_id uuid not null,
    subject_id uuid not null generated always as (coalesce(customer_id, contact_id)) stored,
    customer_id uuid,
    contact_id uuid,
    started_at timestamptz not null,
    created_at timestamptz not null,
    primary key (tenant_id, activity_id, subject_id),
    foreign key (tenant_id, activity_id) references activities (tenant_id, id) on delete cascade,
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    foreign key (tenant_id, contact_id) references contacts (tenant_id, id),
    constraint activity_links_one check (num_nonnulls(customer_id, contact_id) = 1)
);
create index activity_links_customer on activity_links (tenant_id, customer_id, started_at, activity_id)
    where customer_id is not null;
create index activity_links_contact on activity_links (tenant_id, contact_id, started_at, activity_id)
    where contact_id is not null;

update roles
set permissions = permissions || case
        when key in ('sales_manager', 'sales_rep', 'service_supervisor')
            then array['engagement.activities:read', 'engagement.activities:write', 'engagement.activities:delete']
        else array['engagement.activities:read', 'engagement.activities:write']
    end,
    version = version + 1, updated_at = now()
where built_in and key in ('sales_manager', 'sales_rep', 'service_agent', 'service_supervisor', 'integration')
    and deleted_at is null and not permissions && array['engagement.activities:read'];
