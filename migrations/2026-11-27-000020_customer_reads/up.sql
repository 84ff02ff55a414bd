-- Who has looked at the whole file of a customer. Not in the event log: it would tell followers of the log of every look.
create table customer_reads (
    tenant_id uuid not null,
    id uuid not null,
    customer_id uuid not null,
    actor_type text not null,
    actor_id uuid,
    request_id text,
    at timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id)
);
create index customer_reads_customer on customer_reads (tenant_id, customer_id, at, id);
create index customer_reads_at on customer_reads (tenant_id, at, id);
