-- A list that is filtered by a value which few of the newest customers have would read all of them, newest first, until
-- the page is full. Each filter that asks for one value of a column gets its own order.
set local lock_timeout = '10s';
create index customers_kind on customers (tenant_id, kind, created_at, id) where deleted_at is null;
create index customers_grade on customers (tenant_id, grade, created_at, id) where deleted_at is null;
create index customers_stage on customers (tenant_id, lifecycle_stage, created_at, id) where deleted_at is null;
create index customers_industry on customers (tenant_id, industry, created_at, id)
    where deleted_at is null and industry is not null;
create index customers_source on customers (tenant_id, source, created_at, id)
    where deleted_at is null and source is not null;
create index customers_vip on customers (tenant_id, created_at, id) where deleted_at is null and vip;
