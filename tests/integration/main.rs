//! Journeys and guards on a real server over a real PostgreSQL. One binary, one database server, a clone of a
//! migrated and filled database for each test; all tests run at the same time.

mod guards;
mod journeys;
mod support;
