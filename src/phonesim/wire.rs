use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::Remote;

/// How often a waiting phone looks whether its plug was pulled.
pub(super) const GLANCE: Duration = Duration::from_millis(50);

/// One TCP connection, which ends when the phone's power does.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    remote: Remote,
    /// Bytes until the power goes.
    left: Option<u64>,
    /// Bytes that went over it in both directions.
    pub(super) bytes: u64,
    limit: Duration,
}

impl Wire {
    pub(super) fn connect(to: SocketAddr, remote: Remote, left: Option<u64>, limit: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, limit)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(GLANCE))?;
        stream.set_write_timeout(Some(GLANCE))?;
        if left == Some(0) {
            remote.lose_power();
        }
        Ok(Self { stream, remote, left, bytes: 0, limit })
    }

    /// The part of `length` bytes that can still be carried.
    fn allowed(&self, length: usize) -> usize {
        self.left.map_or(length, |left| usize::try_from(left).unwrap_or(usize::MAX).min(length))
    }

    fn carry(
        &mut self,
        length: usize,
        mut operation: impl FnMut(&mut TcpStream, usize) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let until = Instant::now() + self.limit;
        loop {
            if self.remote.ordered().is_some() {
                return Err(io::Error::other("the phone lost its power"));
            }
            let allowed = self.allowed(length);
            match operation(&mut self.stream, allowed) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if Instant::now() >= until {
                        return Err(io::Error::new(ErrorKind::TimedOut, "nothing came for too long"));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(carried) => {
                    let count = u64::try_from(carried).unwrap_or(u64::MAX);
                    self.bytes += count;
                    if let Some(left) = &mut self.left {
                        *left = left.saturating_sub(count);
                        if *left == 0 {
                            self.remote.lose_power();
                        }
                    }
                    return Ok(carried);
                }
            }
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.carry(buffer.len(), |stream, allowed| stream.read(buffer.get_mut(..allowed).unwrap_or_default()))
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.carry(buffer.len(), |stream, allowed| stream.write(buffer.get(..allowed).unwrap_or_default()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
