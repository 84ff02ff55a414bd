drop function custom_number(jsonb);
alter table contacts drop column custom_texts, drop column custom;
alter table customers drop column custom_texts, drop column custom;
drop table object_definitions;
drop table custom_unique_values;
drop table custom_fields;
update roles set permissions = array_remove(array_remove(permissions, 'customers.custom_fields:read'), 'customers.custom_fields:write')
where permissions && array['customers.custom_fields:read', 'customers.custom_fields:write'];
