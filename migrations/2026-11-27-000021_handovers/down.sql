drop table handover_items;
drop table handovers;
