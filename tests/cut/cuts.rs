//! Which cuts there are, and all of them carried out.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use block66::phonesim::Cut;

use crate::desk::first_contact;
use crate::ground::Ground;

/// Failures after which the rest is left out.
const MOST_FAILURES: usize = 5;
/// How often a cut is tried that comes after the end of its exchange.
const TRIES: usize = 12;

/// The exchanges of a first contact: URL, and the most bytes that it took.
pub(crate) struct Plan {
    pub(crate) exchanges: Vec<(String, u64)>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Cuts that happened.
    pub(crate) cuts: usize,
    /// Cuts that did not, because the exchange had ended.
    pub(crate) missed: usize,
    pub(crate) failures: Vec<String>,
}

impl Plan {
    /// Lets a phone at each desk come into service and counts the bytes. Signatures and the end of TLS differ in length
    /// from time to time: the longest counts.
    pub(crate) fn measured(ground: &Ground, limit: Duration) -> Self {
        let mut exchanges: Vec<(String, u64)> = Vec::new();
        for desk in ground.desks.iter().cycle().take(12) {
            let report = first_contact(ground, desk, None, limit).unwrap_or_else(|why| panic!("without a cut: {why}"));
            for (number, seen) in report.exchanges.iter().enumerate() {
                match exchanges.get_mut(number) {
                    Some((_, bytes)) => *bytes = seen.bytes.max(*bytes),
                    None => exchanges.push((seen.url.clone(), seen.bytes)),
                }
            }
        }
        Self { exchanges }
    }

    /// Bytes of all exchanges.
    pub(crate) fn bytes(&self) -> u64 {
        self.exchanges.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Every `stride`th cut from the `offset`th on, spread over the desks.
    pub(crate) fn carry_out(&self, ground: &Ground, (offset, stride): (usize, usize), limit: Duration) -> Found {
        // A cut after the last byte is one, too.
        let all = self
            .exchanges
            .iter()
            .enumerate()
            .flat_map(|(exchange, (_, bytes))| (0..=*bytes).map(move |after| Cut { exchange, after }));
        let cuts: Vec<Cut> = all.skip(offset).step_by(stride).collect();
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Found::default());
        std::thread::scope(|scope| {
            for desk in ground.desks.iter() {
                let (cuts, next, found) = (&cuts, &next, &found);
                scope.spawn(move || {
                    while found.lock().unwrap().failures.len() < MOST_FAILURES {
                        let Some(cut) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                        let came = (0..TRIES).find_map(|_| match first_contact(ground, desk, Some(*cut), limit) {
                            Ok(report) if report.starts == 1 => None,
                            came => Some(came),
                        });
                        let mut found = found.lock().unwrap();
                        match came {
                            None => found.missed += 1,
                            Some(came) => {
                                found.cuts += 1;
                                found.failures.extend(came.err().map(|why| format!("{cut:?}: {why}")));
                            }
                        }
                    }
                });
            }
        });
        found.into_inner().unwrap()
    }
}
