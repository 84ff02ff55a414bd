-- The key held every column a second time, in another order. What is removed is found by its source, and that a term is there
-- once is said by the index that searches; this one keeps each source once for all of its terms.
create index search_terms_source on search_terms (tenant_id, subject_id, source_id);
alter table search_terms drop constraint search_terms_pkey;
