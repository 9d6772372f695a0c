//! Sending syslog: datagrams, or octet-counted messages over a connection that is made anew when it breaks.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::hook::Pause;
use super::{Collector, Notice, Outlets, Transport};
use crate::sys::dial;

/// How long a connection may take to be made, or a message to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends what waits to a collector, until the queue is gone.
pub(super) async fn send(
    outlets: Outlets,
    to: Collector,
    tls: Arc<ClientConfig>,
    mut waiting: mpsc::Receiver<Arc<Notice>>,
) {
    let name = to.name();
    let mut way = None;
    while let Some(notice) = waiting.recv().await {
        let message = notice.syslog(&outlets.0.on.name);
        let mut pause = Pause::default();
        // Of a collector that is away the newest are dropped: the queue fills meanwhile.
        loop {
            let sent = async {
                let open = match way.take() {
                    Some(open) => open,
                    None => Way::open(&to, &tls).await?,
                };
                open.write(&message).await
            };
            let error = match tokio::time::timeout(PATIENCE, sent).await {
                Ok(Ok(open)) => {
                    way = Some(open);
                    outlets.count(&name, |sent| sent.sent += 1);
                    break;
                }
                Ok(Err(error)) => error,
                Err(_) => std::io::ErrorKind::TimedOut.into(),
            };
            if pause.is_first() {
                tracing::warn!(collector = name, %error, "syslog could not be sent, and is tried again");
            } else {
                tracing::debug!(collector = name, %error, "syslog could not be sent");
            }
            outlets.count(&name, |sent| sent.failed += 1);
            pause.wait().await;
        }
    }
}

/// The way to a collector.
enum Way {
    Datagrams(UdpSocket),
    Stream(Box<dyn Connection>),
}

trait Connection: AsyncWrite + tokio::io::AsyncRead + Unpin + Send {}
impl<T: AsyncWrite + tokio::io::AsyncRead + Unpin + Send> Connection for T {}

impl Way {
    async fn open(to: &Collector, tls: &Arc<ClientConfig>) -> std::io::Result<Self> {
        match to.transport {
            Transport::Udp => {
                let remote = tokio::net::lookup_host((dial::bare(&to.host), to.at()))
                    .await?
                    .next()
                    .ok_or(std::io::ErrorKind::NotFound)?;
                let any: std::net::IpAddr =
                    if remote.is_ipv4() { [0, 0, 0, 0].into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
                let socket = UdpSocket::bind((any, 0)).await?;
                socket.connect(remote).await?;
                Ok(Self::Datagrams(socket))
            }
            Transport::Tcp => Ok(Self::Stream(Box::new(dial::connect(&to.host, to.at()).await?))),
            Transport::Tls => {
                let stream = dial::connect(&to.host, to.at()).await?;
                Ok(Self::Stream(Box::new(dial::secure(stream, &to.host, tls).await?)))
            }
        }
    }

    /// Writes one message and gives the way back, if it is still good.
    async fn write(mut self, message: &str) -> std::io::Result<Self> {
        match &mut self {
            Self::Datagrams(socket) => {
                socket.send(message.as_bytes()).await?;
            }
            Self::Stream(stream) => {
                // A collector says nothing: what can be read is the end of the connection.
                let mut byte = [0];
                let ended = tokio::time::timeout(Duration::ZERO, stream.read(&mut byte)).await;
                if matches!(ended, Ok(Ok(0) | Err(_))) {
                    return Err(std::io::ErrorKind::ConnectionAborted.into());
                }
                stream.write_all(format!("{} {message}", message.len()).as_bytes()).await?;
                stream.flush().await?;
            }
        }
        Ok(self)
    }
}
