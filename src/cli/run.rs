//! `block66 run`: the box itself.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use super::exit;
use crate::appliance::{Appliance, Ended};
use crate::config::{self, Config, Log};
use crate::sys::{log, service};

/// Run the box: serve phones until told to stop.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  systemctl start block66
        as the service that comes with it
  block66 run
        with /etc/block66/block66.toml, if it is there
  block66 run --config ./block66.toml
        with this configuration")]
pub(super) struct Run {
    /// Configuration to use instead of the usual one; without any, the box runs with safe defaults and gives no
    /// addresses.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Run {
    pub(super) fn run(self) -> ExitCode {
        let (config, warnings) = match self.load() {
            Ok(loaded) => loaded,
            Err(error) => return exit::config(&error),
        };
        start_logging(&config.log);
        match self.file() {
            Some(path) => tracing::info!("configuration: {}", path.display()),
            None => tracing::info!("there is no {}: no address is given", config::USUAL_PATH),
        }
        for warning in warnings {
            tracing::warn!("configuration: {warning}");
        }
        let ended = loop {
            match serve(config.clone()) {
                // Who has a manager was just told to stop to it, and is started again by it.
                Ok(Ended::Restoring) if !service::is_managed() => {}
                other => break other,
            }
        };
        match ended {
            Ok(Ended::Told | Ended::Moved | Ended::Restoring) => ExitCode::SUCCESS,
            Ok(Ended::StoreDied) => {
                tracing::error!("the store's thread died: ending, so that everything starts from what is on disk");
                exit::software()
            }
            Err(error) => {
                tracing::error!("cannot start: {error:#}");
                if is_forbidden(&error) {
                    tracing::error!("run it as root, or as the user whose data directory and ports these are");
                    return exit::not_permitted();
                }
                exit::software()
            }
        }
    }

    fn load(&self) -> Result<(Config, Vec<config::Warning>), config::Error> {
        match self.file() {
            Some(path) => Config::load(path),
            None => Ok((Config::safe_defaults(), Vec::new())),
        }
    }

    /// The configuration that counts. A usual one that this user may not even look for is no reason to go on without.
    fn file(&self) -> Option<&Path> {
        let usual = Path::new(config::USUAL_PATH);
        self.config.as_deref().or_else(|| (!matches!(usual.try_exists(), Ok(false))).then_some(usual))
    }
}

/// Whether the system says that this user may not.
fn is_forbidden(error: &anyhow::Error) -> bool {
    let causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.into_iter().any(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

fn serve(config: Config) -> anyhow::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no async runtime")?;
    runtime.block_on(async {
        let appliance = Appliance::start(config).await?;
        // A terminal is a console, not a log: only there may the setup code be shown.
        if let (true, Some(code)) = (std::io::stdout().is_terminal(), appliance.setup_code()) {
            println!("Claim this box on its page with the setup code {code}");
        }
        appliance.run().await
    })
}

/// To standard error, which the journal takes; its own timestamps are enough there.
fn start_logging(wanted: &Log) {
    let filter: Targets = wanted.filter.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let (filter, control) = reload::Layer::new(filter);
    let registry = tracing_subscriber::registry().with(filter);
    let in_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = match (wanted.json, in_journal) {
        (true, _) => registry.with(lines.json()).try_init(),
        (false, true) => registry.with(lines.without_time().with_ansi(false)).try_init(),
        (false, false) => registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init(),
    };
    match started {
        Ok(()) => log::started(&wanted.filter, move |filter| control.reload(filter).map_err(|error| error.to_string())),
        Err(error) => eprintln!("logging could not be started: {error}"),
    }
}
