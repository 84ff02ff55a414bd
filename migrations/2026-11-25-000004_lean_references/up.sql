-- References to the tenant that another reference implies already. Each cost a look-up and a lock on the one row of
-- the tenant for every row written: a new customer writes some fifty terms.
-- customers (tenant_id, department_id), never null, refers to departments, and those refer to tenants; contacts refer
-- to customers. Terms are derived from records that were checked.
-- All locks at once, in the order of those who write: on a database in use this waits for a moment or fails as a whole,
-- and a server that starts tries again.
set local lock_timeout = '10s';
lock table tenants, customers, contacts, search_terms in access exclusive mode;
alter table search_terms drop constraint search_terms_tenant_id_fkey;
alter table customers drop constraint customers_tenant_id_fkey;
alter table contacts drop constraint contacts_tenant_id_fkey;
