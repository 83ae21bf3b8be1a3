//! The bytes of a connection, and who is to speak next.

use super::unasked;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// How HTTP/2 begins; nothing of HTTP/1 does.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    Http1,
    Http2,
    /// Either, as its first bytes say.
    Either,
}

/// A connection from which the first bytes can be read before it is known who reads the others.
pub struct Stream<T> {
    io: T,
    ahead: Vec<u8>,
    turn: Turn,
    /// What is left to be said in the place of what the server said.
    instead: Vec<u8>,
}

/// Who is to speak next on a connection; clones are the same.
#[derive(Clone, Default)]
pub struct Turn(Arc<Said>);

#[derive(Default)]
struct Said {
    /// Something came after what we said last.
    asked: AtomicBool,
    /// What we say is not gone yet.
    unsaid: AtomicBool,
}

impl Turn {
    /// All that came was answered, and the answers are gone.
    pub fn is_theirs(&self) -> bool {
        !self.0.asked.load(Relaxed) && self.all_is_said()
    }

    /// The answers are gone.
    pub fn all_is_said(&self) -> bool {
        !self.0.unsaid.load(Relaxed)
    }
}

impl<T> Stream<T> {
    /// Of a connection of which this was read ahead.
    pub fn new(io: T, ahead: Vec<u8>) -> Self {
        Self { io, ahead, turn: Turn::default(), instead: Vec::new() }
    }

    /// Who is to speak next on it.
    pub fn turn(&self) -> Turn {
        self.turn.clone()
    }

    /// The connection, and what was read of it ahead.
    pub fn into_parts(self) -> (T, Vec<u8>) {
        (self.io, self.ahead)
    }
}

impl<T: AsyncRead + Unpin> Stream<T> {
    /// Waits until something is said, of HTTP/2 all of its preface; tells what is spoken, or nothing when the connection
    /// ends instead. What was read is read once more by whoever comes next, also when this is dropped before it has ended.
    pub async fn begins(&mut self, spoken: Spoken) -> io::Result<Option<Spoken>> {
        loop {
            let (begun, http2) = (!self.ahead.is_empty(), PREFACE.starts_with(&self.ahead));
            match spoken {
                Spoken::Http1 if begun => return Ok(Some(Spoken::Http1)),
                Spoken::Either if !http2 => return Ok(Some(Spoken::Http1)),
                Spoken::Http2 if !http2 => return Ok(Some(Spoken::Http2)),
                _ if self.ahead.len() == PREFACE.len() => return Ok(Some(Spoken::Http2)),
                _ => {}
            }
            let mut next = [0; PREFACE.len()];
            match self.io.read(&mut next[self.ahead.len()..]).await? {
                0 => return Ok(None),
                length => self.ahead.extend_from_slice(&next[self.ahead.len()..][..length]),
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stream<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.ahead.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        } else {
            let length = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.ahead[..length]);
            self.ahead.drain(..length);
        }
        if buffer.filled().len() > before {
            self.turn.0.asked.store(true, Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Stream<T> {
    /// Notes how a write ended.
    fn said<R>(&self, polled: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        self.turn.0.unsaid.store(polled.is_pending(), Relaxed);
        polled
    }

    /// Says something else, all of it in the time of this write, in the place of an answer that no route gave.
    fn poll_instead(&mut self, cx: &mut Context<'_>, said: &[u8]) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_empty() {
            self.instead = unasked::instead_of(said)?;
        }
        while !self.instead.is_empty() {
            match Pin::new(&mut self.io).poll_write(cx, &self.instead) {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(length)) => drop(self.instead.drain(..length)),
                ended => return Some(ended),
            }
        }
        Some(Poll::Ready(Ok(said.len())))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.turn.0.asked.store(false, Relaxed);
        let instead = self.poll_instead(cx, bytes);
        let polled = instead.unwrap_or_else(|| Pin::new(&mut self.io).poll_write(cx, bytes));
        self.said(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.turn.0.asked.store(false, Relaxed);
        let first = parts.first().map_or(&[][..], |part| part);
        let instead = self.poll_instead(cx, first);
        let polled = instead.unwrap_or_else(|| Pin::new(&mut self.io).poll_write_vectored(cx, parts));
        self.said(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_flush(cx);
        self.said(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;
    use tokio::io::{AsyncWriteExt, duplex};

    #[tokio::test]
    async fn what_is_spoken_is_told_by_what_comes_first_and_read_again() {
        let preface = std::str::from_utf8(PREFACE).unwrap();
        for (said, spoken) in
            [("POST / HTTP", Spoken::Http1), (preface, Spoken::Http2), ("PRI * HTTP/1.1", Spoken::Http1)]
        {
            let (mut caller, io) = duplex(64);
            let mut stream = Stream::new(io, Vec::new());
            // It comes in as small pieces as it can.
            for byte in said.as_bytes() {
                caller.write_all(&[*byte]).await.unwrap();
            }
            drop(caller);
            assert_eq!(stream.begins(Spoken::Either).await.unwrap(), Some(spoken), "{said}");
            let mut read = String::new();
            stream.read_to_string(&mut read).await.unwrap();
            assert_eq!(read, said);
        }
        let (mut caller, io) = duplex(64);
        caller.write_all(&PREFACE[..20]).await.unwrap();
        drop(caller);
        assert_eq!(Stream::new(io, Vec::new()).begins(Spoken::Either).await.unwrap(), None, "half of it is nothing");
        let (_caller, io) = duplex(64);
        let known = Stream::new(io, b"x".to_vec()).begins(Spoken::Http2).await.unwrap();
        assert_eq!(known, Some(Spoken::Http2), "what was read before counts");
    }

    #[tokio::test]
    async fn it_is_their_turn_once_an_answer_to_all_that_came_is_gone() {
        let (mut caller, io) = duplex(4);
        let mut stream = Stream::new(io, b"a".to_vec());
        let turn = stream.turn();
        assert!(turn.is_theirs(), "nothing was said");
        assert_eq!(stream.read_u8().await.unwrap(), b'a');
        assert!(!turn.is_theirs());
        let mut answer = &b"answer"[..];
        stream.write_buf(&mut answer).await.unwrap();
        assert!(turn.is_theirs());
        let unread = Pin::new(&mut stream).poll_write(&mut Context::from_waker(Waker::noop()), answer);
        assert!(unread.is_pending());
        assert!(!turn.is_theirs());
        caller.read_exact(&mut [0; 4]).await.unwrap();
        stream.write_buf(&mut answer).await.unwrap();
        assert!(turn.is_theirs());
        caller.write_all(b"b").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'b');
        assert!(!turn.is_theirs());
    }
}
