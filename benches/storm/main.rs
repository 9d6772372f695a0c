//! Power comes back, and every phone of a branch starts within two seconds. How long until the last one is in service:
//! with Block66, and with what people build by hand, dnsmasq and nginx with static files.
//!
//! ```sh
//! cargo bench --profile release --bench storm                   # all of it, as root, on an idle machine
//! cargo bench --profile release --bench storm -- --phones 100   # a smaller one; --segments N, --of N, --only flat
//! cargo bench --profile release --bench storm -- --test         # a few phones: shows that it works
//! ```
//!
//! The phones are [`block66::phonesim`]'s, of every brand that both sides can serve, each in a network namespace of its
//! own. All of them were in service before. What they ask for, in which order, and how often they look for new files is
//! their brand's. Their time-outs and retries pass in real time, and are the same for all brands: a DISCOVER is sent again
//! after 4 s, then 8, 16, 32 and 64 s later (RFC 2131 section 4.1, without its random second); a connection that fails is
//! tried three times, 5 s apart (known of Yealink, assumed of the others); one that stands still is given up after 5 s, and
//! the time is asked for three times, 5 s each (assumed). The static files are those that Block66 gives them, at the same
//! address, with the same certificate and under the phones' own logins.
//! Phones do not hear each other's broadcasts: a phone has a processor of its own to drop them, here all share two.
//! Limits of the kernel are raised meanwhile, and those of neighbours put back, also when a signal ends it. An aim that is missed
//! is named at the end, and ends it with failure.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod branch;
mod errand;
mod figures;
mod harvest;
mod limits;
mod relay;
#[path = "../../tests/attack/speak.rs"]
#[allow(dead_code)] // The attacks need more of it.
mod speak;
mod stack;
mod wiring;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use block66::phonesim::{BREEDS, Breed, Make};

use branch::Branch;
use figures::Figures;
use limits::Raised;

/// What is measured.
struct Plan {
    /// Phones on one wire.
    phones: usize,
    /// Segments behind relays, at most.
    segments: usize,
    /// Phones of each segment.
    of: usize,
    flat: bool,
    segmented: bool,
    /// How long a phone may take until it counts as one that failed.
    limit: Duration,
    quick: bool,
}

impl Plan {
    fn read() -> Self {
        let limit = Duration::from_secs(240);
        let mut plan = Self { phones: 1000, segments: 20, of: 250, flat: true, segmented: true, limit, quick: false };
        let mut words = std::env::args().skip(1);
        let number = |word: Option<String>| word.and_then(|word| word.parse().ok()).expect("a number");
        while let Some(word) = words.next() {
            match word.as_str() {
                "--bench" => {}
                "--test" => {
                    let limit = Duration::from_secs(20);
                    plan = Self { phones: 8, segments: 2, of: 4, limit, quick: true, ..plan };
                }
                "--phones" => plan.phones = number(words.next()),
                "--segments" => plan.segments = number(words.next()),
                "--of" => plan.of = number(words.next()),
                "--only" => {
                    let only = words.next();
                    (plan.flat, plan.segmented) =
                        (only.as_deref() == Some("flat"), only.as_deref() == Some("segments"));
                }
                other => panic!("{other}: say --phones N, --segments N, --of N, --only flat|segments, or --test"),
            }
        }
        plan
    }
}

fn main() -> ExitCode {
    if !nix::unistd::geteuid().is_root() {
        println!("The boot storm makes network namespaces and raises limits of the kernel: run it as root.");
        return ExitCode::FAILURE;
    }
    let plan = Plan::read();
    let most = plan.phones.max(plan.segments * plan.of);
    let _limits = Raised::to(most);
    let mut aims = Aims::default();
    if plan.flat {
        flat(&plan, &mut aims);
    }
    if plan.segmented {
        segmented(&plan, &mut aims);
    }
    println!("\n{}", aims.seen);
    if aims.missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn makes(plan: &Plan) -> Vec<(&'static Breed, &'static Make)> {
    let brands = BREEDS.iter().copied().take(if plan.quick { 1 } else { BREEDS.len() });
    brands.flat_map(|breed| breed.makes.iter().map(move |make| (breed, make))).collect()
}

fn flat(plan: &Plan, aims: &mut Aims) {
    let mut branch = Branch::new(&[], plan.phones * 2 + 64);
    let mut ours = stack::Block66::new(&branch);
    ours.start();
    // One of each product, to see which of them static files can serve.
    branch.add(&ours, &makes(plan));
    branch.settle(0..branch.desks.len());
    branch.learn_options(&ours);
    let files = harvest::all(&branch, 0..branch.desks.len(), &ours);
    ours.stop();
    let (able, unable) = {
        let _theirs = stack::Static::start(&branch, &ours, &files, true);
        branch.who_is_served_without_us()
    };
    for desk in &unable {
        println!("left out on both sides, since static files do not serve it: {desk}");
    }
    println!("in the mix, each as often as the others: {}", able.join(", "));
    ours.start();
    branch.retain(&able);
    let fill: Vec<_> =
        branch.products().into_iter().cycle().take(plan.phones - branch.desks.len().min(plan.phones)).collect();
    let first = branch.desks.len();
    branch.add(&ours, &fill);
    branch.settle(first..branch.desks.len());
    let files = harvest::all(&branch, 0..branch.desks.len(), &ours);
    branch.in_real_time(0..branch.desks.len());
    println!("\n{}", Figures::heading());
    let mine = branch.storm(&ours.processes(), plan.limit);
    println!("{}", mine.row("Block66", None));
    ours.stop();
    if !plan.quick {
        let theirs = stack::Static::start(&branch, &ours, &files, false);
        println!("{}", branch.storm(&theirs.processes(), plan.limit).row("dnsmasq, asks", Some(&mine)));
    }
    let theirs = {
        let theirs = stack::Static::start(&branch, &ours, &files, true);
        println!("{}", branch.storm(&theirs.processes(), plan.limit).row("dnsmasq, new", Some(&mine)));
        // Every phone has a lease of theirs now, as it had one of ours.
        branch.storm(&theirs.processes(), plan.limit)
    };
    println!("{}", theirs.row("dnsmasq + nginx", Some(&mine)));
    println!(
        "\n\"dnsmasq, asks\" is dnsmasq + nginx as it comes: before dnsmasq gives an address for the first time it asks\n\
         whether that is free. \"new\" is the same told not to ask, \"dnsmasq + nginx\" that again, once each phone has a\n\
         lease of its. \"DHCP asked again\" counts DISCOVERs beyond a phone's first, \"HTTP retries\" connections that failed or\n\
         broke off, errors of the server and looks beyond a phone's first."
    );
    println!("\n{}", mine.steps("Block66", &theirs, "dnsmasq + nginx"));
    println!("{}", mine.errands("Block66", &theirs, "dnsmasq + nginx"));
    aims.see("no phone fails", format!("{} of {}", mine.lost(), plan.phones), mine.lost() == 0);
    if !plan.quick {
        // Of theirs the last one that came, though some may never come.
        let ratio = mine.last() / theirs.last();
        aims.see("last in service in at most half of their time", format!("{ratio:.2}"), ratio <= 0.5);
    }
}

fn segmented(plan: &Plan, aims: &mut Aims) {
    println!("\nSegments of {} phones behind relays:\n\n{}", plan.of, Figures::heading());
    let mut smallest: Option<Figures> = None;
    let steps = [1, 4, 20].into_iter().map(|step| step * plan.segments / 20).filter(|count| *count > 0);
    let mut steps: Vec<usize> = steps.collect();
    if steps.is_empty() {
        steps.push(plan.segments);
    }
    for segments in steps {
        let phones = segments * plan.of;
        let sizes = vec![plan.of; segments];
        let mut branch = Branch::new(&sizes, 64);
        let mut ours = stack::Block66::new(&branch);
        ours.start();
        let products: Vec<_> = makes(plan).into_iter().cycle().take(phones).collect();
        branch.add(&ours, &products);
        branch.settle(0..branch.desks.len());
        branch.in_real_time(0..branch.desks.len());
        let figures = branch.storm(&ours.processes(), plan.limit);
        println!("{}", figures.row("Block66", smallest.as_ref()));
        aims.see("behind relays no phone fails", format!("{} of {phones}", figures.lost()), figures.lost() == 0);
        if let (Some(smallest), false) = (&smallest, plan.quick) {
            let (times, more) = (figures.last() / smallest.last(), phones as f64 / smallest.starts.len() as f64);
            let seen = format!("{times:.1} times for {more:.0} times the phones");
            aims.see("behind relays the time grows no faster than the number", seen, times <= more);
        }
        smallest.get_or_insert(figures);
    }
}

/// What was to be shown, and whether it was.
#[derive(Default)]
struct Aims {
    missed: bool,
    seen: String,
}

impl Aims {
    fn see(&mut self, aim: &str, seen: String, held: bool) {
        self.missed |= !held;
        let _ = writeln!(self.seen, "{aim}: {seen}: {}", if held { "held" } else { "MISSED" });
    }
}
