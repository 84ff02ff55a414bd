-- The key held every column a second time, in another order than the unique index that searches: that one is the key now. What is
-- removed is found by its source, and this index keeps each source once for all of its terms.
create index search_terms_source on search_terms (tenant_id, subject_id, source_id);
alter table search_terms
    drop constraint search_terms_pkey,
    add constraint search_terms_lookup primary key using index search_terms_lookup;
