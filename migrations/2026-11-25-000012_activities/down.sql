update roles
set permissions = array(
        select word from unnest(permissions) with ordinality as words (word, place)
        where word not in ('engagement.activities:read', 'engagement.activities:write', 'engagement.activities:delete') order by place),
    version = version + 1, updated_at = now()
where permissions && array['engagement.activities:read', 'engagement.activities:write', 'engagement.activities:delete'];
drop table activity_links, activities;
