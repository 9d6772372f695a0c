//! How much memory a full box needs: measured in a process of its own that opens the store and does nothing else.

use std::path::Path;
use std::process::Command;

use block66::store::{Limits, Write};

use crate::workload;

const PHONES: u32 = 10_000;
const LEASES: u32 = 60_000;

/// Starts the test `name` of this program on the store in `directory`, and returns the number that it printed.
fn child(directory: &Path, name: &str, what: &str) -> usize {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", name])
        .env("POWERCUT_CHILD", directory)
        .env("POWERCUT_WORK", what)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.split("resident=").nth(1)?.parse().ok()).expect("the child tells its size")
}

/// Fills a store, or opens it and tells how many bytes the process has in memory.
pub(crate) fn in_a_child(directory: &Path, what: &str) {
    let (store, _) = workload::open_within(directory, Limits::default()).unwrap();
    let (phones, leases) = match what {
        "phones" => (PHONES, 0),
        "leases" => (0, LEASES),
        _ => (0, 0),
    };
    if phones > 0 {
        store.commit(vec![workload::put_organisation()]).wait().unwrap();
    }
    let puts = (0..phones).map(|number| workload::put_phone(number, 12));
    let puts: Vec<Write> = puts.chain((0..leases).map(|number| workload::put_lease(number, 1))).collect();
    for some in puts.chunks(500) {
        store.commit(some.to_vec()).wait().unwrap();
    }
    let pages: usize = std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    println!("resident={}", pages * 4096);
    store.close();
}

/// Bytes that a store of this content takes in memory after a start, the engine's cache included.
pub(crate) fn resident(scratch: &Path, name: &str, what: &str) -> usize {
    let directory = scratch.join(if what.is_empty() { "nothing" } else { what });
    child(&directory, name, what);
    child(&directory, name, "")
}
