//! The SIP door: what comes in by datagrams and streams, through the normaliser into the transaction layer.
//!
//! The first octet says how the rest comes in. An odd one means a stream, in pieces of half the octet and one more. An
//! even one means datagrams, told apart by a line of `====`, and its other seven bits say what is known of those who
//! ask by multicast: how they are read stands at `Around::of` in `question`. With none of them set the phone of the
//! seeds is listed, and the LAN says nothing.

mod question;

use std::time::Duration;

use block66::model::Transport;
use block66::sip::address::{Uri, Via};
use block66::sip::digest::{Challenge, Login};
use block66::sip::notify;
use block66::sip::pnp::{self, Ask, Parts};
use block66::sip::transaction::{Hop, Outcome, Timers, Transactions};
use block66::sip::wire::{self, Framer, Message, Method};
use question::Around;

/// A fault that is planted beside the decision whom to answer, so that it is known to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// None.
    None,
    /// What lease and neighbour table say of the asker's address is not heard.
    DeafToTheLan,
}

/// Checks one input.
pub fn hold(input: &[u8]) -> bool {
    hold_with(input, Plant::None)
}

/// Checks one input with a fault planted.
pub fn hold_with(input: &[u8], plant: Plant) -> bool {
    let (how, rest) = input.split_first().unwrap_or((&0, &[]));
    let mut layer = Transactions::new(Timers::default());
    let hop = Hop { transport: Transport::Udp, remote: "10.66.0.10:5060".parse().unwrap(), interface: 1 };
    // A request of ours is under way, which answers may fit.
    let ours = Message::request(Method::Notify, "sip:201@10.66.0.10")
        .with("Via", "SIP/2.0/UDP 10.66.0.1:5060;branch=z9hG4bKours")
        .with("From", "<sip:a@b>;tag=1")
        .with("To", "<sip:a@b>")
        .with("Call-ID", "ours")
        .with("CSeq", "1 NOTIFY");
    layer.begin(&ours, hop, Duration::ZERO).unwrap();
    let mut read = false;
    let mut now = Duration::ZERO;
    for bytes in messages(*how, rest) {
        now += Duration::from_millis(700);
        let Ok(Some(message)) = wire::read(&bytes) else { continue };
        read = true;
        check(&message);
        // Only what comes by datagrams is a question by multicast.
        if *how & 1 == 0
            && let Some(ask) = Ask::read(&message)
        {
            question::check(&message, &ask, &Around::of(*how >> 1), plant);
        }
        let Ok(outcomes) = layer.receive(message, hop, now) else { continue };
        for outcome in outcomes {
            if let Outcome::Request { key: Some(key), message, .. } = outcome {
                let answer = message.answer(200, "OK", "tag");
                if let Some(Outcome::Send { bytes, .. }) = layer.answer(&key, &answer, now).unwrap() {
                    let again = wire::read(&bytes).unwrap().unwrap();
                    assert_eq!(again.status(), Some(200), "our own answer reads as something else");
                }
            }
        }
        layer.due(now);
    }
    // Whatever came, all of it is over one day.
    let mut turns = 0;
    while let Some(at) = layer.next() {
        layer.due(at);
        turns += 1;
        assert!(turns < 10_000, "a transaction never ends");
    }
    assert_eq!(layer.count(), (0, 0));
    read
}

fn messages(how: u8, rest: &[u8]) -> Vec<Vec<u8>> {
    if how & 1 == 0 {
        let mut pieces = vec![Vec::new()];
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            match pieces.last_mut() {
                _ if line.trim_ascii() == b"====" => pieces.push(Vec::new()),
                Some(last) => last.extend_from_slice(line),
                None => {}
            }
        }
        return pieces;
    }
    let mut framer = Framer::default();
    let mut found = Vec::new();
    for piece in rest.chunks(usize::from(how >> 1) + 1) {
        framer.take(piece);
        while let Ok(Some(message)) = framer.cut() {
            found.push(message);
            assert!(found.len() <= rest.len(), "a stream gives more than it has");
        }
    }
    found
}

fn check(message: &Message) {
    // What was read can be written, and reads as the same.
    let bytes = message.encode().expect("what was read cannot be written");
    assert_eq!(wire::read(&bytes).as_ref(), Ok(&Some(message.clone())), "{message:?}");
    for header in &message.headers {
        assert!(!header.value.contains(['\r', '\n', '\0']), "a value has a line end");
        let _ = (Uri::read(&header.value), Via::read(&header.value));
        if let Some(challenge) = Challenge::read(&header.value) {
            let password = block66::model::Secret::new("p");
            let answer = challenge.answer(&Login { user: "u", password: &password }, ("NOTIFY", "sip:a@b"), 1, "c");
            assert!(!answer.contains(['\r', '\n']), "an answer has a line end");
        }
    }
    // Where a registrar says that a phone is.
    let _ = notify::registered(message);
    if let Some(ask) = Ask::read(message) {
        let from = "10.66.0.10:5062".parse().unwrap();
        let to = ask.tell_at(from);
        assert_eq!(to.ip(), from.ip(), "somebody else is told");
        let parts = Parts {
            tag: "t",
            local: "10.66.0.1:5060".parse().unwrap(),
            branch: "z9hG4bKb",
            url: "http://10.66.0.1/p/",
        };
        let told = pnp::tell(message, &ask.event, to, &parts).encode().expect("an answer cannot be written");
        let told = wire::read(&told).unwrap().unwrap();
        assert_eq!(told.body, b"http://10.66.0.1/p/");
        assert!(pnp::accept(message, &parts).encode().is_ok());
    }
}
