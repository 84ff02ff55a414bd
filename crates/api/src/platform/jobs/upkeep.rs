//! Tidying up the installation, every hour.

use actix_web::web;
use fulcrum_persistence::platform::maintenance;
use serde::{Deserialize, Serialize};

use crate::platform::{notifications, webhooks};

use super::{Context, Job, JobFailed, Priority};

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
            Ok(webhooks::revive(tx)?)
        })
        .await
}
