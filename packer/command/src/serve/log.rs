//! The access log: one line a request, written when its body was sent or broken off.

use super::{Shared, guard};
use crate::format::now;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// Takes lines of the log.
pub(crate) type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// Logs a request.
pub(super) async fn log(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(log) = shared.log.clone() else { return next.run(request).await };
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let client = client.map_or_else(|| "-".to_owned(), |client| client.to_string());
    // Tokens are secret, and bytes that are not ASCII might be taken for orders by a terminal.
    let path = guard::without_token(request.uri());
    let what = format!("{} {}", request.method(), utf8_percent_encode(&path, CONTROLS));
    let range = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
    let range = range.map_or_else(String::new, |range| format!(" {}", range.escape_debug()));
    let since = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    response.map(|body| {
        let line = Line { log, client, what, range, status, since, sent: 0, error: None };
        Body::new(Logged { body, line })
    })
}

/// A request that is being answered; logged when it is dropped.
struct Line {
    log: Log,
    client: String,
    what: String,
    range: String,
    status: u16,
    since: Instant,
    sent: u64,
    error: Option<String>,
}

impl Drop for Line {
    fn drop(&mut self) {
        let Line { client, what, range, status, sent, .. } = self;
        let milliseconds = self.since.elapsed().as_secs_f64() * 1e3;
        let mut line =
            format!("{} {client} {what}{range} {status} {sent} {milliseconds:.1} ms", now());
        if let Some(error) = &self.error {
            line.push_str(&format!(" broken off: {}", error.escape_debug()));
        }
        (self.log)(&line);
    }
}

/// A body whose bytes are counted.
struct Logged {
    body: Body,
    line: Line,
}

impl HttpBody for Logged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let len = frame.data_ref().map_or(0, Bytes::len);
                self.line.sent = self.line.sent.saturating_add(len as u64);
            }
            Poll::Ready(Some(Err(error))) => self.line.error = Some(error.to_string()),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
