//! Tidying up the installation, every hour.

use actix_web::web;
use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_persistence::platform::maintenance;
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engagement::tasks;
use crate::platform::{automations, notifications, webhooks};

use super::{Context, Job, JobFailed, Priority, enqueue_for_company, system_of};

/// Makes partitions of the event log ahead, and removes what is past its time.
#[derive(Serialize, Deserialize)]
pub(super) struct Upkeep {}

impl Job for Upkeep {
    const KIND: &'static str = "platform.upkeep";
    const PRIORITY: Priority = Priority::Later;
    // The next hour brings the next one.
    const MAX_ATTEMPTS: i32 = 3;
}

pub(super) async fn run(context: Context, _: Upkeep) -> Result<(), JobFailed> {
    let now = context.app.db.clock().now();
    let url = context.database_url.clone();
    let event_months = context.app.event_months;
    web::block(move || maintenance::run(&url, now, event_months))
        .await
        .map_err(|error| JobFailed::for_now(error.to_string()))?
        .map_err(JobFailed::from)?;
    let mails = context.app.mail.is_some();
    context
        .write(move |tx| {
            if mails {
                notifications::sends_mail(tx)?;
            }
            webhooks::revive(tx)?;
            tasks::clock::revive(tx)?;
            Ok(automations::revive(tx)?)
        })
        .await
}

/// How late something may be before it is looked for.
const LATE: TimeDelta = TimeDelta::minutes(5);

/// Puts a job down for each of these companies: whoever was to do it has failed too often, or was given up by an administrator.
///
/// # Errors
/// Those of the database.
pub(crate) fn look_again<J: Job>(
    tx: &mut Tx,
    job: &J,
    late: fn(&mut Tx, DateTime<Utc>) -> Result<Vec<Uuid>, StoreError>,
) -> Result<(), StoreError> {
    let now = tx.now;
    for tenant_id in late(tx, now - LATE)? {
        let own = std::mem::replace(&mut tx.actor, system_of(tenant_id));
        let put = enqueue_for_company(tx, job, now);
        tx.actor = own;
        put?;
    }
    Ok(())
}
