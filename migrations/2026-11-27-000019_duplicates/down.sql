update roles
set permissions = array_remove(array_remove(array_remove(permissions, 'customers.duplicates:read'),
    'customers.duplicates:write'), 'customers.customers:merge')
where permissions && array['customers.duplicates:read', 'customers.duplicates:write', 'customers.customers:merge'];
delete from jobs where kind = 'customers.duplicate_terms';
delete from search_terms where field in (21, 22);
alter table customers drop column merged_into_id;
drop table customer_merges;
drop table duplicate_pairs;
