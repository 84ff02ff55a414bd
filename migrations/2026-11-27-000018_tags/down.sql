update roles set permissions = array_remove(array_remove(permissions, 'customers.tags:read'), 'customers.tags:write')
where permissions && array['customers.tags:read', 'customers.tags:write'];
drop table tags;
