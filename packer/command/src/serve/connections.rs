//! Accepts connections: so many at once, with limits on their time, until it is told to stop.

use super::ServeOptions;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, header::CONNECTION};
use axum::middleware::map_response;
use axum::response::Response;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, TryAcquireError};
use tokio_io_timeout::TimeoutStream;

/// How often it is looked whether to stop.
const TICK: Duration = Duration::from_millis(50);

/// Heads of requests longer than this are refused, in bytes.
const HEAD: usize = 32 << 10;

/// Answers every request with `router`, until `stop` is set; then those under way are finished, as
/// long as that takes not too long.
pub(super) async fn run(
    listener: TcpListener,
    router: Router,
    options: &ServeOptions,
    stop: &AtomicBool,
) {
    let free = Arc::new(Semaphore::new(options.max_connections));
    // Whether others wait for a connection.
    let is_full = Arc::new(AtomicBool::new(false));
    let graceful = GracefulShutdown::new();
    loop {
        // With all connections taken, others wait in the system's queue.
        let next = async {
            let permit = match Arc::clone(&free).try_acquire_owned() {
                Err(TryAcquireError::NoPermits) => {
                    is_full.store(true, Ordering::Relaxed);
                    let permit = Arc::clone(&free).acquire_owned().await;
                    is_full.store(false, Ordering::Relaxed);
                    permit.ok()
                }
                permit => permit.ok(),
            };
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = next => accepted,
            () = until(stop) => break,
        };
        let Some(permit) = permit else { break };
        let Ok((stream, client)) = accepted else {
            // Out of file descriptors, most likely; some will be closed.
            tokio::time::sleep(TICK).await;
            continue;
        };
        let (options, watcher, is_full) =
            (options.clone(), graceful.watcher(), Arc::clone(&is_full));
        // Then nobody keeps a connection for his next request.
        let router = router.clone().layer(map_response(move |mut response: Response| {
            if is_full.load(Ordering::Relaxed) {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            std::future::ready(response)
        }));
        tokio::spawn(async move {
            serve(stream, client, router, &options, watcher).await;
            drop(permit);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(options.drain, graceful.shutdown()).await;
}

/// Serves one client. What goes wrong with one concerns nobody else, and it knows.
async fn serve(
    stream: TcpStream,
    client: SocketAddr,
    router: Router,
    options: &ServeOptions,
    watcher: Watcher,
) {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(options.stall_timeout));
    let router = router.layer(Extension(ConnectInfo(client)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
    let _ = watcher.watch(connection).await;
}

async fn until(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(TICK).await;
    }
}

/// Lets this process have as many files and connections open as the system allows it at most.
pub(crate) fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // The old limit does for a few connections.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
