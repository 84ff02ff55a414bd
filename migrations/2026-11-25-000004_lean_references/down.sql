-- All locks at once, in the order of those who write: on a database in use this waits for a moment or fails as a whole,
-- and a server that starts tries again.
set local lock_timeout = '10s';
lock table tenants, customers, contacts, search_terms in access exclusive mode;
alter table search_terms add constraint search_terms_tenant_id_fkey foreign key (tenant_id) references tenants (id);
alter table customers add constraint customers_tenant_id_fkey foreign key (tenant_id) references tenants (id);
alter table contacts add constraint contacts_tenant_id_fkey foreign key (tenant_id) references tenants (id);
