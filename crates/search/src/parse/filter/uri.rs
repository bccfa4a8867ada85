//! URIs: <https://hl7.org/fhir/R4/search.html#uri>.

use super::{Asked, any_of};
use crate::{
    parse::{Fault, budget, value},
    plan::{Filter, System, Test, TokenTest, UriTest},
    registry::ParamId,
    text,
};

/// The most segments of a path that `:above` goes through.
const SEGMENTS_MAX: usize = 32;

/// The most bytes that `:below` takes: the index keeps the beginning of a URI only.
const BELOW_BYTES_MAX: usize = 200;

/// One of the URIs, with its version where the type's own URL has one.
pub(super) fn filter(asked: &Asked<'_>, values: &[&str]) -> Result<Filter, Fault> {
    asked.modifier_among(&["above", "below"])?;
    let (mut plain, mut versioned) = (Vec::new(), Vec::new());
    let mut count = 0;
    for (tests, version) in asked.each(values, one)? {
        count += tests.len();
        match version {
            None => plain.extend(tests),
            Some((params, version)) => {
                let any = vec![Test::Token(TokenTest { system: System::Any, code: Some(version) })];
                versioned.push(Filter::All(vec![asked.any(tests), Filter::Value { params, any }]));
            }
        }
    }
    budget::tests(count)?;
    if !plain.is_empty() {
        versioned.push(any_of(&asked.parameter.sources, plain));
    }
    Ok(match versioned.pop() {
        Some(one) if versioned.is_empty() => one,
        last => {
            versioned.extend(last);
            Filter::Any(versioned)
        }
    })
}

/// The version that the resource has to have, and by which parameter.
type Versioned = Option<(Vec<ParamId>, Box<str>)>;

fn one(asked: &Asked<'_>, value: &str) -> Result<(Vec<Test>, Versioned), Fault> {
    let (url, version) = versioned(asked, value);
    let url = value::unescape(url);
    let tests = match asked.modifier {
        Some("below") => vec![below(&url)?],
        Some("above") => above(&url)?,
        _ => vec![is(&url)],
    };
    Ok((tests.into_iter().map(Test::Uri).collect(), version))
}

/// `[url]|[version]` where the URL is the type's canonical and the type has versions. Elsewhere what
/// follows a bar is a part of the text.
fn versioned<'v>(asked: &Asked<'_>, value: &'v str) -> (&'v str, Versioned) {
    let parts = value::split(value, '|');
    if let [url, version] = parts.as_slice()
        && asked.parameter.code == "url"
        && !url.is_empty()
        && !version.is_empty()
        && let Some(parameter) = asked.context.registry.parameter(asked.place.ty, "version")
    {
        let version = text::caseless(&value::unescape(version));
        return (url, Some((parameter.sources.clone(), version)));
    }
    (value, None)
}

fn is(uri: &str) -> UriTest {
    UriTest::Is(text::key(uri).into())
}

/// `:below`: the URL itself, and what is deeper in its hierarchy of slashes.
pub(in crate::parse) fn below(url: &str) -> Result<UriTest, Fault> {
    must_be_url(url)?;
    if url.len() > BELOW_BYTES_MAX {
        let text = format!("below a URL takes at most {BELOW_BYTES_MAX} bytes");
        return Err(Fault::TooCostly(text.into()));
    }
    Ok(UriTest::Below(url.strip_suffix('/').unwrap_or(url).into()))
}

/// `:above`: the URL itself, and every one that it is below of, with a slash at the end or without.
pub(in crate::parse) fn above(url: &str) -> Result<Vec<UriTest>, Fault> {
    must_be_url(url)?;
    let path = url.find("://").map_or(0, |at| at + "://".len());
    let slashes: Vec<usize> =
        url.match_indices('/').map(|(at, _)| at).filter(|at| *at >= path).collect();
    if slashes.len() > SEGMENTS_MAX {
        let text = format!("above a URL takes at most {SEGMENTS_MAX} slashes");
        return Err(Fault::TooCostly(text.into()));
    }
    let ends = slashes.into_iter().flat_map(|at| [at, at + 1]);
    let prefixes = ends.filter_map(|end| url.get(..end)).filter(|prefix| *prefix != url);
    Ok(prefixes.chain([url]).map(is).collect())
}

/// A `urn:` has no hierarchy.
fn must_be_url(url: &str) -> Result<(), Fault> {
    if url.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn:")) {
        return Err(Fault::Value("is about URLs with :above and :below; a urn: is in none".into()));
    }
    Ok(())
}
