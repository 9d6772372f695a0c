//! The simulated phone's part: from what it was told to its second look for its files.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Watcher;
use super::cast::Cast;
use super::outcome::Step;
use crate::phonesim::{self, Escort, Fault, Informed, Phone, Plug, Remote, Report, Setup, Stage};

/// How long a rehearsal may take.
const LIMIT: Duration = Duration::from_secs(25);
/// How often the phone is looked at, and has its button pressed.
const GLANCE: Duration = Duration::from_millis(100);
/// How much faster the phone's own waits pass.
const PACE: u32 = 20;
/// How often the same fault is found before it counts.
const SAME_FAULT: u32 = 3;

/// What was played.
#[derive(Debug)]
pub(super) struct Played {
    /// What DHCP said, as a sentence, and whether the phone could go on with it.
    pub(super) informed: Result<String, Fault>,
    /// What the phone did, where it came as far.
    pub(super) report: Option<Report>,
    /// The first thing that stopped it, and where.
    pub(super) fault: Option<(Stage, Fault)>,
    /// Whether it ran out of time, neither in service nor with a fault that came again.
    pub(super) unfinished: bool,
}

impl Played {
    fn at_once(informed: Result<String, Fault>, stage: Stage, fault: Fault) -> Self {
        Self { informed, report: None, fault: Some((stage, fault)), unfinished: false }
    }
}

/// Plays the phone. With `old_tls`, it first greets that server as it was last seen to do. Blocks.
pub(super) fn play(
    cast: &Cast,
    told: Result<Informed, String>,
    escort: Escort,
    old_tls: Option<SocketAddr>,
    watcher: Option<Watcher>,
) -> Played {
    let mut audience = Audience { watcher, seen: 0 };
    let Informed { url, time_server } = match told {
        Ok(told) => told,
        Err(why) => {
            let fault = Fault::Uninformed { why };
            return Played::at_once(Err(fault.clone()), Stage::Dhcp, fault);
        }
    };
    let Some((option, url)) = url else {
        let fault = Fault::NoProvisioningUrl;
        return Played::at_once(Err(fault.clone()), Stage::Dhcp, fault);
    };
    let informed = Ok(format!("option {option} is {url}"));
    audience.see(Step::informed(&informed));
    if let Some(tls) = old_tls.filter(|_| cast.speaks_tls())
        && let Err(fault) = phonesim::greet_as_of_old(tls)
    {
        return Played::at_once(informed, Stage::Configuration, fault);
    }
    let plug = Plug::Given { url, time_server: time_server.map(|server| (server, 123).into()) };
    let setup = Setup { identity: cast.identity, plug, pace: PACE, instead: None, escort: Some(escort) };
    let (phone, remote) = Phone::new(setup);
    let thread = match std::thread::Builder::new().name("rehearsal".into()).spawn(move || phone.run()) {
        Ok(thread) => thread,
        Err(error) => return Played::at_once(informed, Stage::Dhcp, Fault::Interface(error.to_string())),
    };
    let until = Instant::now() + LIMIT;
    let settled = watch(&remote, until, &mut audience, |report| report.in_service() || report.stuck(SAME_FAULT));
    // In service it comes back once more, with what it was given: that must hold, too.
    let looks = remote.report().looks;
    let settled = settled
        && watch(&remote, until, &mut audience, |report| {
            report.in_service() && report.looks >= looks + 2 || report.stuck(SAME_FAULT)
        });
    let report = remote.report();
    remote.stop();
    // It ends by itself; what it did is known.
    let _ = thread.join();
    let fault = first_stop(&report);
    Played { informed, unfinished: !settled && fault.is_none(), fault, report: Some(report) }
}

/// Waits until the report satisfies `enough`, pressing the phone's own button meanwhile: a real one looks once a
/// minute.
fn watch(remote: &Remote, until: Instant, audience: &mut Audience, enough: impl Fn(&Report) -> bool) -> bool {
    while Instant::now() < until {
        match remote.wait_for(GLANCE, &enough) {
            Ok(report) => {
                audience.catch_up(&report);
                return true;
            }
            Err(report) => audience.catch_up(&report),
        }
        remote.poll();
    }
    false
}

/// Whoever watches, and how many of the phone's steps they have seen.
struct Audience {
    watcher: Option<Watcher>,
    seen: usize,
}

impl Audience {
    fn see(&self, step: Step) {
        if let Some(watcher) = &self.watcher {
            watcher(step);
        }
    }

    fn catch_up(&mut self, report: &Report) {
        for moment in report.log.iter().skip(self.seen) {
            self.see(Step::of(moment));
        }
        self.seen = report.log.len();
    }
}

fn first_stop(report: &Report) -> Option<(Stage, Fault)> {
    if !report.in_service() {
        return report.fault().map(|(stage, fault)| (stage, fault.clone()));
    }
    // On the way there a clock may have been set late: what counts is what is wrong in the end.
    let lasting = report.fault().filter(|(stage, _)| *stage >= Stage::Configuration);
    let kept = || report.kept.clone().map(|fault| (Stage::Configuration, fault));
    lasting.map(|(stage, fault)| (stage, fault.clone())).or_else(kept)
}
