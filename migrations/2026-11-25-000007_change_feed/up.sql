-- The feed reads the log by spans of transactions.
set local lock_timeout = '10s';
create index events_xid on events (tenant_id, xid, seq);
