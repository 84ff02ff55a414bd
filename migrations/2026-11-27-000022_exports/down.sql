update roles set permissions = array_remove(permissions, 'platform.exports:write')
where permissions && array['platform.exports:write'];
