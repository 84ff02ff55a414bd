//! Failed sign-ins close the door for a while: for an account, for an address, and sooner for both together.

use std::net::IpAddr;

use chrono::TimeDelta;
use fulcrum_persistence::Tx;
use fulcrum_persistence::access::login_failures::{self, Limit};
use sha2::{Digest, Sha256};

use crate::http::catalog::Code;
use crate::http::problem::Problem;
use crate::http::rate::network_of;

const WINDOW: TimeDelta = TimeDelta::minutes(5);

/// What one attempt to sign in counts towards.
#[derive(Clone)]
pub struct Throttle {
    limits: [Limit; 3],
}

impl Throttle {
    /// For an attempt on an account (any text that identifies it) from an address.
    pub fn of(account: &str, address: Option<IpAddr>) -> Throttle {
        let address = network_of(address);
        let limit = |kind: &str, what: &str, failures| Limit {
            key: Sha256::digest(format!("{kind}/{what}")).to_vec(),
            failures,
        };
        Throttle {
            limits: [
                limit("both", &format!("{account}/{address}"), 5),
                // Somebody else's failures must not be able to lock an account quickly.
                limit("account", account, 30),
                limit("address", &address, 50),
            ],
        }
    }

    /// Lets an attempt pass unless there were too many failures, and counts it as one until it succeeds: many at
    /// once can't all pass before the first is found to be wrong. To be committed before the secret is looked at.
    ///
    /// # Errors
    /// 429 until the window ends.
    pub fn attempt(&self, tx: &mut Tx) -> Result<(), Problem> {
        match login_failures::add(tx, &self.limits, WINDOW)? {
            None => Ok(()),
            Some(until) => {
                let seconds = (until - tx.now).num_seconds().max(1);
                Err(Problem::new(Code::TooManyFailures).with("seconds", seconds).retry_after(seconds as u64))
            }
        }
    }

    /// Forgets the failures of this account from this address, and that this attempt was counted as one.
    ///
    /// # Errors
    /// Those of the database.
    pub fn succeeded(&self, tx: &mut Tx) -> Result<(), Problem> {
        Ok(login_failures::forgive(tx, &self.limits[0].key, &self.limits[1..])?)
    }
}
