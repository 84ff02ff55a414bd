alter table search_terms add primary key (tenant_id, subject_id, source_id, field, term);
drop index search_terms_source;
