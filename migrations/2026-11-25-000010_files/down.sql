update roles
set permissions = array(
        select word from unnest(permissions) with ordinality as words (word, place)
        where word not in ('platform.files:read', 'platform.files:write', 'platform.files:delete') order by place),
    version = version + 1, updated_at = now()
where permissions && array['platform.files:read', 'platform.files:write', 'platform.files:delete'];
drop table file_links, files;
