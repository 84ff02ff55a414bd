-- Who leads a department: whom what its people leave undone goes to.
alter table departments add column manager_id uuid;
alter table departments add foreign key (tenant_id, manager_id) references users (tenant_id, id);
create index departments_manager on departments (tenant_id, manager_id) where manager_id is not null;

-- How long a task may be overdue before who leads the assignee is told.
alter table tenants add column task_escalation_minutes integer not null default 1440;
alter table tenants add column version integer not null default 1;
alter table tenants add column updated_at timestamptz;
update tenants set updated_at = created_at;
alter table tenants alter column updated_at set not null;

-- What somebody has to do.
create table tasks (
    tenant_id uuid not null,
    id uuid not null,
    title text not null,
    description text,
    state text not null,
    priority text not null,
    due_at timestamptz,
    -- Those without are the last ones.
    due_order timestamptz not null generated always as (coalesce(due_at, timestamptz '9999-12-31 00:00:00+00')) stored,
    time_zone text not null,
    recurrence text,
    series_id uuid,
    occurrence integer,
    -- When the series began, and when this one was due by its rule, however it was put off since.
    series_starts_at timestamptz,
    scheduled_at timestamptz,
    escalate_after_minutes integer check (escalate_after_minutes >= 0),
    escalate_at timestamptz,
    escalated_at timestamptz,
    customer_id uuid,
    contact_id uuid,
    checklist jsonb not null,
    external_ids jsonb not null,
    assignee_id uuid not null,
    department_id uuid not null,
    created_by_type text not null,
    created_by_id uuid,
    completed_at timestamptz,
    completed_by_id uuid,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, assignee_id) references users (tenant_id, id),
    foreign key (tenant_id, department_id) references departments (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    foreign key (tenant_id, contact_id) references contacts (tenant_id, id),
    constraint tasks_contact_has_customer check (contact_id is null or customer_id is not null)
);
create index tasks_due on tasks (tenant_id, due_order, id) where deleted_at is null;
create index tasks_created on tasks (tenant_id, created_at, id) where deleted_at is null;
create index tasks_updated on tasks (tenant_id, updated_at, id) where deleted_at is null;
create index tasks_assignee on tasks (tenant_id, assignee_id, state, due_order, id) where deleted_at is null;
create index tasks_creator on tasks (tenant_id, created_by_id, due_order, id) where deleted_at is null;
create index tasks_department on tasks (tenant_id, department_id, due_order, id) where deleted_at is null;
create index tasks_customer on tasks (tenant_id, customer_id, due_order, id)
    where deleted_at is null and customer_id is not null;
create index tasks_contact on tasks (tenant_id, contact_id, due_order, id)
    where deleted_at is null and contact_id is not null;
-- Each occurrence of a series is made once.
create unique index tasks_series on tasks (tenant_id, series_id, occurrence) where series_id is not null;
create index tasks_escalating on tasks (tenant_id, escalate_at)
    where state = 'open' and deleted_at is null and escalated_at is null and escalate_at is not null;

-- When its assignee is to be reminded.
create table task_reminders (
    tenant_id uuid not null,
    task_id uuid not null,
    at timestamptz not null,
    told_at timestamptz,
    primary key (tenant_id, task_id, at),
    foreign key (tenant_id, task_id) references tasks (tenant_id, id) on delete cascade
);
create index task_reminders_due on task_reminders (tenant_id, at) where told_at is null;

update roles
set permissions = permissions || case
        when key in ('sales_manager', 'service_supervisor')
            then array['access.company:read', 'engagement.tasks:read', 'engagement.tasks:write', 'engagement.tasks:delete']
        else array['access.company:read', 'engagement.tasks:read', 'engagement.tasks:write']
    end,
    version = version + 1, updated_at = now()
where built_in and key <> 'admin' and deleted_at is null and not permissions && array['engagement.tasks:read'];
