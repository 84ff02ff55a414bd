delete from webhook_deliveries where origin = 'automation';
alter table webhook_deliveries drop constraint webhook_deliveries_origin_check;
alter table webhook_deliveries add constraint webhook_deliveries_origin_check
    check (origin in ('event', 'test', 'replay'));
update roles
set permissions = array(
        select word from unnest(permissions) with ordinality as words (word, place)
        where word not in ('platform.automations:read', 'platform.automations:write') order by place),
    version = version + 1, updated_at = now()
where permissions && array['platform.automations:read', 'platform.automations:write'];
drop table automation_runs, automation_versions, automations;
delete from log_places where follower <> 'webhooks';
alter table log_places drop constraint log_places_pkey;
alter table log_places drop column follower;
alter table log_places rename to webhook_places;
alter table webhook_places add constraint webhook_places_pkey primary key (tenant_id);
alter table webhook_places rename constraint log_places_tenant_id_fkey to webhook_places_tenant_id_fkey;
