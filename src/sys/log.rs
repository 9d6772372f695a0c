//! What is logged, changed while the program runs.

use std::sync::{OnceLock, RwLock};

use tracing_subscriber::filter::Targets;

/// Puts a filter in force; and the one that is, as it was given.
struct Control {
    apply: Box<dyn Fn(Targets) -> Result<(), String> + Send + Sync>,
    filter: RwLock<String>,
}

static CONTROL: OnceLock<Control> = OnceLock::new();

/// Says how filters are put in force, once logging has started with `filter`. The first one to say so counts.
pub fn started(filter: &str, apply: impl Fn(Targets) -> Result<(), String> + Send + Sync + 'static) {
    let control = Control { apply: Box::new(apply), filter: RwLock::new(filter.to_owned()) };
    drop(CONTROL.set(control));
}

/// The filter in force; `None` where nothing is logged.
pub fn filter() -> Option<String> {
    let control = CONTROL.get()?;
    control.filter.read().ok().map(|filter| filter.clone())
}

/// Puts a filter in force until the program ends, as `info` or `block66::dhcp=debug,info`.
///
/// # Errors
/// It is none, or nothing is logged; as a sentence.
pub fn set(filter: &str) -> Result<(), String> {
    let targets: Targets = filter.parse().map_err(|error| format!("\"{filter}\" is no filter: {error}."))?;
    let control = CONTROL.get().ok_or("Nothing is logged here.")?;
    (control.apply)(targets)?;
    if let Ok(mut held) = control.filter.write() {
        filter.clone_into(&mut held);
    }
    Ok(())
}
