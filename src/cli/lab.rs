//! `block66 lab`: a whole branch on this machine.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::cli::output::is_for_programs;
use crate::lab::{Lab, Plant, Settings, namespace, table};
use crate::phonesim::{BREEDS, Breed, Stage, breed};

/// Try Block66 on this machine: the real box and simulated phones, in network namespaces of their own.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many phones there are [default: 6, or one of every product where there are more]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=i64::from(Settings::MOST_PHONES)))]
    phones: Option<u16>,
    /// Brands of the phones, by name with commas between them, or "all"
    #[arg(long, value_name = "BRANDS", value_delimiter = ',', default_value = BREEDS.first().map_or("all", |breed| breed.brand))]
    brands: Vec<String>,
    /// Print a table of the phones' journeys and end: with 0 only if every phone ended in service
    #[arg(long)]
    once: bool,
    /// Spoil one thing on the way to the last phone, to see what it says
    #[arg(long, value_name = "FAULT")]
    plant: Option<Plant>,
    /// Port of 127.0.0.1 at which the page is shown [default: 8066, or the next free one]
    #[arg(long)]
    port: Option<u16>,
}

/// How many phones there are when nobody says.
const USUAL_PHONES: u16 = 6;
/// How long the phones have with `--once`.
const DEADLINE: Duration = Duration::from_secs(90);
/// How often a phone finds the same fault before it is called stuck.
const PATIENCE: u32 = 5;
/// Where the page is shown when the command line does not say, and how many ports are tried.
const USUAL_PORTS: std::ops::Range<u16> = 8066..8086;

/// Runs the lab. To be called before any other thread is started: see [`namespace::prepare`].
///
/// # Errors
/// What keeps the lab from being.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let listener = listen(args.port)?;
    namespace::prepare()?;
    let signals = signals()?;
    let brands = brands(&args.brands)?;
    let mut settings = Settings {
        program: PathBuf::from("/proc/self/exe").canonicalize().context("this program is nowhere to be found")?,
        phones: USUAL_PHONES,
        brands,
        pace: Settings::USUAL_PACE,
        plant: args.plant,
    };
    let products = u16::try_from(settings.makes().len()).unwrap_or(Settings::MOST_PHONES);
    settings.phones = args.phones.unwrap_or(products.max(USUAL_PHONES));
    let began = Instant::now();
    eprintln!("Starting the box and plugging in {} phones …", settings.phones);
    let mut lab = Lab::new(&settings)?;
    let url = format!("https://{}/", listener.local_addr()?);
    lab.show_page(listener)?;
    introduce(&lab, &url)?;
    lab.power_on()?;
    let all = follow(&lab, args, began, &signals);
    if args.once {
        if is_for_programs() {
            println!("{:#}", table::json(lab.phones()));
        } else {
            print!("{}", table::text(lab.phones()));
            let serving = lab.phones().iter().filter(|phone| phone.remote.report().in_service()).count();
            println!("{serving} of {} phones in service after {:.1} s", settings.phones, began.elapsed().as_secs_f64());
        }
        if lab.appliance().id().is_none() {
            eprintln!("The box has ended. The end of its log:\n{}", lab.appliance().last_words());
        }
    }
    Ok(if all || !args.once { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The brands that were named, each once.
fn brands(names: &[String]) -> anyhow::Result<Vec<&'static Breed>> {
    if names == ["all"] {
        return Ok(BREEDS.to_vec());
    }
    let mut brands = Vec::new();
    for name in names {
        let known = || BREEDS.iter().map(|breed| breed.brand).collect::<Vec<_>>().join(", ");
        let brand =
            breed(name).with_context(|| format!("no brand is called \"{name}\": there is {}, and all", known()))?;
        if !brands.contains(&brand) {
            brands.push(brand);
        }
    }
    Ok(brands)
}

fn listen(port: Option<u16>) -> anyhow::Result<TcpListener> {
    if let Some(port) = port {
        return TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("port {port} is not free"));
    }
    let free = USUAL_PORTS.into_iter().find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    free.with_context(|| format!("none of the ports {USUAL_PORTS:?} is free: name one with --port"))
}

/// Says where the page is and how one gets in.
fn introduce(lab: &Lab, url: &str) -> anyhow::Result<()> {
    let status = lab.api().get("status")?;
    let said = |pointer: &str| status.pointer(pointer).and_then(serde_json::Value::as_str);
    eprintln!("The page: {url}");
    eprintln!("Its CA: {}", said("/authority/fingerprint").context("the box does not name its CA")?);
    if let Some(words) = said("/authority/words") {
        eprintln!("In words: {words}");
    }
    if let Some(code) = said("/setup_code") {
        eprintln!("Setup code: {code}");
    }
    Ok(())
}

/// Follows the phones and says what changes, until all have ended one way or the other, or somebody ends it.
/// Whether every phone is in service.
fn follow(lab: &Lab, args: &Args, began: Instant, signals: &Receiver<()>) -> bool {
    let mut said: Vec<String> = vec![String::new(); lab.phones().len()];
    loop {
        let mut serving = 0;
        let mut ended = 0;
        for (phone, said) in lab.phones().iter().zip(&mut said) {
            let report = phone.remote.report();
            let stuck = report.stuck(PATIENCE) || phone.died();
            serving += usize::from(report.in_service());
            ended += usize::from(report.in_service() || stuck);
            let state = match report.fault() {
                _ if report.in_service() => "in service".into(),
                Some((stage, fault)) => format!("{}: {fault}", stage.name()),
                None => {
                    let reached =
                        |stage: &Stage| matches!(report.outcome(*stage), crate::phonesim::Outcome::Done { .. });
                    Stage::ALL.iter().rfind(|stage| reached(stage)).map_or("switched on", |stage| stage.name()).into()
                }
            };
            if *said != state {
                let seconds = began.elapsed().as_secs_f64();
                if is_for_programs() && !args.once {
                    println!("{}", serde_json::json!({ "seconds": seconds, "phone": phone.name, "state": state }));
                } else {
                    eprintln!("{seconds:6.1} s  {:<10} {state}", phone.name);
                }
                *said = state;
            }
        }
        let all = serving == said.len();
        if args.once && (ended == said.len() || began.elapsed() > DEADLINE) {
            return all;
        }
        match signals.recv_timeout(Duration::from_millis(100)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return all,
        }
    }
}

/// Hears Ctrl-C, a closed terminal and the service manager, so that nothing is left behind.
fn signals() -> anyhow::Result<Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (heard, signals) = channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut kinds = runtime.block_on(async {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>()
    })?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let any = kinds.iter_mut().map(|kind| Box::pin(kind.recv()));
            futures_util::future::select_all(any).await;
        });
        // Nobody listens any more when the lab has ended by itself.
        let _ = heard.send(());
    })?;
    Ok(signals)
}
