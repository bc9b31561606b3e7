//! Paths as Meilisearch reads them: several slashes are one, and one at the end is none. A client whose base address
//! ends in a slash works too.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// The same without slashes that say nothing; `None` when there are none.
pub(crate) fn without_idle(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("//") && (path == "/" || !path.ends_with('/')) {
        return None;
    }
    let named = path.split('/').filter(|part| !part.is_empty());
    let mut short: String = named.flat_map(|part| ["/", part]).collect();
    if short.is_empty() {
        short.push('/');
    }
    if let Some(query) = uri.query() {
        short.extend(["?", query]);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(short).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_left_out() {
        for (sent, read) in [
            ("/stats/", "/stats"),
            ("//indexes//movies///?limit=1&q=a//b/", "/indexes/movies?limit=1&q=a//b/"),
            ("//", "/"),
            ("/indexes/a%2F%2Fb/", "/indexes/a%2F%2Fb"),
        ] {
            let uri = sent.parse().expect("a path");
            assert_eq!(without_idle(&uri).expect(sent).to_string(), read);
        }
        for sent in ["/", "/stats", "/indexes/a?q=//"] {
            assert_eq!(without_idle(&sent.parse().expect("a path")), None, "{sent}");
        }
    }
}
