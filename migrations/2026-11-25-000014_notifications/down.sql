update roles
set permissions = array(
        select word from unnest(permissions) with ordinality as words (word, place)
        where word <> 'platform.notifications:read' order by place),
    version = version + 1, updated_at = now()
where permissions && array['platform.notifications:read'];
alter table installation drop column mails_until;
drop table notification_preferences, notifications;
