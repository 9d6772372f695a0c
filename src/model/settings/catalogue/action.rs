use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// URLs that the phone fetches when something happens.
pub(super) const SETTINGS: &[Definition] = &[
    define("action.started", Kind::Url, "it has started", "http://192.0.2.5/event"),
    define("action.registered", Kind::Url, "a line has registered", "http://192.0.2.5/event"),
    define("action.unregistered", Kind::Url, "a line has signed off", "http://192.0.2.5/event"),
    define("action.register_failed", Kind::Url, "a line could not register", "http://192.0.2.5/event"),
    define("action.address_changed", Kind::Url, "its address has changed", "http://192.0.2.5/event"),
    define("action.off_hook", Kind::Url, "the handset was lifted", "http://192.0.2.5/event"),
    define("action.on_hook", Kind::Url, "the handset was put down", "http://192.0.2.5/event"),
    define("action.incoming", Kind::Url, "a call comes in", "http://192.0.2.5/event"),
    define("action.outgoing", Kind::Url, "a call is made", "http://192.0.2.5/event"),
    define("action.established", Kind::Url, "a call was answered", "http://192.0.2.5/event"),
    define("action.ended", Kind::Url, "a call has ended", "http://192.0.2.5/event"),
    define("action.missed", Kind::Url, "a call was missed", "http://192.0.2.5/event"),
    define("action.rejected", Kind::Url, "a call was refused", "http://192.0.2.5/event"),
    define("action.forwarded", Kind::Url, "a call was forwarded", "http://192.0.2.5/event"),
    define("action.transferred", Kind::Url, "a call was transferred", "http://192.0.2.5/event"),
    define("action.hold", Kind::Url, "a call is held", "http://192.0.2.5/event"),
    define("action.resumed", Kind::Url, "a held call goes on", "http://192.0.2.5/event"),
    define("action.muted", Kind::Url, "the microphone was switched off", "http://192.0.2.5/event"),
    define("action.unmuted", Kind::Url, "the microphone was switched on", "http://192.0.2.5/event"),
    define("action.dnd_on", Kind::Url, "do-not-disturb was switched on", "http://192.0.2.5/event"),
    define("action.dnd_off", Kind::Url, "do-not-disturb was switched off", "http://192.0.2.5/event"),
    define("action.forward_on", Kind::Url, "forwarding was switched on", "http://192.0.2.5/event"),
    define("action.forward_off", Kind::Url, "forwarding was switched off", "http://192.0.2.5/event"),
    define("action.busy", Kind::Url, "the phone is no longer idle", "http://192.0.2.5/event"),
    define("action.idle", Kind::Url, "the phone is idle again", "http://192.0.2.5/event"),
];
