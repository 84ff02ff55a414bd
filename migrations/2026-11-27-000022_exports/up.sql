-- Taking data out is something that not everybody may who sees it.
update roles
set permissions = permissions || array['platform.exports:write'], version = version + 1, updated_at = now()
where built_in and key in ('sales_manager', 'service_supervisor', 'marketing', 'finance', 'integration')
    and deleted_at is null and not permissions && array['platform.exports:write'];
