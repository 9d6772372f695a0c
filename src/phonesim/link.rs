//! Interfaces, addresses and routes of the calling thread's network namespace, by netlink: a bare Debian has no `ip`.

use std::io;
use std::net::Ipv4Addr;

use futures_util::TryStreamExt;
use ipnet::Ipv4Net;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::link::LinkMessage;
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};
use tokio::runtime::Runtime;

/// A netlink socket, in the namespace in which it was opened.
#[derive(Debug)]
pub struct Netlink {
    runtime: Runtime,
    handle: Handle,
}

impl Netlink {
    /// Opens one in the calling thread's namespace. Not to be called inside an asynchronous task.
    ///
    /// # Errors
    /// When the kernel gives no netlink socket.
    pub fn open() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (connection, handle, _) = runtime.block_on(async { rtnetlink::new_connection() })?;
        runtime.spawn(connection);
        Ok(Self { runtime, handle })
    }

    /// Makes an interface by this message.
    ///
    /// # Errors
    /// What the kernel says, as for all that follow.
    pub fn add(&self, link: LinkMessage) -> io::Result<()> {
        self.runtime.block_on(self.handle.link().add(link).execute()).map_err(refused)
    }

    /// The index of the interface `name`.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn index(&self, name: &str) -> io::Result<u32> {
        let mut found = std::pin::pin!(self.handle.link().get().match_name(name).execute());
        match self.runtime.block_on(found.try_next()).map_err(refused)? {
            Some(link) => Ok(link.header.index),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Switches an interface on.
    ///
    /// # Errors
    /// See [`Netlink::add`].
    pub fn up(&self, name: &str) -> io::Result<()> {
        let link = LinkUnspec::new_with_index(self.index(name)?).up().build();
        self.runtime.block_on(self.handle.link().set(link).execute()).map_err(refused)
    }

    /// Gives an interface this address and no other.
    ///
    /// # Errors
    /// See [`Netlink::add`].
    pub fn address(&self, name: &str, net: Ipv4Net) -> io::Result<()> {
        self.forget_addresses(name)?;
        let request = self.handle.address().add(self.index(name)?, net.addr().into(), net.prefix_len());
        self.runtime.block_on(request.execute()).map_err(refused)
    }

    /// Takes every IPv4 address from an interface, and with them its routes.
    ///
    /// # Errors
    /// See [`Netlink::add`].
    pub fn forget_addresses(&self, name: &str) -> io::Result<()> {
        let index = self.index(name)?;
        self.runtime
            .block_on(async {
                let held: Vec<_> =
                    self.handle.address().get().set_link_index_filter(index).execute().try_collect().await?;
                for address in held {
                    if address.header.family == AddressFamily::Inet && address.header.index == index {
                        self.handle.address().del(address).execute().await?;
                    }
                }
                Ok(())
            })
            .map_err(refused)
    }

    /// Sends everything else to `gateway`.
    ///
    /// # Errors
    /// See [`Netlink::add`].
    pub fn default_route(&self, gateway: Ipv4Addr) -> io::Result<()> {
        let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(gateway).build();
        self.runtime.block_on(self.handle.route().add(route).replace().execute()).map_err(refused)
    }
}

fn refused(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    }
}
