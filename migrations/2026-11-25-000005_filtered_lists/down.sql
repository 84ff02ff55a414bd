drop index customers_kind, customers_grade, customers_stage, customers_industry, customers_source, customers_vip;
