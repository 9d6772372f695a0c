use super::Core;
use crate::model::{Door, Event, Reason};
use crate::sip::pnp::Ask;
use crate::sip::transaction::{Hop, Key};
use crate::sip::wire::{Message, Method};
use crate::sys::random;

/// What is understood.
const ALLOW: &str = "OPTIONS, SUBSCRIBE, NOTIFY";

impl Core {
    /// Somebody asks for something.
    pub(super) fn request(&mut self, key: Key, message: Message, hop: Hop, to_group: bool) {
        let Some((method, _)) = message.as_request() else { return };
        if let Some(ask) = Ask::read(&message) {
            return self.ask(key, message, ask, hop);
        }
        // What was sent to all is for somebody else, too: only a question for a profile is for us.
        if to_group {
            return;
        }
        let answer = match method {
            Method::Options => message.answer(200, "OK", &tag()).with("Accept", "application/url"),
            Method::Subscribe => message.answer(489, "Bad Event", &tag()).with("Allow-Events", "ua-profile"),
            Method::Notify => {
                self.told_by_another(&message, hop);
                message.answer(481, "Subscription Does Not Exist", &tag())
            }
            Method::Cancel => message.answer(481, "Call/Transaction Does Not Exist", &tag()),
            _ => message.answer(405, "Method Not Allowed", &tag()),
        };
        self.answer(&key, &answer.with("Allow", ALLOW));
    }

    /// Answers somebody's request.
    pub(super) fn answer(&mut self, key: &Key, answer: &Message) {
        let now = self.now().monotonic;
        match self.transactions.answer(key, answer, now) {
            Ok(outcome) => self.out.extend(outcome),
            Err(unfit) => tracing::debug!(%unfit, "an answer cannot be written"),
        }
    }

    /// A NOTIFY that names a URL is what a device sends that answers phones by SIP multicast.
    fn told_by_another(&mut self, message: &Message, hop: Hop) {
        let profile = message.header("Event").is_some_and(|event| event.trim_start().starts_with("ua-profile"));
        if profile {
            let address = hop.remote.ip().to_canonical();
            let event = Event::new(self.now().wall, Door::Sip, Reason::PnpOtherResponder { address });
            self.parts.journal.record(event.from_address(address));
        }
    }
}

/// A tag that nobody else uses (RFC 3261 section 19.3).
pub(super) fn tag() -> String {
    random::token(12)
}

/// A branch that no other request has (RFC 3261 section 8.1.1.7).
pub(super) fn branch() -> String {
    format!("{}{}", crate::sip::address::COOKIE, random::token(16))
}
