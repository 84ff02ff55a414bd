-- References to the tenant that another reference implies already. Each cost a look-up and a lock on the one row of
-- the tenant for every row written: a new customer writes some fifty terms.
-- customers (tenant_id, department_id), never null, refers to departments, and those refer to tenants; contacts refer
-- to customers. Terms are derived from records that were checked.
alter table search_terms drop constraint search_terms_tenant_id_fkey;
alter table customers drop constraint customers_tenant_id_fkey;
alter table contacts drop constraint contacts_tenant_id_fkey;
