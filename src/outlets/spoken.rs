//! What a mail server says, as the SMTP client is to hear it: a line at a time, and not without end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, ReadBuf};

/// A connection of which each read gives one line at most. What stands behind the answer to STARTTLS is then taken for
/// TLS, which it is not, instead of for answers that came under its protection (RFC 3207 section 6).
#[derive(Debug)]
pub(super) struct Spoken<S> {
    stream: BufReader<S>,
    peer: SocketAddr,
    /// Bytes that are still heard.
    left: usize,
}

impl<S: AsyncRead> Spoken<S> {
    /// Bytes of a whole conversation: some forty lines of 512 (RFC 5321 section 4.5.3.1.5) for each recipient, and TLS.
    const MOST: usize = 256 << 10;

    pub(super) fn new(stream: S, peer: SocketAddr) -> Self {
        Self { stream: BufReader::new(stream), peer, left: Self::MOST }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Spoken<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, left, .. } = self.get_mut();
        let said = ready!(Pin::new(&mut *stream).poll_fill_buf(context))?;
        let line = said.iter().position(|byte| *byte == b'\n').map_or(said.len(), |end| end + 1);
        let line = said.get(..line.min(into.remaining())).unwrap_or_default();
        *left = match left.checked_sub(line.len()) {
            Some(left) => left,
            None => return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "it says too much"))),
        };
        into.put_slice(line);
        let read = line.len();
        Pin::new(stream).consume(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Spoken<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug> AsyncTokioStream for Spoken<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
