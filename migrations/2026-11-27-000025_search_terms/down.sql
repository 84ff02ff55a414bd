alter table search_terms drop constraint search_terms_lookup;
create unique index search_terms_lookup on search_terms (tenant_id, field, term, subject_id, source_id);
alter table search_terms add primary key (tenant_id, subject_id, source_id, field, term);
drop index search_terms_source;
