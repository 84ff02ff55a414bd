//! What people and programs do, from end to end.

mod activities;
mod backups;
mod bad_input;
mod batches;
mod changes;
mod contacts;
mod customers;
mod events;
mod faults;
mod files;
mod http;
mod idempotency;
mod jobs;
mod lists;
mod notifications;
mod notifications_by_mail;
mod operations;
mod organisation;
mod programs;
mod scope;
mod search;
mod signing_in;
mod streams;
mod tasks;
mod webhooks;
mod workers;
