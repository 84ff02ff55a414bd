alter table search_terms add constraint search_terms_tenant_id_fkey foreign key (tenant_id) references tenants (id);
alter table customers add constraint customers_tenant_id_fkey foreign key (tenant_id) references tenants (id);
alter table contacts add constraint contacts_tenant_id_fkey foreign key (tenant_id) references tenants (id);
