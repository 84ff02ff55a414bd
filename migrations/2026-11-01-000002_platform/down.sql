drop table search_terms, external_ids, number_series, idempotency_keys, events;
