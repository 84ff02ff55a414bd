drop table customer_reads;
