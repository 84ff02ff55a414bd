delete from jobs where kind = 'customers.completeness';
drop index customers_completeness;
alter table customers drop column missing, drop column completeness;
drop table field_standards;
