//! The command line: one file a command.
//!
//! Most talk to the running box over its local socket, since the database has one owner. `run`, `lab`, `init`, `check`,
//! `completions`, `man`, `steward` and `preset` do not.

mod accounts;
mod audit;
mod backup;
mod books;
mod ca;
mod campaigns;
mod check;
mod client;
mod dhcp;
mod enlist;
mod events;
pub(crate) mod exit;
mod firmware;
mod groups;
mod health;
mod history;
mod init;
pub mod lab;
mod organisations;
mod outlets;
pub(crate) mod output;
mod overlays;
mod pairing;
mod password;
mod phone;
mod phones;
mod rehearse;
mod resources;
mod rollouts;
mod run;
pub(crate) mod secret;
mod settings;
mod shell;
mod status;
mod steward;
mod support;
mod tokens;
mod trust;
mod update;
mod waiting;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use client::{Client, Error};

use crate::config::{Config, USUAL_PATH};
use exit::Failure;

/// Plug it in, and every phone finds its line.
#[derive(Debug, Parser)]
#[command(
    name = "block66",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Examples:
  block66 lab --once --phones 12
        try it on this machine, with simulated phones
  block66 init && block66 check && block66 run
        begin with a configuration
  block66 phones add 80:5e:c0:12:34:56 --name Reception --user 201 \\
      --server pbx.example.net
  block66 phones import phones.csv --dry-run
        see what a list would do
  block66 rehearse 80:5e:c0:12:34:56
        why does this phone not work?
  block66 status
        how the box is, and what needs you

Exit codes: 0 done, 1 refused, 64 wrong usage, 65 wrong data, 66 file not read,
69 no box runs, 70 internal, 73 file not made, 77 not permitted,
78 wrong configuration."
)]
struct CommandLine {
    /// Local socket of the running box [default: the one in the configuration]
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Print one JSON document in the form of the API, and errors as problem details
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Run(run::Run),
    Lab(lab::Args),
    Init(init::Init),
    Check(check::Check),
    Status(status::Status),
    Health(health::Health),
    /// Put phones on the list, show them, take them off
    #[command(subcommand)]
    Phones(phones::Phones),
    Rehearse(rehearse::Rehearse),
    #[command(subcommand)]
    Waiting(waiting::Waiting),
    #[command(subcommand)]
    Pairing(pairing::Pairing),
    #[command(subcommand)]
    Settings(settings::Settings),
    #[command(subcommand)]
    Groups(groups::Groups),
    #[command(subcommand)]
    Books(books::Books),
    #[command(subcommand)]
    Resources(resources::Resources),
    #[command(subcommand)]
    Overlays(overlays::Overlays),
    #[command(subcommand)]
    Trust(trust::Trust),
    Dhcp(dhcp::Dhcp),
    #[command(subcommand)]
    Organisations(organisations::Organisations),
    Events(events::Events),
    #[command(subcommand)]
    Campaigns(campaigns::Campaigns),
    #[command(subcommand)]
    Firmware(firmware::Firmware),
    #[command(subcommand)]
    Rollouts(rollouts::Rollouts),
    #[command(subcommand)]
    Outlets(outlets::Outlets),
    #[command(subcommand)]
    Backup(backup::Backup),
    #[command(subcommand)]
    Ca(ca::Ca),
    Support(support::Support),
    Log(support::Log),
    Completions(shell::Completions),
    Man(shell::Man),
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    #[command(subcommand)]
    Tokens(tokens::Tokens),
    Audit(audit::Audit),
    Password(password::Password),
    /// Other people's systems: their users, settings and state
    #[command(subcommand)]
    Partners(crate::partners::Command),
    #[command(subcommand)]
    Update(update::Update),
    Steward(steward::Steward),
    Preset(steward::Preset),
}

/// Does what the command line says. Starts no thread before it has to: `lab` needs to be alone.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let CommandLine { socket, json, command } = match CommandLine::try_parse_from(&arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            if error.use_stderr() && arguments.iter().any(|argument| argument == "--json") {
                return exit::usage(&error.to_string());
            }
            // Where to print to is gone: nothing can be said about it.
            let _ = error.print();
            return if error.use_stderr() { exit::USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    if json {
        output::print_for_programs();
    }
    let client = || Client::new(socket.unwrap_or_else(usual_socket));
    match command {
        Command::Run(run) => run.run(),
        Command::Lab(args) => lab::run(&args).unwrap_or_else(|error| {
            eprintln!("{error:#}");
            exit::software()
        }),
        Command::Init(init) => end(init.run()),
        Command::Check(check) => end(check.run()),
        Command::Status(status) => ask(status.run(&client())),
        Command::Health(health) => ask(health.run(&client())),
        Command::Phones(phones) => ask(phones.run(&client())),
        Command::Rehearse(rehearse) => ask(rehearse.run(&client())),
        Command::Waiting(waiting) => ask(waiting.run(&client())),
        Command::Pairing(pairing) => ask(pairing.run(&client())),
        Command::Settings(settings) => ask(settings.run(&client())),
        Command::Books(books) => ask(books.run(&client())),
        Command::Resources(resources) => ask(resources.run(&client())),
        Command::Overlays(overlays) => ask(overlays.run(&client())),
        Command::Trust(trust) => ask(trust.run(&client())),
        Command::Groups(groups) => ask(groups.run(&client())),
        Command::Dhcp(dhcp) => ask(dhcp.run(&client())),
        Command::Organisations(organisations) => ask(organisations.run(&client())),
        Command::Firmware(firmware) => ask(firmware.run(&client())),
        Command::Rollouts(rollouts) => ask(rollouts.run(&client())),
        Command::Events(events) => ask(events.run(&client())),
        Command::Campaigns(campaigns) => ask(campaigns.run(&client())),
        Command::Outlets(outlets) => ask(outlets.run(&client())),
        Command::Backup(backup) => ask(backup.run(&client())),
        Command::Ca(ca) => ask(ca.run(&client())),
        Command::Support(support) => ask(support.run(&client())),
        Command::Log(log) => ask(log.run(&client())),
        Command::Completions(completions) => end(completions.run(CommandLine::command())),
        Command::Man(man) => end(man.run(CommandLine::command())),
        Command::Accounts(accounts) => ask(accounts.run(&client())),
        Command::Tokens(tokens) => ask(tokens.run(&client())),
        Command::Audit(audit) => ask(audit.run(&client())),
        Command::Password(password) => ask(password.run(&client())),
        Command::Partners(partners) => ask(partners.run(&client())),
        Command::Update(update) => ask(update.run(&client())),
        Command::Steward(steward) => steward.run(),
        Command::Preset(preset) => end(preset.run()),
    }
}

/// The socket that the configuration names. A configuration that cannot be read is `check`'s to complain about.
fn usual_socket() -> PathBuf {
    Config::load(USUAL_PATH.as_ref()).map_or_else(|_| Config::safe_defaults(), |(config, _)| config).socket
}

fn ask(command: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => end(runtime.block_on(command)),
        Err(error) => {
            eprintln!("no async runtime: {error}");
            exit::software()
        }
    }
}

fn end(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => {
            output::finish();
            if output::is_cut_off() { exit::cut_off() } else { ExitCode::SUCCESS }
        }
        Err(failure) => {
            // What the box did is what it answered, also where that led to nothing.
            if matches!(failure, Failure::NotDone(_)) {
                output::finish();
            }
            failure.report()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does() {
        fn look(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            command.get_subcommands().for_each(look);
        }
        look(&CommandLine::command());
    }

    /// The terminals of most people are 80 columns wide.
    #[test]
    fn what_stands_behind_the_options_fits_a_terminal() {
        fn look(command: &clap::Command) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in after.lines() {
                assert!(line.chars().count() < 80, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(look);
        }
        look(&CommandLine::command());
    }

    /// Whoever reads a command's help, or that of the commands around it, sees it used once where something is to be
    /// given to it.
    #[test]
    fn every_command_that_takes_something_is_shown_once() {
        fn look(command: &clap::Command, path: &str, around: &str, missing: &mut Vec<String>) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let shown = format!("{around}\n{after}");
            let takes = command.get_arguments().any(|argument| argument.is_positional() || argument.is_required_set());
            let leaf = command.get_subcommands().next().is_none();
            if leaf && takes && !command.is_hide_set() && !shown.contains(path) {
                missing.push(path.to_owned());
            }
            for next in command.get_subcommands() {
                look(next, &format!("{path} {}", next.get_name()), &shown, missing);
            }
        }
        let mut missing = Vec::new();
        look(&CommandLine::command(), "block66", "", &mut missing);
        assert!(missing.is_empty(), "no example of {missing:?}");
    }
}
