-- One row. The numbers of transactions begin anew when a database is restored from a copy, and places in the feed are made of
-- them: those of another epoch are of no use.
create table installation (
    alone boolean primary key default true check (alone),
    epoch uuid not null default gen_random_uuid()
);
insert into installation default values;
