//! Network namespaces without a name: they live as long as something stands in them or holds them.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getgid, getuid};

use super::Error;

/// Makes sure that this process may make network namespaces; where it has not the right already it takes a user
/// namespace of its own, in which it has.
///
/// To be called while the process has one thread: the kernel refuses a user namespace once there are more.
///
/// # Errors
/// `NotAllowed`, with what to do about it.
pub fn prepare() -> Result<(), Error> {
    if has_rights() {
        return Ok(());
    }
    let (user, group) = (getuid(), getgid());
    let refused = |error: io::Error| Error::NotAllowed { why: error.to_string(), remedy: remedy() };
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| refused(errno.into()))?;
    // user_namespaces(7): a process without rights maps only itself, and must give up setgroups before.
    std::fs::write("/proc/self/setgroups", "deny").map_err(refused)?;
    std::fs::write("/proc/self/uid_map", format!("0 {user} 1")).map_err(refused)?;
    std::fs::write("/proc/self/gid_map", format!("0 {group} 1")).map_err(refused)
}

/// CAP_NET_ADMIN and CAP_SYS_ADMIN are what network namespaces take (capabilities(7)).
fn has_rights() -> bool {
    const NEEDED: u64 = 1 << 12 | 1 << 21;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).is_some_and(|bits| bits & NEEDED == NEEDED)
}

/// The setting that forbids it here, and how it is changed.
fn remedy() -> String {
    let settings = [
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
        ("user.max_user_namespaces", "0", "10000"),
    ];
    for (name, forbids, allows) in settings {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        if std::fs::read_to_string(path).is_ok_and(|value| value.trim() == forbids) {
            return format!("`sudo sysctl {name}={allows}` allows it until the next boot; or run the lab as root");
        }
    }
    "run the lab as root, or outside the container that forbids it".into()
}

/// A network namespace.
#[derive(Debug, Clone)]
pub struct Namespace {
    file: Arc<File>,
}

impl Namespace {
    /// A new one, with nothing in it but a loopback that is off.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new() -> io::Result<Self> {
        let thread = Builder::new().name("namespace".into()).spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            // A kernel may hand the host's own settings down. Without an address, a filter by return path would
            // drop the answers of a DHCP server; IPv6 would only fill the captures. Both may be forbidden here.
            for scope in ["all", "default"] {
                let _ = std::fs::write(format!("/proc/sys/net/ipv4/conf/{scope}/rp_filter"), "0");
                let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1");
            }
            File::open("/proc/thread-self/ns/net")
        })?;
        let file = thread.join().map_err(|_| io::Error::other("a thread died"))??;
        Ok(Self { file: Arc::new(file) })
    }

    /// Runs `work` in a thread of its own that stands in this namespace, as do all threads and processes that it
    /// starts.
    ///
    /// # Errors
    /// When there is no thread; an error of entering the namespace comes when the thread is joined.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: String,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<io::Result<T>>> {
        let file = Arc::clone(&self.file);
        Builder::new().name(name).spawn(move || {
            setns(&*file, CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        })
    }

    /// Runs `work` in this namespace and waits for it.
    ///
    /// # Errors
    /// When there is no thread or it may not enter.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        std::thread::scope(|scope| {
            let thread = Builder::new().spawn_scoped(scope, || {
                setns(&*self.file, CloneFlags::CLONE_NEWNET)?;
                Ok(work())
            })?;
            thread.join().map_err(|_| io::Error::other("a thread died"))?
        })
    }

    pub(super) fn raw(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}
