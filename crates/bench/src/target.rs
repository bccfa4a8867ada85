//! The FHIR base that is measured; only loopback is accepted, so that a slip never loads a stranger.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hyper::Uri;
use hyper::header::HeaderValue;

use crate::fault::Fault;

/// A FHIR base on this machine, and the token to show it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) authority: HeaderValue,
    /// Path of the base without a slash at its end, `/fhir` for example.
    base: String,
    pub(crate) authorization: Option<HeaderValue>,
}

impl Target {
    pub(crate) fn parse(url: &str, token: Option<&str>) -> Result<Self, Fault> {
        let wrong = |why: &str| Fault::Usage(format!("--base-url {url}: {why}"));
        let uri: Uri = url.parse().map_err(|_| wrong("not a URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("only http:// is spoken, since only loopback is measured"));
        }
        let host = uri.host().ok_or_else(|| wrong("it names no host"))?;
        let ip = loopback(host).ok_or_else(|| {
            wrong("not a loopback address; the load generator only talks to this machine")
        })?;
        let authority = uri.authority().map_or(host, |authority| authority.as_str());
        let authorization = token
            .map(|token| HeaderValue::try_from(format!("Bearer {token}")))
            .transpose()
            .map_err(|_| Fault::Usage("--token holds characters a header cannot carry".into()))?;
        Ok(Self {
            address: SocketAddr::new(ip, uri.port_u16().unwrap_or(80)),
            authority: HeaderValue::try_from(authority).map_err(|_| wrong("odd host name"))?,
            base: uri.path().trim_end_matches('/').to_owned(),
            authorization,
        })
    }

    /// Another base that is shown the same token.
    pub(crate) fn at(&self, url: &str) -> Result<Self, Fault> {
        Ok(Self { authorization: self.authorization.clone(), ..Self::parse(url, None)? })
    }

    /// A path relative to the base becomes one on the host; one that starts with `/` stays.
    pub(crate) fn path(&self, relative: &str) -> String {
        match relative {
            "" if self.base.is_empty() => "/".to_owned(),
            "" => self.base.clone(),
            absolute if absolute.starts_with('/') => absolute.to_owned(),
            relative => format!("{}/{relative}", self.base),
        }
    }

    /// The path and query of a link that the server handed out.
    pub(crate) fn path_of_link(link: &str) -> Option<String> {
        let uri: Uri = link.parse().ok()?;
        uri.path_and_query().map(|path| path.as_str().to_owned())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.authority.to_str().unwrap_or_default(), self.base)
    }
}

fn loopback(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let ip: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    (ip.is_loopback() || ip == IpAddr::V6(Ipv6Addr::LOCALHOST)).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_a_target() {
        let cases = [
            ("http://127.0.0.1:8080/fhir", true),
            ("http://127.9.8.7/fhir", true),
            ("http://localhost:8080/fhir/", true),
            ("http://[::1]:8080", true),
            ("http://192.168.0.10/fhir", false),
            ("http://example.org/fhir", false),
            ("http://127.0.0.1.example.org/fhir", false),
            ("http://localhost@example.org/fhir", false),
            ("https://127.0.0.1/fhir", false),
            ("ftp:relative", false),
        ];
        for (url, accepted) in cases {
            assert_eq!(Target::parse(url, None).is_ok(), accepted, "{url}");
        }
    }

    #[test]
    fn paths_are_joined_to_the_base_once() {
        let target = Target::parse("http://127.0.0.1:8080/fhir/", None).unwrap();
        assert_eq!(target.path("Patient/1"), "/fhir/Patient/1");
        assert_eq!(target.path(""), "/fhir");
        assert_eq!(target.path("/health/ready"), "/health/ready");
        let next = Target::path_of_link("http://127.0.0.1:8080/fhir/Patient?_count=2&page=x");
        assert_eq!(next.unwrap(), "/fhir/Patient?_count=2&page=x");
    }
}
