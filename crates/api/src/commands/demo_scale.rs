//! The demo company at the size of a large one, at the speed of `COPY`.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};

use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_persistence::access::tenants::{self, Tenant};
use fulcrum_persistence::customers::customers;
use fulcrum_persistence::platform::bulk::{self, Load, Loading};
use fulcrum_persistence::{Db, StoreError, Tx};
use indicatif::{ProgressBar, ProgressStyle};
use uuid::{NoContext, Timestamp, Uuid};

use super::demo::{Owners, owners};
use super::demo_data::{self, DemoCustomer};
use super::installation::{system, system_in};
use crate::customers::completeness::measuring::{measure, of_people};
use crate::customers::contacts::service::{self as contact_service, Contacts};
use crate::customers::custom_fields::values::Fields;
use crate::customers::customers::service::{self as customer_service, Customers};
use crate::http::problem::Problem;
use crate::records;

/// Customers that go over at one time.
const PART: usize = 2000;

/// Fills the demo company, which has to be there, up to so many customers, each with two contacts on average; in one
/// transaction. Returns how many were added.
///
/// # Errors
/// A sentence for a person.
pub fn fill_up(db: &Db, slug: &str, scale: usize) -> Result<usize, String> {
    let bar = ProgressBar::no_length().with_style(
        ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} customers, {elapsed} (left {eta})")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let added = db.write_now(&system(), |tx| {
        let tenant = tenants::find_by_slug(tx, Some(slug))?.ok_or(StoreError::NotFound)?;
        tx.actor = system_in(&tenant);
        // Deleted ones, too: they still have the place in the order that they were made at.
        let there = customers::count_all(tx)? as usize;
        if there >= scale {
            return Ok(0);
        }
        bar.set_message(slug.to_owned());
        bar.set_length((scale - there) as u64);
        load(tx, &tenant, there..scale, &bar)?;
        Ok(scale - there)
    });
    bar.finish_and_clear();
    added.map_err(|problem: Problem| problem.to_string())
}

fn load(tx: &mut Tx, tenant: &Tenant, which: Range<usize>, bar: &ProgressBar) -> Result<(), Problem> {
    let owners = owners(tx, tenant)?;
    // A millisecond apart, up to now where the company is old enough: lists by time have an order.
    let first_at = (tx.now - TimeDelta::milliseconds(which.len() as i64)).max(tenant.created_at);
    let mut loading = bulk::begin(tx)?;
    std::thread::scope(|scope| {
        let (send, parts) = sync_channel(2);
        let (skipped, wanted) = (which.start, which.len());
        scope.spawn(move || {
            let mut left = demo_data::customers().skip(skipped).take(wanted).peekable();
            while left.peek().is_some() {
                let part: Vec<DemoCustomer> = left.by_ref().take(PART).collect();
                // The other end is gone when something failed there.
                if send.send(part).is_err() {
                    return;
                }
            }
        });
        add_all(tx, &loading, &owners, parts, first_at, bar)
    })?;
    while loading.indexes_left() > 0 {
        bar.set_message(format!("{}: {} indexes to make", tenant.slug, loading.indexes_left()));
        loading.make_next_index(tx)?;
    }
    Ok(())
}

fn add_all(
    tx: &mut Tx,
    loading: &Loading,
    owners: &Owners,
    parts: Receiver<Vec<DemoCustomer>>,
    first_at: DateTime<Utc>,
    bar: &ProgressBar,
) -> Result<(), Problem> {
    let fields = Fields::of(tx, CustomFieldObject::Customer)?;
    tx.now = first_at;
    for part in parts {
        let mut load = Load::default();
        let size = part.len();
        for DemoCustomer { owner, customer, contacts } in part {
            tx.now += TimeDelta::milliseconds(1);
            let (owner, department_id) = &owners[owner];
            tx.actor = owner.clone();
            let customer_id = id_at(tx.now);
            let owned =
                crate::customers::customers::input::CustomerInput { owner_id: owner.user_id(), ..customer };
            let mut row = customer_service::new_row(tx, customer_id, *department_id, owned)?;
            loading.note(tx, &mut load, records::created_event::<Customers>(&row));
            let first_contact = load.contacts.len();
            for mut contact in contacts {
                contact.customer_id = customer_id;
                let row = contact_service::new_row(tx, id_at(tx.now), contact);
                loading.note(tx, &mut load, records::created_event::<Contacts>(&row));
                load.contacts.push(row);
            }
            measure(&fields, &mut row, Some(&of_people(load.contacts[first_contact..].iter())));
            load.customers.push(row);
        }
        loading.add(tx, load)?;
        bar.inc(size as u64);
    }
    Ok(())
}

/// An id as it would have been given at that time.
fn id_at(time: DateTime<Utc>) -> Uuid {
    Uuid::new_v7(Timestamp::from_unix(NoContext, time.timestamp() as u64, time.timestamp_subsec_nanos()))
}
