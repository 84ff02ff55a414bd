drop table webhook_attempts, webhook_deliveries, webhook_places, webhooks;
drop index jobs_waiting;
alter table jobs drop column lane;
create index jobs_waiting on jobs (tenant_id, priority, run_at, id) where state = 'waiting';
