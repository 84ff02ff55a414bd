drop table contacts, customers;
