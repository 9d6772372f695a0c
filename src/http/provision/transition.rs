use crate::access::Transition;
use crate::model::{FirstContact, Phone, Timestamp};
use crate::sys::random;

/// The phone after a transition.
pub(super) fn apply(phone: &Phone, transition: Transition, now: Timestamp) -> Phone {
    let mut phone = phone.clone();
    match transition {
        Transition::OpenFirstContact { address } => {
            phone.pending_login.get_or_insert_with(random::login);
            phone.first_contact = FirstContact::Open { since: now, address };
        }
        Transition::CloseFirstContact => {
            if let Some(used) = phone.pending_login.take() {
                phone.login = Some(used);
            }
            phone.first_contact = FirstContact::Closed { at: now };
        }
        Transition::NoticeReset => phone.first_contact = FirstContact::Reset { at: now },
    }
    phone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Id, Mac, Settings};

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn phone() -> Phone {
        Phone {
            id: Id::new(NOW, 1),
            version: 1,
            origin: Id::new(NOW, 2),
            mac: Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]),
            organisation: Id::new(NOW, 3),
            brand: None,
            model: None,
            name: "Reception".into(),
            lines: Vec::new(),
            group: None,
            settings: Settings::NONE,
            handsets: Vec::new(),
            ports: Vec::new(),
            login: None,
            pending_login: None,
            first_contact: FirstContact::Waiting,
            created: NOW,
        }
    }

    #[test]
    fn a_login_is_made_once_and_becomes_the_phones_own_when_used() {
        let open = apply(&phone(), Transition::OpenFirstContact { address: [10, 66, 0, 10].into() }, NOW);
        let handed_out = open.pending_login.clone().unwrap();
        assert!(open.first_contact.admits([10, 66, 0, 10].into(), NOW));
        let again = apply(&open, Transition::OpenFirstContact { address: [10, 66, 0, 10].into() }, NOW);
        assert_eq!(again.pending_login, Some(handed_out.clone()));
        let closed = apply(&again, Transition::CloseFirstContact, NOW);
        assert_eq!((closed.login.clone(), closed.pending_login.clone()), (Some(handed_out.clone()), None));
        assert!(closed.trusts_us());
        let reset = apply(&closed, Transition::NoticeReset, NOW);
        assert_eq!(reset.login, Some(handed_out.clone()), "the old login stays good until a new one was used");
        assert!(!reset.trusts_us());
        let reopened = apply(&reset, Transition::OpenFirstContact { address: [10, 66, 0, 11].into() }, NOW);
        assert_ne!(reopened.pending_login, Some(handed_out));
        assert_eq!(reopened.pending_login.unwrap().password.expose().len(), 20);
    }
}
