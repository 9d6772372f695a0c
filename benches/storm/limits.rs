//! The kernel's limits: of neighbours, which hold for all namespaces together, and of descriptors, since all phones are one
//! process.

use std::fs;
use std::process::exit;

use block66::lab::raise_file_limit;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};

/// Descriptors that a phone has for longer than moments: its namespace, the socket on which it is told, and one of which it
/// waits for an answer.
const DESCRIPTORS: usize = 3;
const NAMES: [&str; 3] = ["gc_thresh1", "gc_thresh2", "gc_thresh3"];

/// Raised limits; they are put back when this is dropped, and when a signal ends the program.
#[derive(Clone)]
pub(crate) struct Raised {
    before: Vec<(String, String)>,
}

impl Raised {
    /// Makes room for so many phones, where there is less.
    pub(crate) fn to(phones: usize) -> Self {
        descriptors(phones);
        let room = phones * 4 + 1024;
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
        let raised = Self { before };
        let kept = raised.clone();
        // Handled, not blocked: what is blocked here would be for the servers, too, which have to end when they are
        // told.
        std::thread::spawn(move || {
            let number = ended_by();
            kept.put_back();
            end_children();
            exit(128 + number);
        });
        raised
    }

    fn put_back(&self) {
        for (at, value) in &self.before {
            if let Err(error) = fs::write(at, value) {
                eprintln!("{at} could not be put back to {}: {error}", value.trim());
            }
        }
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.put_back();
    }
}

/// Makes room for the descriptors of so many phones, as far as this user may.
fn descriptors(phones: usize) {
    let needed = (phones * DESCRIPTORS + 2048) as u64;
    let most = raise_file_limit();
    if most < needed && setrlimit(Resource::RLIMIT_NOFILE, needed, needed).is_err() {
        println!("no more than {most} descriptors may be had of {needed}: with many phones sockets will fail");
    }
}

/// Waits for a signal that ends a program; its number.
fn ended_by() -> i32 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [mut interrupt, mut terminate, mut hangup] = kinds.map(|kind| signal(kind).expect("signals"));
        tokio::select! {
            _ = interrupt.recv() => kinds[0].as_raw_value(),
            _ = terminate.recv() => kinds[1].as_raw_value(),
            _ = hangup.recv() => kinds[2].as_raw_value(),
        }
    })
}

/// Ends the servers that were started; each leads no group of its own.
fn end_children() {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        // The name, in brackets, may hold anything; after it come the state and the parent.
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        if parent == Some(std::process::id()) {
            let _ = kill(Pid::from_raw(number), Signal::SIGTERM);
        }
    }
}
