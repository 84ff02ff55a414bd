-- What people are told, and by which ways.
create table notifications (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    -- Who is told.
    user_id uuid not null,
    kind text not null,
    -- What it is the notification of: told once, however often somebody wants to tell it.
    key text not null,
    subject_type text,
    subject_id uuid,
    customer_id uuid,
    -- What its texts are made of.
    data jsonb not null,
    -- Whether it stands in the inbox.
    in_app boolean not null,
    mail_state text not null check (mail_state in ('none', 'waiting', 'digest', 'sent', 'failed')),
    mailed_at timestamptz,
    -- The mail that it is told in together with others. It is settled before that is sent, so that who repeats it sends the same.
    digest_id uuid,
    created_at timestamptz not null,
    read_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, user_id) references users (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    check ((subject_type is null) = (subject_id is null))
);
create unique index notifications_key on notifications (tenant_id, user_id, key);
create index notifications_inbox on notifications (tenant_id, user_id, created_at, id) where in_app;
create index notifications_unread on notifications (tenant_id, user_id, created_at, id) include (kind)
    where in_app and read_at is null;
create index notifications_digest on notifications (tenant_id, user_id, created_at, id) where mail_state = 'digest';
-- For removing what is past its time.
create index notifications_created on notifications (tenant_id, created_at);
create index notifications_read on notifications (tenant_id, read_at) where read_at is not null;

-- What somebody wants to be told by which way; who never said anything has no row.
create table notification_preferences (
    tenant_id uuid not null,
    user_id uuid not null,
    -- What differs from the usual, by kind.
    preferences jsonb not null,
    -- In the person's time zone; the usual one when null.
    digest_hour smallint check (digest_hour between 0 and 23),
    version integer not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, user_id),
    foreign key (tenant_id, user_id) references users (tenant_id, id)
);

-- Until then somebody is believed to send mail; who does says so again and again.
set local lock_timeout = '10s';
alter table installation add column mails_until timestamptz;

update roles
set permissions = permissions || array['platform.notifications:read'], version = version + 1, updated_at = now()
where built_in and key = 'integration' and deleted_at is null
    and not permissions && array['platform.notifications:read'];
