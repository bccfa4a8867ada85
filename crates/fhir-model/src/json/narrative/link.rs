//! Links, images and styles of narratives that cannot run or fetch behind the reader's back. URLs are
//! read as a browser reads them: <https://url.spec.whatwg.org/#concept-basic-url-parser>.

/// Relative, or one of the schemes that only lead somewhere.
pub(super) fn is_safe_link(url: &str) -> bool {
    let url = normalised(url);
    match scheme(&url) {
        None => true,
        // urn: leads to another entry of the same Bundle
        Some(scheme) => matches!(scheme, "http" | "https" | "mailto" | "tel" | "urn"),
    }
}

/// A place in the resource, or the bytes of a picture: nothing is fetched when the page is opened.
pub(super) fn is_safe_image(url: &str) -> bool {
    let url = normalised(url);
    url.starts_with('#')
        || ["png", "jpeg", "gif"].iter().any(|kind| {
            url.strip_prefix("data:image/")
                .and_then(|rest| rest.strip_prefix(kind))
                .is_some_and(|rest| rest.starts_with([';', ',']))
        })
}

/// No addresses, no code, no escapes that could hide them.
pub(super) fn is_safe_style(style: &str) -> bool {
    const DANGEROUS: [&str; 8] = [
        "url(",
        "image(",
        "image-set(",
        "expression(",
        "@import",
        "javascript:",
        "behavior",
        "-moz-binding",
    ];
    let style = style.to_ascii_lowercase();
    !style.contains(['\\', '<'])
        && !style.contains("/*")
        && !DANGEROUS.iter().any(|word| style.contains(word))
}

/// What a browser makes of it before it looks for the scheme: no spaces and controls at the ends, no
/// tabs and line ends within, lower case.
fn normalised(url: &str) -> String {
    url.trim_matches(|c: char| c <= ' ')
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The part before the first colon, when it looks like a scheme.
fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_scheme.then_some(scheme)
}
