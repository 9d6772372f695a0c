//! The way from a port of the host to the box's page: bytes are carried, nothing is read.

use std::io;
use std::net::TcpListener;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener as Listener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::ground::BOX;
use super::namespace::Namespace;

/// Most connections that are carried at a time.
const MOST: usize = 64;

/// The forwarder; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Forwarder {
    _alive: oneshot::Sender<()>,
}

impl Forwarder {
    /// Carries connections of `listener`, a socket of the host, from the switch to the box.
    pub(super) fn start(listener: TcpListener, switch: &Namespace) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let (alive, ended) = oneshot::channel();
        switch.spawn("page".into(), move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                carry(Listener::from_std(listener)?, ended).await;
                io::Result::Ok(())
            })
        })?;
        Ok(Self { _alive: alive })
    }
}

async fn carry(listener: Listener, mut ended: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut ended => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MOST => {
                if let Ok((mut near, _)) = accepted {
                    connections.spawn(async move {
                        let mut far = TcpStream::connect((BOX, 443)).await?;
                        copy_bidirectional(&mut near, &mut far).await
                    });
                }
            }
        }
    }
}
