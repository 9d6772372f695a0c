use std::sync::Arc;
use std::time::Duration;

use super::client::{self, Client};
use super::server::{self, Server};
use super::{Hop, Key, Outcome, Stray, Timers, Transactions};
use crate::model::Transport;
use crate::sip::wire::{self, Message, Method};

const T1: Duration = Duration::from_millis(500);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The moments at which a client does something when nobody answers.
fn moments(mut client: Client) -> Vec<(u128, client::Act)> {
    let mut all = Vec::new();
    while let Some(at) = client.next() {
        let act = client.due(at);
        all.push((at.as_millis(), act));
    }
    all
}

#[test]
fn a_request_over_udp_is_sent_at_these_moments() {
    use client::Act::{Send, TimedOut};
    // RFC 3261 section 17.1.2.2: E doubles up to T2; F is 64 × T1.
    let notify = moments(Client::begin(false, false, Timers::default(), Duration::ZERO));
    let again = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map(|at| (at, Send));
    assert_eq!(notify, [&again[..], &[(32_000, TimedOut)]].concat());
    // Section 17.1.1.2: A doubles without end; B is 64 × T1.
    let invite = moments(Client::begin(true, false, Timers::default(), Duration::ZERO));
    let again = [500, 1500, 3500, 7500, 15_500, 31_500].map(|at| (at, Send));
    assert_eq!(invite, [&again[..], &[(32_000, TimedOut)]].concat());
    for invite in [false, true] {
        let reliable = moments(Client::begin(invite, true, Timers::default(), Duration::ZERO));
        assert_eq!(reliable, [(32_000, TimedOut)], "over TCP nothing is sent again");
    }
}

#[test]
fn a_provisional_answer_slows_a_request_down_and_ends_nothing() {
    let mut client = Client::begin(false, false, Timers::default(), Duration::ZERO);
    assert_eq!(client.receive(100, ms(100)), client::Act::Tell);
    let all = moments(client);
    // The next turn is at its time; from then on T2.
    assert_eq!(
        all.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [500, 4500, 8500, 12_500, 16_500, 20_500, 24_500, 28_500, 32_000]
    );
    let mut invite = Client::begin(true, false, Timers::default(), Duration::ZERO);
    assert_eq!(invite.receive(180, ms(100)), client::Act::Tell);
    assert_eq!(invite.next(), None, "an INVITE that rings is not given up");
}

#[test]
fn a_final_answer_ends_a_request_and_its_repeats_are_swallowed() {
    for (invite, reliable, status, linger) in [
        (false, false, 200, Some(5000)),
        (false, true, 200, None),
        (true, false, 200, None),
        (true, false, 486, Some(32_000)),
        (true, true, 486, None),
    ] {
        let mut client = Client::begin(invite, reliable, Timers::default(), Duration::ZERO);
        let act = client.receive(status, Duration::ZERO);
        let refused = invite && status >= 300;
        assert_eq!(act, if refused { client::Act::TellAndAcknowledge } else { client::Act::Tell });
        assert_eq!(client.next().map(|at| at.as_millis()), linger, "timers D and K");
        let again = client.receive(status, ms(1));
        let acknowledged = refused && linger.is_some();
        assert_eq!(again, if acknowledged { client::Act::Acknowledge } else { client::Act::None });
        if let Some(linger) = linger {
            assert_eq!(client.due(ms(u64::try_from(linger).unwrap())), client::Act::None);
        }
        assert_eq!(client.state(), client::State::Terminated);
    }
}

#[test]
fn a_request_of_others_is_answered_and_remembered() {
    let mut server = Server::begin(false, false, Timers::default(), Duration::ZERO);
    assert_eq!(server.repeated(), server::Act::None, "before it is answered, a repeat is nothing");
    assert_eq!(server.answer(200, ms(10)), server::Act::Send);
    assert_eq!(server.repeated(), server::Act::Send);
    assert_eq!(server.answer(500, ms(20)), server::Act::None, "one final answer");
    assert_eq!(server.next(), Some(ms(32_010)), "timer J");
    server.due(ms(32_010));
    assert_eq!(server.state(), server::State::Terminated);
    let mut reliable = Server::begin(false, true, Timers::default(), Duration::ZERO);
    reliable.answer(200, Duration::ZERO);
    assert_eq!(reliable.state(), server::State::Terminated);
}

#[test]
fn a_refused_invite_of_others_is_answered_as_often_as_it_comes() {
    let begin = || {
        let mut server = Server::begin(true, false, Timers::default(), Duration::ZERO);
        assert_eq!(server.answer(100, Duration::ZERO), server::Act::Send);
        assert_eq!(server.answer(405, Duration::ZERO), server::Act::Send);
        server
    };
    let mut server = begin();
    assert_eq!(server.repeated(), server::Act::Send);
    assert_eq!(server.next(), Some(ms(32_000)), "nothing comes of timer G, only timer H");
    server.due(ms(32_000));
    assert_eq!(server.state(), server::State::Terminated);
    let mut server = begin();
    server.acknowledged(ms(700));
    assert_eq!((server.state(), server.next()), (server::State::Confirmed, Some(ms(5700))), "timer I");
    assert_eq!(server.repeated(), server::Act::None);
    let mut accepted = Server::begin(true, false, Timers::default(), Duration::ZERO);
    assert_eq!(accepted.answer(200, Duration::ZERO), server::Act::Send);
    assert_eq!(accepted.state(), server::State::Terminated);
}

fn hop(remote: &str) -> Hop {
    Hop { transport: Transport::Udp, remote: remote.parse().unwrap(), interface: 0 }
}

fn request(method: &str, branch: &str) -> Message {
    let text = format!(
        "{method} sip:201@10.66.0.10 SIP/2.0\r\nVia: SIP/2.0/UDP 10.66.0.1:5060;branch={branch}\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 7 {method}\r\n\r\n"
    );
    wire::read(text.as_bytes()).unwrap().unwrap()
}

fn sent(outcome: &Outcome) -> (Hop, Arc<[u8]>) {
    let Outcome::Send { hop, bytes, .. } = outcome else { panic!("{outcome:?}") };
    (*hop, bytes.clone())
}

#[test]
fn an_answer_is_believed_from_whom_was_asked_alone() {
    let mut layer = Transactions::new(Timers::default());
    let phone = hop("10.66.0.10:5060");
    let (key, first) = layer.begin(&request("NOTIFY", "z9hG4bKone"), phone, Duration::ZERO).unwrap();
    assert_eq!(sent(&first).0, phone);
    let answer = || request("NOTIFY", "z9hG4bKone").answer(200, "OK", "t");
    assert_eq!(layer.receive(answer(), hop("10.66.0.66:5060"), ms(1)).unwrap_err(), Stray::OtherSource);
    let tcp = Hop { transport: Transport::Tcp, ..phone };
    assert_eq!(layer.receive(answer(), tcp, ms(1)).unwrap_err(), Stray::OtherSource);
    let other = request("NOTIFY", "z9hG4bKtwo").answer(200, "OK", "t");
    assert_eq!(layer.receive(other, phone, ms(1)).unwrap_err(), Stray::NoTransaction);
    let other = request("OPTIONS", "z9hG4bKone").answer(200, "OK", "t");
    assert_eq!(layer.receive(other, phone, ms(1)).unwrap_err(), Stray::NoTransaction);
    // From another port of the same phone it counts: many answer from one of their own.
    let outcomes = layer.receive(answer(), hop("10.66.0.10:40000"), ms(2)).unwrap();
    assert!(matches!(&outcomes[..], [Outcome::Response { key: of, .. }] if *of == key), "{outcomes:?}");
    assert!(layer.receive(answer(), phone, ms(3)).unwrap().is_empty(), "a repeat");
    assert_eq!(layer.next(), Some(ms(5002)), "timer K");
    assert!(layer.due(ms(5002)).is_empty());
    assert_eq!(layer.count(), (0, 0));
}

#[test]
fn the_layer_repeats_and_gives_up() {
    let mut layer = Transactions::new(Timers::default());
    let (key, _) = layer.begin(&request("NOTIFY", "z9hG4bKone"), hop("10.66.0.10:5060"), Duration::ZERO).unwrap();
    let mut again = 0;
    let over = loop {
        let at = layer.next().unwrap();
        let outcomes = layer.due(at);
        match &outcomes[..] {
            [Outcome::Send { .. }] => again += 1,
            [Outcome::TimedOut { key: of }] if *of == key => break at,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((again, over), (10, T1 * 64));
    assert_eq!((layer.count(), layer.next()), ((0, 0), None));
    let (key, _) = layer.begin(&request("NOTIFY", "z9hG4bKtwo"), hop("10.66.0.10:5060"), Duration::ZERO).unwrap();
    layer.forget(&key);
    assert_eq!((layer.count(), layer.next()), ((0, 0), None));
}

#[test]
fn a_repeated_request_gets_the_same_answer_and_is_told_once() {
    let mut layer = Transactions::new(Timers::default());
    let from = hop("10.66.0.10:5059");
    for branch in ["z9hG4bKone", "of-rfc-2543"] {
        let outcomes = layer.receive(request("OPTIONS", branch), from, Duration::ZERO).unwrap();
        let [Outcome::Request { key: Some(key), message, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert!(layer.receive(request("OPTIONS", branch), from, ms(1)).unwrap().is_empty());
        let first = layer.answer(key, &message.answer(200, "OK", "t"), ms(2)).unwrap().unwrap();
        // Via names port 5060 and asks for no other.
        assert_eq!(sent(&first).0, hop("10.66.0.10:5060"));
        let again = layer.receive(request("OPTIONS", branch), from, ms(3)).unwrap();
        assert_eq!(sent(&again[0]).1, sent(&first).1);
        assert!(layer.answer(key, &message.answer(500, "No", "t"), ms(4)).unwrap().is_none());
    }
    let outcomes = layer.receive(request("OPTIONS", "z9hG4bKx;rport"), from, Duration::ZERO).unwrap();
    let [Outcome::Request { key: Some(key), message, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    let (to, bytes) = sent(&layer.answer(key, &message.answer(200, "OK", "t"), ms(2)).unwrap().unwrap());
    assert_eq!(to, from);
    let answer = wire::read(&bytes).unwrap().unwrap();
    let via = "SIP/2.0/UDP 10.66.0.1:5060;branch=z9hG4bKx;received=10.66.0.10;rport=5059";
    assert_eq!(answer.header("Via"), Some(via), "RFC 3581 section 4");
}

#[test]
fn an_answer_says_where_its_request_came_from() {
    let mut layer = Transactions::new(Timers::default());
    for (number, (from, said)) in
        [("10.66.0.10:5059", ";received=10.66.0.10"), ("10.66.0.1:5060", "")].iter().enumerate()
    {
        let branch = format!("z9hG4bK{number};received=192.0.2.1");
        let outcomes = layer.receive(request("OPTIONS", &branch), hop(from), Duration::ZERO).unwrap();
        let [Outcome::Request { message, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
        let via = format!("SIP/2.0/UDP 10.66.0.1:5060;branch=z9hG4bK{number}{said}");
        assert_eq!(message.header("Via"), Some(via.as_str()));
    }
}

#[test]
fn an_ack_belongs_to_the_invite_and_is_not_answered() {
    let mut layer = Transactions::new(Timers::default());
    let from = hop("10.66.0.10:5060");
    let outcomes = layer.receive(request("INVITE", "z9hG4bKi"), from, Duration::ZERO).unwrap();
    let [Outcome::Request { key: Some(key), message, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    layer.answer(key, &message.answer(405, "No", "t"), Duration::ZERO).unwrap().unwrap();
    assert!(layer.receive(request("ACK", "z9hG4bKi"), from, ms(10)).unwrap().is_empty());
    assert_eq!(layer.next(), Some(ms(5010)), "timer I, and no more repeats");
    let stray = layer.receive(request("ACK", "z9hG4bKnothing"), from, ms(10)).unwrap();
    assert!(matches!(&stray[..], [Outcome::Request { key: None, .. }]));
}

#[test]
fn a_refused_invite_of_ours_is_acknowledged() {
    let mut layer = Transactions::new(Timers::default());
    let phone = hop("10.66.0.10:5060");
    layer.begin(&request("INVITE", "z9hG4bKi"), phone, Duration::ZERO).unwrap();
    let refusal = request("INVITE", "z9hG4bKi").answer(486, "Busy", "theirs");
    let outcomes = layer.receive(refusal, phone, ms(1)).unwrap();
    let ack = wire::read(&sent(&outcomes[0]).1).unwrap().unwrap();
    assert_eq!(ack.as_request().map(|(method, _)| method), Some(Method::Ack));
    assert_eq!((ack.sequence(), ack.header("To")), (Some((7, "ACK")), Some("<sip:a@b>;tag=theirs")));
    assert!(matches!(outcomes[1], Outcome::Response { .. }));
}

#[test]
fn a_flood_of_requests_takes_bounded_room() {
    let mut layer = Transactions::new(Timers::default());
    let flood = hop("10.66.0.66:5060");
    for number in 0..20_000 {
        layer.receive(request("OPTIONS", &format!("z9hG4bK{number}")), flood, ms(number)).unwrap();
    }
    assert_eq!(layer.count(), (0, 16_384));
    // Whoever asks then is heard and answered: it is the oldest that give way.
    let outcomes = layer.receive(request("SUBSCRIBE", "z9hG4bKphone"), hop("10.66.0.10:5060"), ms(20_000)).unwrap();
    let [Outcome::Request { key: Some(key), message, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    for number in 20_000..36_000 {
        layer.receive(request("OPTIONS", &format!("z9hG4bK{number}")), flood, ms(number)).unwrap();
    }
    assert!(layer.answer(key, &message.answer(200, "OK", "t"), ms(20_001)).unwrap().is_some());
    assert_eq!(layer.count(), (0, 16_384));
    assert!(layer.due(ms(70_000)).is_empty());
    assert_eq!(layer.count(), (0, 0), "what nobody answers is forgotten");
    let _ = Key::Client("a".into());
}
