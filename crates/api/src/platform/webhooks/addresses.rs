//! Which addresses a webhook may be at, looked at when it is saved and again when it is connected to.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fulcrum_domain::values::addresses::is_public;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout;
use url::{Host, Url};

use crate::http::catalog::FieldCode;
use crate::http::problem::FieldError;

/// How long the address of a name is looked for before it is saved.
const LOOKING: Duration = Duration::from_secs(3);

/// What the installation allows.
#[derive(Clone)]
pub(super) struct Allowed {
    networks: Arc<[IpNet]>,
    /// Whether the public internet is allowed beside the networks: not without encryption.
    public: bool,
}

/// Why an address is refused.
#[derive(Debug, thiserror::Error)]
#[error("it leads to an address that webhooks may not go to")]
pub(super) struct Refused(IpAddr);

impl Allowed {
    /// For `https`: the public internet and the networks; for `http`: the networks.
    pub(super) fn by(networks: &[IpNet], encrypted: bool) -> Allowed {
        Allowed { networks: networks.into(), public: encrypted }
    }

    pub(super) fn check(&self, address: IpAddr) -> Result<(), Refused> {
        // An IPv4 address stays one in the clothes of IPv6.
        let plain = address.to_canonical();
        let listed = self.networks.iter().any(|network| network.contains(&plain));
        if listed || self.public && is_public(address) { Ok(()) } else { Err(Refused(address)) }
    }

    /// Looks at an address before it is saved, as far as that tells something: a name that leads nowhere today may do so
    /// tomorrow, and is looked at again whenever it is connected to.
    pub(super) async fn examine(&self, url: &Url) -> Result<(), FieldError> {
        let refused = |refused: Refused| {
            FieldError::new("/url", FieldCode::AddressNotAllowed).with("address", refused.0.to_string())
        };
        let nothing = || FieldError::new("/url", FieldCode::UrlInvalid);
        match url.host().ok_or_else(nothing)? {
            Host::Ipv4(address) => self.check(address.into()).map_err(refused),
            Host::Ipv6(address) => self.check(address.into()).map_err(refused),
            // What a name leads to is not told: somebody might ask for the names of this network.
            Host::Domain(name) => match timeout(LOOKING, tokio::net::lookup_host((name, 0))).await {
                Ok(Ok(mut found)) => found.try_for_each(|one| self.check(one.ip())).map_err(|_| {
                    FieldError::new("/url", FieldCode::AddressNotAllowed).with("address", name.to_owned())
                }),
                _ if self.public => Ok(()),
                _ => Err(FieldError::new("/url", FieldCode::UrlNotEncrypted)),
            },
        }
    }
}

/// What is connected to is one of the addresses that come out of here: a name can't lead elsewhere between the look and the
/// connection.
impl Resolve for Allowed {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            for address in &found {
                allowed.check(address.ip())?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(allowed: &Allowed, name: &str) -> Result<Vec<SocketAddr>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(allowed.resolve(name.parse().unwrap()));
        found.map(Iterator::collect).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_that_leads_to_this_machine_leads_nowhere() {
        for encrypted in [true, false] {
            let error = resolve(&Allowed::by(&[], encrypted), "localhost").unwrap_err();
            assert!(error.contains("an address that webhooks may not go to"), "{error}");
        }
        let networks = ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        assert!(resolve(&Allowed::by(&networks, false), "localhost").is_ok_and(|found| !found.is_empty()));
    }

    #[test]
    fn without_encryption_only_the_networks_are_allowed() {
        let networks = ["10.1.0.0/16".parse().unwrap()];
        let (encrypted, plain) = (Allowed::by(&networks, true), Allowed::by(&networks, false));
        for (address, by_https, by_http) in [
            ("10.1.2.3", true, true),
            ("::ffff:10.1.2.3", true, true),
            ("10.2.2.3", false, false),
            ("8.8.8.8", true, false),
            ("169.254.169.254", false, false),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(
                (encrypted.check(address).is_ok(), plain.check(address).is_ok()),
                (by_https, by_http),
                "{address}"
            );
        }
    }
}
