//! The box's DHCP server over a store whose disk takes longer for each sync, as flash does.
//!
//! `slow-disk CONFIGURATION MICROSECONDS` serves the first network of the configuration until it is killed: the same
//! store, journal and server as in the box, and nothing else of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use block66::brands::Registry;
use block66::config::Config;
use block66::dhcp::{Control, Parts, Provisioning, serve};
use block66::journal::Journal;
use block66::model::Timestamp;
use block66::pairing::Pairing;
use block66::store::{Disk, Key, Options, Store};
use block66::sys::clock::Clock;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (config, _) = Config::load(Path::new(&arguments[0])).expect("a configuration");
    let sync_delay = Duration::from_micros(arguments[1].parse().expect("microseconds"));
    let clock = Clock::new(Timestamp::from_secs(1_790_000_000));
    clock.vouch();
    let (store, _) = Store::open(Options {
        directory: config.data_directory,
        key: Key::new(&block66::sys::random::bytes()),
        clock: clock.clone(),
        disk: Disk { sync_delay },
    })
    .expect("a store");
    let (journal, _writing) = Journal::open(store.clone()).expect("a journal");
    let provisioning = Provisioning {
        strangers: block66::dhcp::ForStrangers::nothing(),
        registry: Arc::new(Registry::builtin().expect("the brands")),
        http: 80,
        https: 443,
        also: Vec::new(),
    };
    let box_id = block66::sys::random::id(clock.now().wall);
    let parts = Parts {
        pairing: Pairing::new(store.clone(), box_id),
        store,
        journal,
        provisioning,
        box_id,
        clock,
        control: Control::default(),
    };
    let mut running = serve(&config.networks[0], parts).expect("a server");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    panic!("the server ended: {:?}", runtime.block_on(running.ended()));
}
