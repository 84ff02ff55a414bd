-- Long requests: what is to be said of them beside the job that does them, which has the same id.
create table operations (
    tenant_id uuid not null,
    id uuid not null,
    -- Units of work: done, and in all as far as that is known.
    done bigint not null default 0 check (done >= 0),
    total bigint check (total >= 0),
    -- Where the next step goes on.
    checkpoint jsonb,
    result jsonb,
    cancel_requested_at timestamptz,
    cancelled_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, id) references jobs (tenant_id, id) on delete cascade
);

-- Everybody who can make one may follow it. The administrator gets the words when the program starts.
update roles
set permissions = permissions || array['platform.operations:read', 'platform.operations:write'],
    version = version + 1, updated_at = now()
where built_in and key <> 'admin' and deleted_at is null
    and not permissions && array['platform.operations:read', 'platform.operations:write'];
