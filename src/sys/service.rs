//! What the service manager is told (sd_notify(3)). Outside systemd all of it does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// The box answers on all its doors.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The box is going down on purpose.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The box is alive: its store and its runtime answered just now.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// Whether a service manager started this, and starts it again.
pub fn is_managed() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// How often [`alive`] must be said: half of what the service manager waits for, if it waits at all.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager could not be told");
    }
}
