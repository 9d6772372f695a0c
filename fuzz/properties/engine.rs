//! The engine of the templates, which is another crate's.

use std::panic;

/// Lets the engine panic: the box catches that, and refuses the template. Any other panic does what it did before.
pub fn may_panic() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |told| {
        if !told.location().is_some_and(|place| place.file().contains("/minijinja-")) {
            before(told);
        }
    }));
}
