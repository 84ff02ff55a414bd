create table customers (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    number text collate "C" not null,
    kind text not null,
    name text collate "C" not null,
    credit_code text,
    phone text,
    email text,
    website text,
    grade text,
    vip boolean not null,
    lifecycle_stage text not null,
    industry text,
    industry_detail text,
    staff_count integer,
    annual_revenue_amount numeric(20, 4),
    annual_revenue_currency text,
    source text,
    pain_points text[] not null,
    tags text[] not null,
    address jsonb,
    born_on date,
    notes text,
    external_ids jsonb not null,
    owner_id uuid,
    department_id uuid not null,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, owner_id) references users (tenant_id, id),
    foreign key (tenant_id, department_id) references departments (tenant_id, id),
    constraint customers_revenue check ((annual_revenue_amount is null) = (annual_revenue_currency is null))
);
create unique index customers_number on customers (tenant_id, number);
create unique index customers_credit_code on customers (tenant_id, credit_code)
    where deleted_at is null and credit_code is not null;
create index customers_created on customers (tenant_id, created_at, id) where deleted_at is null;
create index customers_updated on customers (tenant_id, updated_at, id) where deleted_at is null;
create index customers_name on customers (tenant_id, name, id) where deleted_at is null;
create index customers_owner on customers (tenant_id, owner_id, created_at, id) where deleted_at is null;
create index customers_department on customers (tenant_id, department_id, created_at, id)
    where deleted_at is null;

create table contacts (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    customer_id uuid not null,
    name text collate "C" not null,
    title text,
    phones jsonb not null,
    emails jsonb not null,
    decision_role text,
    is_primary boolean not null,
    born_on date,
    notes text,
    external_ids jsonb not null,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id)
);
create index contacts_customer on contacts (tenant_id, customer_id, created_at, id) where deleted_at is null;
create unique index contacts_primary on contacts (tenant_id, customer_id)
    where deleted_at is null and is_primary;
create index contacts_created on contacts (tenant_id, created_at, id) where deleted_at is null;
create index contacts_updated on contacts (tenant_id, updated_at, id) where deleted_at is null;
create index contacts_name on contacts (tenant_id, name, id) where deleted_at is null;
