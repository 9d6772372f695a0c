//! What a name means at the TFTP door: the same as at the HTTP door.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use futures_util::FutureExt;
use hyper::StatusCode;

use crate::firmware::{Library, Unavailable};
use crate::http::path::Wanted;
use crate::http::provision::Provision;
use crate::journal::Journal;
use crate::model::{Door, Event, Reason};
use crate::sys::clock::Clock;
use crate::tftp::{Answer, Ask, Files, Keep, Payload, Refusal};

/// Images from `library`, all other files from `provision`.
pub(super) fn files(provision: Arc<Provision>, library: Library, (journal, clock): (Journal, Clock)) -> Files {
    Arc::new(move |ask: Ask| {
        let (provision, library, journal, clock) = (provision.clone(), library.clone(), journal.clone(), clock.clone());
        async move {
            let image = Wanted::read(&format!("/{}", ask.name))
                .ok()
                .and_then(|wanted| library.find(wanted.name(), || provision.phone_at(ask.address)));
            let Some(image) = image else { return other(&provision, &ask).await };
            let content = library.content(&image).await;
            let (answer, reason) = match content {
                Ok(content) => {
                    let given = Reason::FirmwareGiven { release: image.release };
                    (Answer::File(Payload::Image(Box::new(content))), given)
                }
                Err(why) => {
                    let refusal = match why {
                        Unavailable::Gone | Unavailable::NotEnabled => Refusal::NotFound,
                        _ => Refusal::Busy,
                    };
                    let reason = Reason::FirmwareUnavailable { release: image.release, why: why.to_string() };
                    (Answer::Refused(refusal), reason)
                }
            };
            let mac = provision.probably_at(ask.address, None);
            let event = Event::new(clock.now().wall, Door::Tftp, reason).about(mac);
            journal.record(event.from_address(ask.address).for_file(&ask.name));
            answer
        }
        .boxed()
    })
}

/// Files that phones leave, on the evidence that would open them again.
pub(super) fn keep(provision: Arc<Provision>) -> Keep {
    Arc::new(move |ask: Ask, bytes| {
        let provision = provision.clone();
        async move {
            let local = ask.local.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            match provision.left_over_tftp(&ask.name, bytes.into(), ask.address, local).await {
                status if status.is_success() => Ok(()),
                StatusCode::BAD_REQUEST => Err(Refusal::Malformed),
                StatusCode::PAYLOAD_TOO_LARGE | StatusCode::INSUFFICIENT_STORAGE => Err(Refusal::TooLarge),
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Err(Refusal::Busy),
                _ => Err(Refusal::NotAllowed),
            }
        }
        .boxed()
    })
}

async fn other(provision: &Provision, ask: &Ask) -> Answer {
    let local = ask.local.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    match provision.file_over_tftp(&ask.name, ask.address, local).await {
        Ok(bytes) => Answer::File(Payload::Bytes(bytes)),
        Err(StatusCode::NOT_FOUND) => Answer::Refused(Refusal::NotFound),
        Err(StatusCode::BAD_REQUEST) => Answer::Refused(Refusal::Malformed),
        Err(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => Answer::Refused(Refusal::Busy),
        Err(_) => Answer::Refused(Refusal::NotAllowed),
    }
}
