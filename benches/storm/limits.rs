//! The kernel's limits of neighbours, which hold for all namespaces together.

use std::fs;

const NAMES: [&str; 3] = ["gc_thresh1", "gc_thresh2", "gc_thresh3"];

/// Raised limits; they are put back when this is dropped.
pub(crate) struct Neighbours {
    before: Vec<(String, String)>,
}

impl Neighbours {
    /// Makes room for so many neighbours, if there is less.
    pub(crate) fn raise(room: usize) -> Self {
        let path = |name: &str| format!("/proc/sys/net/ipv4/neigh/default/{name}");
        let before: Vec<_> =
            NAMES.iter().map(|name| (path(name), fs::read_to_string(path(name)).unwrap_or_default())).collect();
        // The largest first: a kernel may insist on their order.
        for (at, value) in before.iter().rev() {
            if value.trim().parse::<usize>().is_ok_and(|now| now < room)
                && let Err(error) = fs::write(at, room.to_string())
            {
                println!("{at} could not be raised ({error}): with many phones connections will fail");
            }
        }
        Self { before }
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        for (at, value) in &self.before {
            if let Err(error) = fs::write(at, value) {
                eprintln!("{at} could not be put back to {}: {error}", value.trim());
            }
        }
    }
}
