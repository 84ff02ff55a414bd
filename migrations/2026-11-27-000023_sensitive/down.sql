update roles set permissions = array_remove(permissions, 'customers.sensitive:read')
where permissions && array['customers.sensitive:read'];
update api_clients set permissions = array_remove(permissions, 'customers.sensitive:read')
where permissions && array['customers.sensitive:read'];
update api_keys set permissions = array_remove(permissions, 'customers.sensitive:read')
where permissions && array['customers.sensitive:read'];
