use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{LinkAddr, bind, recvfrom};
use socket2::{Domain, Protocol, Socket, Type};

use super::{Weather, checksum};

/// The longest frame, and some more.
const LONGEST: usize = 2048;
/// Frames that one system call later may wait in the socket.
const BACKLOG: usize = 4 << 20;

/// What became of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) carried: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) late: u64,
}

#[derive(Default)]
struct Shared {
    weather: Mutex<Weather>,
    stop: AtomicBool,
    carried: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
    late: AtomicU64,
}

/// Two threads, one for each direction.
pub(super) struct Relay {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Relays between two interfaces of a namespace.
    pub(super) fn start(namespace: &str, (one, other): (&str, &str), weather: Weather, seed: u64) -> Self {
        let shared = Arc::new(Shared { weather: Mutex::new(weather), ..Shared::default() });
        let [one, other] = inside(namespace, || [one, other].map(|name| Arc::new(open(name))));
        let ways = [(Arc::clone(&one), Arc::clone(&other), seed), (other, one, !seed)];
        let threads = ways.map(|(from, to, seed)| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || carry(&from, &to, &shared, seed))
        });
        Self { shared, threads: threads.into() }
    }

    pub(super) fn change(&self, weather: Weather) {
        *self.shared.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    pub(super) fn counts(&self) -> Counts {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Shared { carried, lost, doubled, late, .. } = &*self.shared;
        Counts { carried: get(carried), lost: get(lost), doubled: get(doubled), late: get(late) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Runs `work` in a thread that stands in a namespace.
pub(super) fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("/run/netns/{namespace}")).expect("a namespace");
    let done = std::thread::scope(|scope| {
        scope
            .spawn(move || {
                setns(file, CloneFlags::CLONE_NEWNET).expect("it may be entered");
                work()
            })
            .join()
    });
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn open(interface: &str) -> Socket {
    let all = u16::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be();
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(i32::from(all)))).expect("a packet socket");
    socket.set_nonblocking(true).expect("a socket");
    socket.set_recv_buffer_size(BACKLOG).expect("a socket");
    let mut found = getifaddrs().expect("interfaces").filter(|found| found.interface_name == interface);
    let link = found.find_map(|found| found.address?.as_link_addr().copied()).expect("the interface");
    bind(socket.as_raw_fd(), &link).expect("it binds");
    socket
}

/// A frame on its way: when it is due, in which order it came, and its bytes.
type Due = Reverse<(Instant, u64, Vec<u8>)>;

fn carry(from: &Socket, to: &Socket, shared: &Shared, seed: u64) {
    const IDLE: Duration = Duration::from_millis(50);
    let mut chance = Chance(seed);
    let mut way: BinaryHeap<Due> = BinaryHeap::new();
    let (mut order, mut buffer) = (0, [0; LONGEST]);
    while !shared.stop.load(Ordering::Relaxed) {
        let wait =
            way.peek().map_or(IDLE, |Reverse((due, ..))| due.saturating_duration_since(Instant::now()).min(IDLE));
        // Rounded up: what is not due yet is not asked for again and again.
        let wait = PollTimeout::try_from(u32::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(50)).expect("short");
        let _ = poll(&mut [PollFd::new(from.as_fd(), PollFlags::POLLIN)], wait);
        while let Ok((length, Some(about))) = recvfrom::<LinkAddr>(from.as_raw_fd(), &mut buffer) {
            if i32::from(about.pkttype()) == i32::from(libc::PACKET_OUTGOING) {
                continue;
            }
            let mut frame = buffer[..length.min(LONGEST)].to_vec();
            checksum::put_right(&mut frame);
            let mut weather = *shared.weather.lock().unwrap_or_else(PoisonError::into_inner);
            if frame.get(12..14) != Some(&[8, 0]) {
                weather = Weather { delay: weather.delay, ..Weather::default() };
            }
            shared.carried.fetch_add(1, Ordering::Relaxed);
            if chance.hits(weather.lost) {
                shared.lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let mut due = Instant::now() + weather.delay;
            if chance.hits(weather.late) {
                shared.late.fetch_add(1, Ordering::Relaxed);
                due += Weather::LATE;
            }
            if chance.hits(weather.doubled) {
                shared.doubled.fetch_add(1, Ordering::Relaxed);
                order += 1;
                way.push(Reverse((due, order, frame.clone())));
            }
            order += 1;
            way.push(Reverse((due, order, frame)));
            send_due(&mut way, to);
        }
        send_due(&mut way, to);
    }
}

fn send_due(way: &mut BinaryHeap<Due>, to: &Socket) {
    while way.peek().is_some_and(|Reverse((due, ..))| *due <= Instant::now()) {
        if let Some(Reverse((_, _, frame))) = way.pop() {
            // What does not fit is lost, as on any line.
            let _ = to.send(&frame);
        }
    }
}

/// Numbers by chance (splitmix64).
struct Chance(u64);

impl Chance {
    /// Whether one of a million, of which so many hit, is a hit.
    fn hits(&mut self, share: u32) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 1_000_000 < u64::from(share)
    }
}
