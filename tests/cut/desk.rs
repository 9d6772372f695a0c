//! One first contact of the phone at a desk, whole or cut.

use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use block66::model::{FirstContact, Id, Login, Mac, Secret};
use block66::phonesim::{Cut, Identity, Phone, Plug, Report, Setup};
use block66::sys::random;

use crate::ground::Ground;

/// How many seconds of a phone's waits pass in one of ours: a minute until the next poll is a millisecond.
const PACE: u32 = 60_000;

/// A place for a phone. The phone speaks to an address of the box that is for this desk alone, so that the box can tell
/// the desks apart though all connections come from the loopback.
pub(crate) struct Desk {
    pub(crate) id: Id,
    pub(crate) mac: Mac,
    /// The address that is leased to the phone, as the box sees it.
    pub(crate) leased: Ipv4Addr,
    /// The box's address for it.
    pub(crate) speaks_to: Ipv4Addr,
    handed: Mutex<Handed>,
}

/// What the phone was given as its own file while its first contact was open and it had shown no login.
#[derive(Default)]
struct Handed {
    file: Option<Vec<u8>>,
    differed: bool,
}

impl Desk {
    pub(crate) fn new(number: u8, id: Id) -> Self {
        Self {
            id,
            mac: Mac::new([0x80, 0x5e, 0xc0, 0, 1, number]),
            leased: Ipv4Addr::new(10, 66, 0, number),
            speaks_to: Ipv4Addr::new(127, 0, 66, number),
            handed: Mutex::default(),
        }
    }

    /// The phone is given `file` in its first contact.
    pub(crate) fn hand_over(&self, file: &[u8]) {
        let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let first = handed.file.get_or_insert_with(|| file.to_vec());
        let differs = first != file;
        handed.differed |= differs;
    }

    fn clear(&self) -> Handed {
        std::mem::take(&mut *self.handed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Lets the phone start over, with a new login and in its factory state, and come into service. With `cut` it loses its
/// power once; a report with one start is of a phone that met no such byte.
///
/// # Errors
/// What is wrong with the end.
pub(crate) fn first_contact(ground: &Ground, desk: &Desk, cut: Option<Cut>, limit: Duration) -> Result<Report, String> {
    let login = Login { user: format!("p-{}", random::token(10)), password: Secret::new(random::token(20)) };
    let mut phone = ground.phone(desk);
    phone.pending_login = Some(login.clone());
    phone.first_contact = FirstContact::Waiting;
    ground.put(phone);
    desk.clear();

    let setup = Setup {
        identity: Identity::t46u(desk.mac),
        plug: Plug::Given { url: ground.url(desk), time_server: Some(ground.time_server) },
        pace: PACE,
        instead: None,
        escort: None,
    };
    let (phone, remote) = Phone::new(setup);
    if let Some(cut) = cut {
        remote.cut(cut);
    }
    let running = std::thread::spawn(move || phone.run());
    let came = remote.wait_for(limit, Report::in_service);
    let holding = remote.holding();
    remote.stop();
    running.join().map_err(|_| "the phone panicked")?;
    let report = came.map_err(|report| format!("not in service: {report:#?}"))?;

    let phone = ground.phone(desk);
    let Handed { file, differed } = desk.clear();
    let own_file = format!("{}.cfg", desk.mac.plain());
    let secured = |seen: &block66::phonesim::Exchange| {
        seen.url.starts_with("https:") && seen.url.ends_with(&own_file) && seen.status == Some(200)
    };
    let wrong = [
        (!report.exchanges.iter().any(secured), "it has not fetched its file over TLS since it was switched on"),
        (holding.login != Some((login.user.clone(), login.password.clone())), "it holds another login"),
        (phone.login.as_ref() != Some(&login) || phone.pending_login.is_some(), "the box knows another login"),
        (!matches!(phone.first_contact, FirstContact::Closed { .. }), "its first contact is not closed"),
        (holding.authorities != [ground.root().to_vec()], "it trusts another authority"),
        (file.is_none(), "nothing was handed out in its first contact"),
        (differed, "it was given other bytes for its own file the next time, within one first contact"),
    ];
    match wrong.into_iter().find_map(|(is_wrong, what)| is_wrong.then_some(what)) {
        Some(what) => Err(format!("{what}: {:?} {report:#?}", phone.first_contact)),
        None => Ok(report),
    }
}
