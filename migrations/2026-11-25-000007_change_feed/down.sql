drop index events_xid;
