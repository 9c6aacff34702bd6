//! Who may ask: clients with the token, and those that mean this server.

use super::Shared;
use super::route::own_path;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rangepack_core::Digest;
use std::sync::Arc;

/// Lets a request pass, or says why not.
pub(super) async fn guard(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    if shared.is_private && !names_this_server(request.headers(), &shared.options.hosts) {
        let text = "This server answers only under the names of this machine: localhost or 127.0.0.1. \
            Behind a proxy, allow its name with --allow-host NAME.\n";
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    let Some(token) = &shared.options.token else { return next.run(request).await };
    let cookie = format!("rangepack-{}", shared.address.port());
    if let Some(given) = in_query(request.uri()) {
        if !is_same(&given, token) {
            return refused();
        }
        if !accepts_html(request.headers()) {
            return next.run(request).await;
        }
        // A person came by the printed URL. The cookie serves from now on, and the token does not
        // stay in the history.
        let value = format!("{cookie}={given}; Path=/; HttpOnly; SameSite=Strict");
        let mut headers = HeaderMap::new();
        if let (Ok(value), Ok(location)) =
            (value.try_into(), without_token(request.uri()).try_into())
        {
            headers.insert(header::SET_COOKIE, value);
            headers.insert(header::LOCATION, location);
        }
        return (StatusCode::SEE_OTHER, headers).into_response();
    }
    let headers = request.headers();
    let bearer = text_of(headers, &header::AUTHORIZATION)
        .and_then(|text| text.split_once(' '))
        .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()));
    let cookie = text_of(headers, &header::COOKIE).and_then(|text| {
        let mut pairs = text.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == cookie).map(|(_, value)| value)
    });
    match bearer.or(cookie) {
        Some(given) if is_same(given, token) => next.run(request).await,
        _ => refused(),
    }
}

fn refused() -> Response {
    let text = "This server wants a token: open the URL that it printed when it was started, or send \
        `Authorization: Bearer TOKEN`.\n";
    let wants = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
    (StatusCode::UNAUTHORIZED, wants, text).into_response()
}

/// Pages of other sites can give their own names the address 127.0.0.1, and ask as if this were their
/// server.
fn names_this_server(headers: &HeaderMap, hosts: &[String]) -> bool {
    let Some(host) = text_of(headers, &header::HOST) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    hosts.iter().any(|host| host.eq_ignore_ascii_case(&name))
        || name == "localhost"
        || name.ends_with(".localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Comparing digests takes as long whatever the difference is.
fn is_same(given: &str, token: &str) -> bool {
    Digest::of(given.as_bytes()) == Digest::of(token.as_bytes())
}

fn in_query(uri: &Uri) -> Option<String> {
    pairs(uri)
        .find_map(|pair| pair.strip_prefix("token="))
        .map(|value| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// A URL as it may be shown.
pub(super) fn without_token(uri: &Uri) -> String {
    let query: Vec<&str> = pairs(uri).filter(|pair| !pair.starts_with("token=")).collect();
    let path = own_path(uri.path());
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

fn pairs(uri: &Uri) -> impl Iterator<Item = &str> {
    uri.query().unwrap_or("").split('&').filter(|pair| !pair.is_empty())
}

fn text_of<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a person with a browser asks, rather than a program.
pub(super) fn accepts_html(headers: &HeaderMap) -> bool {
    text_of(headers, &header::ACCEPT).is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine() {
        let asks = |host: &str| {
            let headers = [(header::HOST, host.parse().unwrap())].into_iter().collect();
            names_this_server(&headers, &["Packs.example.org".to_owned()])
        };
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST:1",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "a.localhost:1",
            "packs.example.org",
            "packs.example.org:443",
        ] {
            assert!(asks(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil",
            "10.0.0.1",
            "",
        ] {
            assert!(!asks(host), "{host}");
        }
        assert!(!names_this_server(&HeaderMap::new(), &[]));
    }

    #[test]
    fn tokens_are_taken_out_of_urls() {
        let of = |uri: &str| without_token(&uri.parse().unwrap());
        assert_eq!(of("/a?token=x"), "/a");
        assert_eq!(of("//evil.example?token=x"), "/evil.example");
        assert_eq!(of("/a?b=1&token=x&c"), "/a?b=1&c");
        assert_eq!(in_query(&"/?token=a%20b".parse().unwrap()).unwrap(), "a b");
    }
}
