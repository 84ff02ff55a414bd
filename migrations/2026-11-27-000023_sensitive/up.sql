-- Who saw customers or contacts saw numbers and addresses in full: they go on to, until a company takes it from a role.
update roles
set permissions = permissions || array['customers.sensitive:read'], version = version + 1, updated_at = now()
where deleted_at is null and permissions && array['customers.customers:read', 'customers.contacts:read']
    and not permissions && array['customers.sensitive:read'];
update api_clients
set permissions = permissions || array['customers.sensitive:read'], version = version + 1, updated_at = now()
where deleted_at is null and permissions && array['customers.customers:read', 'customers.contacts:read']
    and not permissions && array['customers.sensitive:read'];
update api_keys
set permissions = permissions || array['customers.sensitive:read']
where permissions && array['customers.customers:read', 'customers.contacts:read']
    and not permissions && array['customers.sensitive:read'];
