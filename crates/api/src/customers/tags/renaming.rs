//! A tag gets another name: the customers that have it follow.

use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::customers as store;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::tagging::retagged;
use crate::customers::customers::input::Tag;
use crate::platform::jobs::{Context, Job, JobFailed};

/// Gives the customers that have a tag another one in its place.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Rename {
    pub(super) from: String,
    pub(super) to: String,
}

impl Job for Rename {
    const KIND: &'static str = "customers.tag_rename";
}

/// Customers in one transaction.
const STEP: i64 = 200;

pub(crate) async fn run(context: Context, rename: Rename) -> Result<(), JobFailed> {
    let mut after = Some(Uuid::nil());
    while let Some(from) = after {
        let rename = rename.clone();
        after = context.write(move |tx| step(tx, &rename, from)).await?;
        if *context.stopping.borrow() {
            return Err(JobFailed::not_now("the worker stops"));
        }
    }
    Ok(())
}

fn step(tx: &mut Tx, rename: &Rename, after: Uuid) -> Result<Option<Uuid>, JobFailed> {
    let filter = store::Filter { tags: vec![rename.from.clone()], ..Default::default() };
    let ids = store::selected(tx, &filter, after, STEP)?;
    for id in &ids {
        retagged(tx, *id, |tags| {
            let same = |tag: &Tag| tag.0.to_lowercase() == rename.from.to_lowercase();
            let renamed = tags.into_iter().map(|tag| if same(&tag) { Tag(rename.to.clone()) } else { tag });
            renamed.collect()
        })
        .map_err(|problem| JobFailed::for_now(problem.to_string()))?;
    }
    Ok(ids.last().copied())
}
