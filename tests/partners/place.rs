//! Sockets at a place on the LAN of a test: a thread that stands in the place's namespace.

use std::fs::File;
use std::net::Ipv4Addr;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};

use crate::ground::{Client, ip};

/// The longest that anything on a socket is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Does something at a place, and gives what came of it.
pub(crate) fn at<T: Send + 'static>(place: &Client, work: impl FnOnce() -> T + Send + 'static) -> T {
    start(place, work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Begins to do something at a place.
pub(crate) fn start<T: Send + 'static>(place: &Client, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let path = format!("/run/netns/{}", place.namespace);
    std::thread::spawn(move || {
        setns(File::open(&path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
        work()
    })
}

/// Gives a place a fixed address.
pub(crate) fn address(place: &Client, address: Ipv4Addr) {
    ip(&format!("-n {} addr add {address}/24 dev eth0", place.namespace));
}
