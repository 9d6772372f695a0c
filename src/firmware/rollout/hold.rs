//! PURE. Why no phone's turn comes for now.

use super::window;
use crate::model::{Firmware, Now, Rollout};

/// Why a running roll-out holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Hold {
    /// Nothing vouches for the clock of the box.
    #[error("the clock of the box is not trusted yet")]
    Clock,
    /// It is the wrong time of the day or week.
    #[error("its hours have not come")]
    Window,
    /// An image is not on the box.
    #[error(transparent)]
    Lacks(Lack),
}

/// What is not on the box of what a roll-out needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// Its image.
    #[error("its image is not on the box yet")]
    Image,
    /// An image on the way to it.
    #[error("a release that its phones take first is not on the box yet")]
    Step,
}

/// Why a running roll-out holds, if it does.
pub fn hold(rollout: &Rollout, lack: Option<Lack>, now: Now) -> Option<Hold> {
    if !now.trusted {
        return Some(Hold::Clock);
    }
    if rollout.plan.window.as_ref().is_some_and(|window| !window::is_open(window, now.wall)) {
        return Some(Hold::Window);
    }
    lack.map(Hold::Lacks)
}

/// What is not on the box of an image and those on the way to it. `has` says what is.
pub fn lack(image: &Firmware, ladder: &[&Firmware], has: impl Fn(&Firmware) -> bool) -> Option<Lack> {
    if !has(image) {
        return Some(Lack::Image);
    }
    (!ladder.iter().all(|step| has(step))).then_some(Lack::Step)
}
