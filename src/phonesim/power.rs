//! The hand on the phone's plug: orders to it, and what it reports.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::breed::Call;
use super::flash::Holding;
use super::update::Fortune;
use super::{Fault, Outcome, Report, Stage};
use crate::model::Mac;

/// What ends a power-on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Off and on again, at once.
    Reboot,
    /// Off, and on again as it left the factory.
    FactoryReset,
    /// Off for good.
    Stop,
}

/// The moment at which a phone loses its power: after `after` bytes of the `exchange`th exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Exchanges are counted from the last power-on, from 0, as in [`Report::exchanges`].
    pub exchange: usize,
    /// Bytes in both directions that still go over the wire.
    pub after: u64,
}

/// A phone's remote control, in the hand of whoever runs it. Clones are of the same phone.
#[derive(Debug, Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    made: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    order: Option<Order>,
    renew: bool,
    poll: bool,
    /// A message said to look for files, or to restart.
    notified: Option<Call>,
    deaf: bool,
    cut: Option<Cut>,
    fortune: Fortune,
    pace: Option<u32>,
    finished: bool,
    report: Report,
    holding: Holding,
}

/// What woke a phone from a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    Time,
    Renew,
    Poll,
    /// A message came.
    Notified(Call),
}

impl Remote {
    pub(super) fn new(mac: Mac) -> Self {
        let state = State {
            order: None,
            renew: false,
            poll: false,
            notified: None,
            deaf: false,
            cut: None,
            fortune: Fortune::Good,
            pace: None,
            finished: false,
            report: Report::new(mac),
            holding: Holding::default(),
        };
        let shared = Shared { made: Instant::now(), state: Mutex::new(state), changed: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Turns the phone off and on.
    pub fn reboot(&self) {
        self.order(Order::Reboot);
    }

    /// Turns the phone off and on in its factory state: no CA, no login, no settings.
    pub fn factory_reset(&self) {
        self.order(Order::FactoryReset);
    }

    /// Turns the phone off; its `run` returns.
    pub fn stop(&self) {
        self.order(Order::Stop);
    }

    /// Lets the phone renew its lease now.
    pub fn renew(&self) {
        self.change(|state| state.renew = true);
    }

    /// Lets the phone look for its files now, as its own button does.
    pub fn poll(&self) {
        self.change(|state| state.poll = true);
    }

    /// From now on the phone accepts messages by SIP and does nothing about them, as one does whose settings say so.
    pub fn ignore_messages(&self) {
        self.change(|state| state.deaf = true);
    }

    /// Lets the phone lose its power once, at this moment; power comes back at once.
    pub fn cut(&self, cut: Cut) {
        self.change(|state| state.cut = Some(cut));
    }

    /// Says how the phone fares with its next update.
    pub fn fare(&self, fortune: Fortune) {
        self.change(|state| state.fortune = fortune);
    }

    /// From the next time that it is switched on, so many seconds of the phone's own waits pass in one of ours.
    pub fn pace(&self, pace: u32) {
        self.change(|state| state.pace = Some(pace));
    }

    /// What the phone did up to now.
    pub fn report(&self) -> Report {
        self.state().report.clone()
    }

    /// What the phone holds in its flash memory now.
    pub fn holding(&self) -> Holding {
        self.state().holding.clone()
    }

    /// Waits until the report satisfies `enough`, at most `limit`. The last report is given in either case.
    ///
    /// # Errors
    /// The report that did not satisfy it, after `limit`.
    pub fn wait_for(&self, limit: Duration, enough: impl Fn(&Report) -> bool) -> Result<Report, Box<Report>> {
        let until = Instant::now() + limit;
        let mut state = self.state();
        loop {
            if enough(&state.report) {
                return Ok(state.report.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.finished {
                return Err(Box::new(state.report.clone()));
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn order(&self, order: Order) {
        self.change(|state| {
            if state.order != Some(Order::Stop) {
                state.order = Some(order);
                // From this moment on nothing that was reached counts, though the phone may notice a little later.
                state.report.forget_stages();
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.shared.changed.notify_all();
        result
    }
}

/// The phone's own side.
impl Remote {
    /// The order that stands, if any.
    pub(super) fn ordered(&self) -> Option<Order> {
        self.state().order
    }

    pub(super) fn fortune(&self) -> Fortune {
        self.state().fortune
    }

    /// The pace that the phone was given since it was made, if any.
    pub(super) fn other_pace(&self) -> Option<u32> {
        self.state().pace
    }

    /// Power is gone for a moment.
    pub(super) fn lose_power(&self) {
        self.order(Order::Reboot);
    }

    /// Takes the order that ended the last power-on.
    pub(super) fn take_order(&self) -> Option<Order> {
        self.change(|state| {
            state.renew = false;
            state.poll = false;
            state.notified = None;
            state.order.take()
        })
    }

    /// How many bytes of exchange number `exchange` may still go over the wire.
    pub(super) fn take_cut(&self, exchange: usize) -> Option<u64> {
        let mut state = self.state();
        state.cut.take_if(|cut| cut.exchange == exchange).map(|cut| cut.after)
    }

    /// Sleeps for `span`, or until somebody wants something.
    pub(super) fn wait(&self, span: Duration) -> Result<Woken, Order> {
        let until = Instant::now() + span;
        let mut state = self.state();
        loop {
            if let Some(order) = state.order {
                return Err(order);
            }
            if std::mem::take(&mut state.renew) {
                return Ok(Woken::Renew);
            }
            if std::mem::take(&mut state.poll) {
                return Ok(Woken::Poll);
            }
            if let Some(call) = state.notified.take() {
                return Ok(Woken::Notified(call));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Woken::Time);
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sleeps for `span`, or until the power goes; other wishes stand until the next [`Remote::wait`].
    pub(super) fn pause(&self, span: Duration) -> Result<(), Order> {
        let until = Instant::now() + span;
        let mut state = self.state();
        loop {
            if let Some(order) = state.order {
                return Err(order);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn note(&self, what: impl Into<String>) {
        let at = self.shared.made.elapsed();
        self.change(|state| state.report.note(at, what.into()));
    }

    /// Tells something about the present power-on; nothing once that is over.
    pub(super) fn tell(&self, tell: impl FnOnce(&mut Report)) {
        self.change(|state| {
            if state.order.is_none() {
                tell(&mut state.report);
            }
        });
    }

    /// Begins a power-on.
    pub(super) fn powered(&self) {
        self.change(|state| {
            state.report.starts += 1;
            state.report.forget_stages();
        });
    }

    pub(super) fn done(&self, stage: Stage) {
        let at = self.shared.made.elapsed();
        self.change(|state| {
            if state.order.is_none() && !matches!(state.report.outcome(stage), Outcome::Done { .. }) {
                state.report.set(stage, Outcome::Done { at });
                state.report.note(at, format!("{}: done", stage.name()));
                state.report.same_fault = 0;
            }
        });
    }

    pub(super) fn failed(&self, stage: Stage, fault: Fault) {
        let at = self.shared.made.elapsed();
        self.change(|state| {
            if state.order.is_some() {
                return;
            }
            match state.report.outcome(stage) {
                Outcome::Failed { fault: before, .. } if *before == fault => state.report.same_fault += 1,
                _ => {
                    state.report.note(at, format!("{}: {fault}", stage.name()));
                    state.report.same_fault = 1;
                }
            }
            state.report.set(stage, Outcome::Failed { at, fault });
        });
    }

    pub(super) fn hold(&self, holding: Holding) {
        self.change(|state| state.holding = holding);
    }

    /// A message came by SIP.
    pub(super) fn notified(&self, call: Call) {
        self.change(|state| state.notified = Some(call).filter(|_| !state.deaf));
    }

    pub(super) fn is_finished(&self) -> bool {
        self.state().finished
    }

    pub(super) fn finish(&self) {
        self.change(|state| state.finished = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_ends_a_wait_and_stop_is_final() {
        let remote = Remote::new(Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]));
        remote.renew();
        assert_eq!(remote.pause(Duration::ZERO), Ok(()));
        assert_eq!(remote.wait(Duration::from_secs(60)), Ok(Woken::Renew), "a pause does not swallow a wish");
        assert_eq!(remote.wait(Duration::ZERO), Ok(Woken::Time));
        remote.stop();
        remote.reboot();
        assert_eq!(remote.wait(Duration::from_secs(60)), Err(Order::Stop));
    }

    #[test]
    fn a_cut_happens_once() {
        let remote = Remote::new(Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]));
        remote.cut(Cut { exchange: 2, after: 17 });
        assert_eq!(remote.take_cut(1), None);
        assert_eq!(remote.take_cut(2), Some(17));
        assert_eq!(remote.take_cut(2), None);
    }
}
