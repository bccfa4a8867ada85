//! Fetching from an address that a stranger named, without letting them look around in our own network:
//! <https://owasp.org/Top10/A10_2021-Server-Side_Request_Forgery_%28SSRF%29/>. Only https; the name is resolved here and
//! the connection goes to the very address that was checked; no redirects, no proxy, five seconds, 256 KiB.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ureq::{
    Agent, Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

use super::arriving::escape;

const TIME_MAX: Duration = Duration::from_secs(5);
const BYTES_MAX: u64 = 256 << 10;

/// Which addresses may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Public ones, by https.
    Public,
    /// This machine, too, by http: for a vault that is itself served on loopback, for trying out.
    Loopback,
    /// Wherever the operator said: https to any network, http to this machine.
    Named,
}

/// A form that is posted, and how the vault proves who it is: name and secret.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) basic: (String, String),
    pub(super) body: String,
}

/// What was fetched.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) body: String,
    /// How long it may be kept by its own word; `None`: it does not say.
    pub(super) max_age: Option<Duration>,
}

/// Fetches a document. Blocks; to be called on a thread for that.
///
/// # Errors
/// Why not, in words for a log; never for the client that named the address.
pub(super) fn get(url: &str, reach: Reach) -> Result<Fetched, String> {
    ask(url, reach, None)
}

/// Posts a form, and reads the answer. Blocks as [`get`] does.
///
/// # Errors
/// Those of [`get`].
pub(super) fn post(url: &str, reach: Reach, form: &Posted) -> Result<Fetched, String> {
    ask(url, reach, Some(form))
}

fn ask(url: &str, reach: Reach, form: Option<&Posted>) -> Result<Fetched, String> {
    let is_local = url.starts_with("http://127.0.0.1:") || url.starts_with("http://[::1]:");
    let is_allowed = url.starts_with("https://") || (is_local && reach != Reach::Public);
    if !is_allowed {
        return Err("the address is not https".to_owned());
    }
    let config = Agent::config_builder()
        .timeout_global(Some(TIME_MAX))
        .max_redirects(0)
        .proxy(None)
        .https_only(!is_local)
        .build();
    let agent = Agent::with_parts(config, DefaultConnector::new(), Checked(reach));
    let answer = match form {
        None => agent.get(url).header("Accept", "application/json").call(),
        Some(Posted { basic: (name, secret), body }) => {
            let pair = BASE64_STANDARD.encode(format!("{}:{}", escape(name), escape(secret)));
            agent
                .post(url)
                .header("Accept", "application/json")
                .header("Authorization", format!("Basic {pair}"))
                .content_type("application/x-www-form-urlencoded")
                .send(body)
        }
    };
    let mut answer = answer.map_err(|it| it.to_string())?;
    if answer.status() != 200 {
        return Err(format!("the answer has status {}", answer.status()));
    }
    let header = answer.headers().get("cache-control").and_then(|value| value.to_str().ok());
    let max_age = header.map(max_age);
    let body = answer.body_mut().with_config().limit(BYTES_MAX).read_to_string();
    Ok(Fetched { body: body.map_err(|it| it.to_string())?, max_age })
}

/// <https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2>
fn max_age(cache_control: &str) -> Duration {
    let directives: Vec<String> =
        cache_control.split(',').map(|it| it.trim().to_ascii_lowercase()).collect();
    if directives.iter().any(|it| it == "no-store" || it.starts_with("no-cache")) {
        return Duration::ZERO;
    }
    let seconds = directives.iter().find_map(|it| it.strip_prefix("max-age="));
    let seconds = seconds.and_then(|text| text.trim_matches('"').parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// Leaves out every address that may not be reached.
#[derive(Debug)]
struct Checked(Reach);

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let mut checked = self.empty();
        for address in found.iter().filter(|address| may_reach(address, self.0)) {
            checked.push(*address);
        }
        if checked.is_empty() { Err(Error::HostNotFound) } else { Ok(checked) }
    }
}

fn may_reach(address: &SocketAddr, reach: Reach) -> bool {
    let ip = address.ip();
    match reach {
        Reach::Public => is_public(ip),
        Reach::Loopback => is_public(ip) || ip.is_loopback(),
        Reach::Named => true,
    }
}

/// Whether an address belongs to the open internet:
/// <https://www.iana.org/assignments/iana-ipv4-special-registry/>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry/>.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        // carrier-grade NAT, IETF assignments, 6to4 relays, benchmarks
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !is_special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(inner) = ip.to_ipv4() {
        // ::1 and :: are among these, too
        return is_public_v4(inner) && ip.to_ipv4_mapped().is_some();
    }
    let [first, second, ..] = ip.segments();
    // 2000::/3 is all there is; not what wraps version 4, and no documentation
    (first & 0xe000) == 0x2000
        && first != 0x2002
        && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_network_is_out_of_reach() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.8",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        let here = "127.0.0.1:80".parse().unwrap();
        assert!(may_reach(&here, Reach::Loopback) && !may_reach(&here, Reach::Public));
    }

    #[test]
    fn what_is_not_https_or_not_outside_is_not_fetched() {
        for url in [
            "http://example.org/",
            "file:///etc/passwd",
            "https://127.0.0.1:1/",
            "https://localhost:1/",
            "https://[::1]:1/",
        ] {
            assert!(get(url, Reach::Public).is_err(), "{url}");
        }
    }

    #[test]
    fn a_document_says_how_long_it_may_be_kept() {
        let cases = [
            ("max-age=60", 60),
            ("public, MAX-AGE=5", 5),
            ("no-store, max-age=60", 0),
            ("no-cache", 0),
            ("x", 0),
        ];
        for (header, seconds) in cases {
            assert_eq!(max_age(header), Duration::from_secs(seconds), "{header}");
        }
    }
}
