//! The time door: a datagram, and behind its 48 octets (where a server reads nothing) the times of the exchange.

use super::bytes::Bytes;
use block66::model::Timestamp;
use block66::sntp::{LENGTH, Source, reply};

/// Checks one datagram.
pub fn hold(input: &[u8]) -> bool {
    let mut rest = Bytes(input.get(LENGTH..).unwrap_or_default());
    let (received, sent, set) = (rest.i64(), rest.i64(), rest.i64());
    let [received, sent, set] = [received, sent, set].map(Timestamp::from_millis);
    let source = Source { trusted: rest.flag(), set };
    let Some(answer) = reply(input, received, sent, &source) else { return false };
    assert!(input.len() >= LENGTH, "half a request was answered");
    assert_eq!(Some(answer), reply(input, received, sent, &source), "the same request, another answer");
    assert_eq!(answer[24..32], input[40..48], "the originate time is the client's transmit time");
    assert_eq!(answer[0] >> 3 & 7, input[0] >> 3 & 7, "the version is the client's");
    assert!((1..=15).contains(&answer[1]), "stratum {}", answer[1]);
    assert_eq!(answer[0] >> 6, 0, "no leap second is ever announced");
    // Else one forged datagram would keep two servers busy with each other for ever.
    assert_eq!(reply(&answer, received, sent, &source), None, "an answer is answered: {answer:02x?}");
    true
}
