//! A connection of the door: served while something is asked, with the bounds of its protocol, and at rest in between.
//!
//! A server of HTTP/1 holds 16 KB of buffers for each connection, as long as it is open. Most of ten thousand ask
//! nothing at a time: a connection that has rested a while gives its buffers back, and is served anew by what comes next.

use super::{
    activity::{Activity, Doing},
    answer::Problem,
    routes::Peer,
    server::{Bounds, CLOSING, Phase, closed},
    stream::{Spoken, Stream},
    unasked,
};
use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Version, header::CONNECTION},
    response::IntoResponse,
};
use hyper::{
    Request, Response,
    body::Incoming,
    server::conn::{http1, http2},
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::watch,
};
use tower_service::Service as _;

/// Bytes of a request's line and headers.
pub const HEADER_BYTES: usize = 16 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// Requests under way on a connection of HTTP/2.
const STREAMS: u32 = 128;
/// Requests that a connection of HTTP/2 took back, or broke off by a mistake, before they were looked at: more are an
/// attack (rapid reset).
const TAKEN_BACK: usize = 32;
/// Bytes of bodies that may come on a connection of HTTP/2 before they are read, and of one of its requests.
const WINDOWS: (u32, u32) = (1 << 20, 1 << 18);
/// Bytes of an answer that wait on a connection of HTTP/2 to be sent.
const SEND_BYTES: usize = 64 << 10;
/// How long nothing was asked on a connection of HTTP/1 before it rests.
const REST: Duration = Duration::from_millis(100);

impl Bounds {
    /// How long a connection may go on with what it does.
    fn left(self, doing: Doing, closing: Option<Instant>) -> Duration {
        match (doing, closing) {
            // That ends by itself: looked at again.
            (Doing::Answering(_), Some(_)) => self.read_within,
            (Doing::Answering(since), None) | (Doing::Unread(since), _) => self.read_within.saturating_sub(since),
            (Doing::Idle(since), None) => self.headers_within.saturating_sub(since),
            // What it was told may still have to be read.
            (Doing::Idle(since), Some(told)) => self.read_within.saturating_sub(since.min(told.elapsed())),
        }
    }
}

/// What is done with a connection.
#[derive(Clone)]
struct Way {
    peer: SocketAddr,
    routes: Router,
    bounds: Bounds,
    activity: Activity,
    phase: watch::Receiver<Phase>,
}

/// Serves a connection until it ends.
pub async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    routes: Router,
    spoken: Spoken,
    bounds: Bounds,
    phase: watch::Receiver<Phase>,
) {
    let mut way = Way { peer, routes, bounds, activity: Activity::new(), phase };
    let mut stream = Stream::new(stream, Vec::new());
    loop {
        let left = bounds.left(way.activity.doing(), None);
        let begun = tokio::select! {
            begun = stream.begins(spoken) => begun,
            () = closed(&mut way.phase) => Ok(None),
            () = tokio::time::sleep(left) => Ok(None),
        };
        match begun {
            Ok(Some(spoken)) => match Box::pin(awake(stream, spoken, way.clone())).await {
                Some(rests) => stream = rests,
                None => return,
            },
            Ok(None) => {
                // Over TLS it is told that this is the end.
                drop(tokio::time::timeout(bounds.read_within, stream.shutdown()).await);
                return;
            }
            Err(error) => return tracing::debug!(%peer, %error, "a connection ended"),
        }
    }
}

/// Serves a connection on which something is asked, until it ends or comes to rest.
async fn awake<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: Stream<T>,
    spoken: Spoken,
    way: Way,
) -> Option<Stream<T>> {
    let Way { peer, routes, bounds, activity, mut phase } = way;
    let turn = stream.turn();
    let service = service(routes, peer, activity.clone(), phase.clone());
    let mut served = match spoken {
        Spoken::Http2 => Served::two(stream, bounds, service),
        Spoken::Http1 | Spoken::Either => Served::one(stream, bounds, service),
    };
    let mut closing = None;
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut served => break ended,
            () = closed(&mut phase), if closing.is_none() => {
                closing = Some(Instant::now());
                served.close();
            }
            // What it does may change meanwhile, and be bounded by less.
            () = tokio::time::sleep(bounds.left(activity.doing(), closing).min(bounds.read_within).min(REST)) => {
                let doing = activity.doing();
                match (doing, closing) {
                    _ if !bounds.left(doing, closing).is_zero() => {
                        if closing.is_none() && turn.is_theirs() && activity.rests_for(REST) {
                            match served.rest() {
                                Ok(rests) => return Some(rests),
                                Err(goes_on) => served = goes_on,
                            }
                        }
                    }
                    (Doing::Idle(_), None) if served.is_one() && turn.all_is_said() => {
                        leave(served, bounds).await;
                        return None;
                    }
                    // Another's answer is not read: those under way end first.
                    (Doing::Idle(_) | Doing::Answering(_), None) => {
                        closing = Some(Instant::now());
                        served.close();
                    }
                    _ => {
                        tracing::debug!(%peer, ?doing, "a connection is cut");
                        return None;
                    }
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended");
        if error.is_timeout() {
            leave(served, bounds).await;
        }
    }
    None
}

/// Ends a connection on which nothing more came in time; whoever has begun a request of HTTP/1 is told.
async fn leave<T, S>(served: Served<T, S>, bounds: Bounds)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send + 'static>,
{
    let Ok(stream) = served.rest() else { return };
    let (mut io, begun) = stream.into_parts();
    let told = async {
        if !begun.is_empty() {
            io.write_all(&unasked::told(Problem::HeadersTooSlow)).await?;
        }
        io.shutdown().await
    };
    drop(tokio::time::timeout(bounds.read_within, told).await);
}

/// What answers the requests of a connection.
fn service(
    routes: Router,
    peer: SocketAddr,
    activity: Activity,
    phase: watch::Receiver<Phase>,
) -> impl HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send> + Send {
    service_fn(move |request: Request<Incoming>| {
        let (mut routes, asked, phase) = (routes.clone(), activity.asked(), phase.clone());
        let is_last = request.version() < Version::HTTP_2;
        let mut request = request.map(|body| activity.reads(body));
        request.extensions_mut().insert(Peer(peer));
        async move {
            let mut answer: Response<Body> = match request.headers().len() {
                // HTTP/1 has counted them before.
                ..=HEADERS => routes.call(request).await.unwrap_or_else(|never| match never {}),
                _ => Problem::HeadersTooLarge.into_response(),
            };
            if *phase.borrow() != Phase::Open {
                answer.headers_mut().insert(CLOSING, HeaderValue::from_static("true"));
                if is_last {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
            }
            Ok::<_, Infallible>(answer.map(|body| asked.answered(body)))
        }
    })
}

/// A connection that is being served.
enum Served<T, S: HttpService<Incoming>> {
    One(Box<http1::Connection<TokioIo<Stream<T>>, S>>),
    Two(Box<http2::Connection<TokioIo<Stream<T>>, S, TokioExecutor>>),
}

impl<T, S> Served<T, S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send + 'static>,
{
    fn one(stream: Stream<T>, bounds: Bounds, service: S) -> Self {
        let builder = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.headers_within)
            .max_buf_size(HEADER_BYTES)
            .max_headers(HEADERS)
            .clone();
        Self::One(Box::new(builder.serve_connection(TokioIo::new(stream), service)))
    }

    /// With the bounds that the known attacks on it run into.
    fn two(stream: Stream<T>, bounds: Bounds, service: S) -> Self {
        let builder = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(HEADER_BYTES as u32)
            .max_concurrent_streams(STREAMS)
            .max_pending_accept_reset_streams(TAKEN_BACK)
            .max_local_error_reset_streams(TAKEN_BACK)
            .initial_connection_window_size(WINDOWS.0)
            .initial_stream_window_size(WINDOWS.1)
            .max_send_buf_size(SEND_BYTES)
            // Who is gone without a word is found out: what it asked for ends.
            .keep_alive_interval(bounds.headers_within)
            .keep_alive_timeout(bounds.read_within)
            .clone();
        Self::Two(Box::new(builder.serve_connection(TokioIo::new(stream), service)))
    }

    /// Takes no more requests, and ends with those that are under way.
    fn close(&mut self) {
        match self {
            Self::One(served) => Pin::new(&mut **served).graceful_shutdown(),
            Self::Two(served) => Pin::new(&mut **served).graceful_shutdown(),
        }
    }

    fn is_one(&self) -> bool {
        matches!(self, Self::One(_))
    }

    /// Gives back what it holds for a connection on which nothing is asked; HTTP/2 has a state that would be lost.
    fn rest(self) -> Result<Stream<T>, Self> {
        match self {
            Self::One(served) => {
                let parts = served.into_parts();
                let (io, ahead) = parts.io.into_inner().into_parts();
                Ok(Stream::new(io, [&parts.read_buf[..], &ahead].concat()))
            }
            Self::Two(_) => Err(self),
        }
    }
}

impl<T, S> Future for Served<T, S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send + 'static> + Unpin,
{
    type Output = hyper::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::One(served) => Pin::new(served).poll(cx),
            Self::Two(served) => Pin::new(served).poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    const WITHIN: Duration = Duration::from_secs(20);

    fn way() -> Way {
        let bounds = Bounds {
            connections: 1,
            headers_within: WITHIN,
            read_within: WITHIN,
            drain: Duration::ZERO,
            close_within: WITHIN,
        };
        let routes = Router::new().fallback(|body: String| async { body });
        let (_, phase) = watch::channel(Phase::Open);
        Way { peer: ([127, 0, 0, 1], 1).into(), routes, bounds, activity: Activity::new(), phase }
    }

    async fn told(caller: &mut DuplexStream, until: &str) {
        let mut told = String::new();
        while !told.ends_with(until) {
            told.push(caller.read_u8().await.unwrap().into());
        }
        assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    }

    #[tokio::test]
    async fn a_connection_rests_when_all_is_answered_and_is_served_again() {
        let (mut caller, io) = duplex(4096);
        let (_open, phase) = watch::channel(Phase::Open);
        let way = Way { phase, ..way() };
        let mut stream = Stream::new(io, Vec::new());
        for said in ["first", "second"] {
            // Its end comes once it was served for a while.
            let (head, end) = said.split_at(2);
            let request = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n{head}", said.len());
            caller.write_all(request.as_bytes()).await.unwrap();
            assert_eq!(stream.begins(Spoken::Either).await.unwrap(), Some(Spoken::Http1));
            let caller = async {
                caller.write_all(end.as_bytes()).await.unwrap();
                told(&mut caller, said).await;
            };
            let (rests, ()) =
                tokio::time::timeout(WITHIN, async { tokio::join!(awake(stream, Spoken::Http1, way.clone()), caller) })
                    .await
                    .unwrap();
            stream = rests.expect("it is open");
        }
        drop(caller);
        assert_eq!(stream.begins(Spoken::Either).await.unwrap(), None, "nothing is left over");
    }

    #[tokio::test]
    async fn a_connection_at_rest_ends_with_the_door_and_by_its_own_time() {
        for (headers_within, told) in [(WITHIN, true), (Duration::from_millis(1), false)] {
            let (mut caller, io) = duplex(64);
            let (close, phase) = watch::channel(Phase::Open);
            let Way { peer, routes, mut bounds, .. } = way();
            bounds.headers_within = headers_within;
            let served = tokio::spawn(serve(io, peer, routes, Spoken::Either, bounds, phase));
            if told {
                close.send(Phase::Closed).unwrap();
            }
            let ended = tokio::time::timeout(WITHIN, caller.read(&mut [0; 1])).await.unwrap();
            assert_eq!(ended.unwrap(), 0);
            served.await.unwrap();
        }
    }
}
