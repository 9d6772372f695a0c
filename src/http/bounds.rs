use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::block_of;

/// How much a listener takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. Idle ones count.
    pub connections: usize,
    /// Connections at once from one source: an IPv4 address or an IPv6 /64.
    pub per_source: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a connection may be idle, and how long the head of a request may take.
    pub head: Duration,
    /// How long a client may leave a response unread.
    pub stalled: Duration,
    /// How long requests under way may take to end when the box stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            per_source: 128,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(20),
            stalled: Duration::from_secs(30),
            drain: Duration::from_secs(5),
        }
    }
}

/// Counts connections, so that no source keeps the others out.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    counts: Arc<Mutex<Counts>>,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_source: HashMap<IpAddr, usize>,
}

impl Bounds {
    pub(super) fn new(limits: Limits) -> Self {
        Self { counts: Arc::default(), limits }
    }

    /// Room for one more connection from `address`, kept until it is dropped.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Admission> {
        let source = block_of(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= self.limits.connections {
            return None;
        }
        let of_source = counts.by_source.entry(source).or_default();
        if *of_source >= self.limits.per_source {
            return None;
        }
        *of_source += 1;
        counts.all += 1;
        Some(Admission { counts: Arc::clone(&self.counts), source })
    }
}

/// One connection's place.
#[derive(Debug)]
pub(super) struct Admission {
    counts: Arc<Mutex<Counts>>,
    source: IpAddr,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(of_source) = counts.by_source.get_mut(&self.source) {
            *of_source = of_source.saturating_sub(1);
            if *of_source == 0 {
                counts.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_source_keeps_the_others_out() {
        let bounds = Bounds::new(Limits { connections: 5, per_source: 2, ..Limits::default() });
        let [a, b, c] = [1, 2, 3].map(|last| IpAddr::from([10, 66, 0, last]));
        let held: Vec<_> = [a, a, b, b].into_iter().map(|address| bounds.admit(address).unwrap()).collect();
        assert!(bounds.admit(a).is_none());
        let last = bounds.admit(c).unwrap();
        assert!(bounds.admit(c).is_none(), "the listener is full");
        drop(last);
        drop(held);
        let counts = bounds.counts.lock().unwrap();
        assert_eq!((counts.all, counts.by_source.len()), (0, 0));
    }
}
