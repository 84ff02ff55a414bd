update roles
set permissions = array(
        select word from unnest(permissions) with ordinality as words (word, place)
        where word not in ('access.company:read', 'access.company:write', 'engagement.tasks:read', 'engagement.tasks:write',
            'engagement.tasks:delete') order by place),
    version = version + 1, updated_at = now()
where permissions && array['access.company:read', 'access.company:write', 'engagement.tasks:read', 'engagement.tasks:write',
    'engagement.tasks:delete'];
drop table task_reminders, tasks;
alter table tenants drop column task_escalation_minutes, drop column version, drop column updated_at;
alter table departments drop column manager_id;
