update roles
set permissions = array_remove(array_remove(permissions, 'platform.operations:read'), 'platform.operations:write'),
    version = version + 1, updated_at = now()
where permissions && array['platform.operations:read', 'platform.operations:write'];
drop table operations;
