-- Customers that were given from their owners to somebody else, all at once.
create table handovers (
    tenant_id uuid not null,
    id uuid not null,
    to_owner_id uuid not null,
    with_tasks boolean not null,
    note text,
    customer_count bigint not null,
    task_count bigint not null,
    -- What is given over: by grade, VIPs, tasks that are overdue; for the receiver.
    summary jsonb not null,
    created_by_type text not null,
    created_by_id uuid,
    created_at timestamptz not null,
    finished_at timestamptz,
    undone_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, to_owner_id) references users (tenant_id, id)
);
create index handovers_created on handovers (tenant_id, created_at, id);

create table handover_items (
    tenant_id uuid not null,
    handover_id uuid not null,
    customer_id uuid not null,
    from_owner_id uuid,
    task_ids uuid[] not null,
    primary key (tenant_id, handover_id, customer_id),
    foreign key (tenant_id, handover_id) references handovers (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id)
);
create index handover_items_customer on handover_items (tenant_id, customer_id);
