use super::verdict::{Basis, Transition, Verdict};
use super::{Ask, Channel, Evidence, File, Lan, LoginProof, Subject};
use crate::brands::Content;
use crate::model::{FirstContact, Reason, SecretPolicy, Timestamp};

/// Decides one request. `subject` is the phone that the request is about: by the MAC in the file's name, or, for a
/// common file, by the User-Agent or the LAN; `None` when that MAC is on no list.
///
/// - Without evidence nothing secret leaves, and known and unknown MACs get the same answer.
/// - More evidence never gets less. A login or certificate of somebody else is evidence against the asker.
/// - A phone on its first contact is asked for its login only once that was handed out, and is given it again when
///   it has none: cut off at any byte, it still gets there.
pub fn decide(ask: &Ask, evidence: &Evidence, subject: Option<Subject<'_>>, now: Timestamp) -> Verdict {
    let Some(subject) = subject else { return unlisted(ask, evidence) };
    let case = Case {
        ask,
        login: evidence.login,
        lan: evidence.lan,
        subject,
        stage: Stage::of(&subject, ask, now),
        proof: Proof::of(ask, evidence, &subject),
    };
    if ask.file == File::Kept { case.whole_or_nothing() } else { case.verdict() }
}

/// How far a phone's first contact is, as seen from the asker's address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The login is handed out for the first time now.
    Waiting,
    /// The login was handed to this address and may be again.
    Open,
    /// The login was handed out, too long ago or to another address.
    Over,
    /// The phone uses its login.
    Closed,
    /// It used its login once, and lost it.
    Reset,
}

impl Stage {
    fn of(subject: &Subject<'_>, ask: &Ask, now: Timestamp) -> Self {
        let contact = &subject.phone.first_contact;
        match contact {
            FirstContact::Waiting => Self::Waiting,
            FirstContact::Open { .. } if contact.admits(ask.address, now) => Self::Open,
            FirstContact::Open { .. } => Self::Over,
            FirstContact::Closed { .. } => Self::Closed,
            FirstContact::Reset { .. } if subject.policy.reopen_after_reset => Self::Waiting,
            FirstContact::Reset { .. } => Self::Reset,
        }
    }
}

/// What login and certificate together say about the asker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// It is somebody else: one such proof outweighs any other.
    Another,
    Nothing,
    /// It belongs to the right organisation.
    Organisation,
    /// It is the phone; `settled` when it needs no newer login than the one it has just shown.
    Own {
        settled: bool,
    },
}

impl Proof {
    fn of(ask: &Ask, evidence: &Evidence, subject: &Subject<'_>) -> Self {
        let phone = subject.phone;
        let certificate = evidence.certificate.filter(|_| ask.channel == Channel::Tls);
        if certificate.is_some_and(|mac| mac != phone.mac) {
            return Self::Another;
        }
        let by_login = match evidence.login {
            LoginProof::None | LoginProof::Wrong => Self::Nothing,
            LoginProof::Pending(id) if id == phone.id => Self::Own { settled: true },
            LoginProof::Phone(id) if id == phone.id => Self::Own { settled: phone.pending_login.is_none() },
            LoginProof::Organisation(id) if id == phone.organisation => Self::Organisation,
            LoginProof::Phone(_) | LoginProof::Pending(_) | LoginProof::Organisation(_) => Self::Another,
        };
        // A phone with a certificate is never asked for a login, so it cannot be waited for to use the new one.
        if by_login != Self::Another && certificate.is_some() { Self::Own { settled: true } } else { by_login }
    }
}

struct Case<'a> {
    ask: &'a Ask,
    login: LoginProof,
    lan: Lan,
    subject: Subject<'a>,
    stage: Stage,
    proof: Proof,
}

impl Case<'_> {
    fn verdict(&self) -> Verdict {
        match (self.proof, self.ask.file) {
            _ if self.ask.channel == Channel::Tftp => self.tftp(),
            (Proof::Another, _) => challenge(Reason::WrongCredentials),
            (Proof::Nothing, File::Personal | File::Shared) if self.lan == Lan::Agrees => open_to_the_lan(),
            (Proof::Nothing, File::Personal | File::Shared) => self.refused(None),
            (Proof::Nothing, _) => self.without_login(),
            (Proof::Organisation | Proof::Own { .. }, _) => self.with_login(),
        }
    }

    /// What a phone sent up cannot be told in part. What evidence opens everything opens it, and nothing else does.
    fn whole_or_nothing(&self) -> Verdict {
        match self.verdict() {
            Verdict::Grant { content: Content::Full, basis, .. } => grant(Content::Full, None, basis),
            Verdict::Grant { .. } => Verdict::NotFound(Reason::NotServed),
            Verdict::Challenge { reason, .. } => challenge(reason),
            refused => refused,
        }
    }

    fn with_login(&self) -> Verdict {
        let own_login = self.proof != Proof::Organisation;
        let success = Basis::Success { own_login };
        match (self.ask.file, self.ask.channel) {
            (File::Personal | File::Shared, _) => grant(Content::Settings, None, success),
            (File::Common, Channel::Tls) => grant(Content::Pointer, None, success),
            (File::Common, _) => grant(Content::Pointer, None, Basis::Pointed),
            (_, Channel::Tls) if self.login_suffices() => grant(Content::Full, self.after_full(), success),
            (_, Channel::Plain) if self.subject.policy.plain_http && self.login_suffices() => {
                grant(Content::Full, self.opening(), success)
            }
            _ if self.lan_suffices() => grant(Content::Full, None, Basis::Lan),
            _ if self.on_first_contact() => self.first_contact(),
            (_, Channel::Tls) => Verdict::Forbidden(Reason::MoreEvidenceNeeded),
            _ => grant(Content::Pointer, None, Basis::Pointed),
        }
    }

    fn without_login(&self) -> Verdict {
        if self.lan != Lan::Agrees {
            return self.refused(None);
        }
        if self.ask.file != File::Common && self.lan_suffices() {
            return grant(Content::Full, None, Basis::Lan);
        }
        if self.login_is_worth_asking_for() {
            return challenge(Reason::NoCredentials);
        }
        let noticed = self.noticed_reset();
        match (self.ask.file, self.ask.channel) {
            (File::Own | File::Kept, _) if self.on_first_contact() => self.first_contact(),
            (File::Common, Channel::Tls) if self.on_first_contact() => {
                grant(Content::Pointer, None, Basis::Success { own_login: false })
            }
            (_, Channel::Tls) => self.refused(noticed),
            (File::Own | File::Kept, _) if self.stage == Stage::Over => {
                grant(Content::Pointer, None, Basis::FirstContactOver)
            }
            _ => grant(Content::Pointer, noticed, Basis::Pointed),
        }
    }

    /// No login can be asked for here: the LAN is all the evidence there is.
    fn tftp(&self) -> Verdict {
        let plain = self.subject.policy.plain_http;
        match self.ask.file {
            _ if self.lan != Lan::Agrees => Verdict::Forbidden(Reason::TftpRefused),
            File::Personal | File::Shared => open_to_the_lan(),
            File::Common => grant(Content::Pointer, None, Basis::Pointed),
            File::Own | File::Kept if self.lan_suffices() => grant(Content::Full, None, Basis::Lan),
            File::Own | File::Kept if !plain => Verdict::Forbidden(Reason::TftpRefused),
            File::Own | File::Kept if self.on_first_contact() => self.first_contact(),
            File::Own | File::Kept => grant(Content::Pointer, None, Basis::Pointed),
        }
    }

    fn login_suffices(&self) -> bool {
        match (self.proof, self.subject.policy.secret_files) {
            (Proof::Own { .. }, _) | (Proof::Organisation, SecretPolicy::Organisation) => true,
            (Proof::Organisation, SecretPolicy::OrganisationOnLan) => self.lan == Lan::Agrees,
            (Proof::Organisation, SecretPolicy::Own) | (Proof::Nothing | Proof::Another, _) => false,
        }
    }

    fn lan_suffices(&self) -> bool {
        self.lan == Lan::Agrees && self.subject.policy.lan_alone
    }

    fn on_first_contact(&self) -> bool {
        self.lan == Lan::Agrees && matches!(self.stage, Stage::Waiting | Stage::Open)
    }

    fn first_contact(&self) -> Verdict {
        grant(Content::FirstContact, self.opening(), Basis::FirstContact)
    }

    /// Whatever carries the login starts its window, if the LAN vouches for the address that the window is for.
    fn opening(&self) -> Option<Transition> {
        (self.stage == Stage::Waiting && self.lan == Lan::Agrees)
            .then_some(Transition::OpenFirstContact { address: self.ask.address })
    }

    fn after_full(&self) -> Option<Transition> {
        let closed = self.stage == Stage::Closed && self.subject.phone.pending_login.is_none();
        match self.proof {
            Proof::Own { settled: true } => (!closed).then_some(Transition::CloseFirstContact),
            _ => self.opening(),
        }
    }

    /// A phone that may have its login is asked for it once, where it would get more for it.
    fn login_is_worth_asking_for(&self) -> bool {
        let useful = self.ask.channel == Channel::Tls || self.subject.policy.plain_http;
        useful && self.login == LoginProof::None && !self.ask.unanswered && self.stage != Stage::Waiting
    }

    /// It was asked, and has come again with none.
    fn has_no_login(&self) -> bool {
        self.login == LoginProof::None && self.ask.unanswered && self.lan == Lan::Agrees
    }

    fn noticed_reset(&self) -> Option<Transition> {
        (self.has_no_login() && self.stage == Stage::Closed).then_some(Transition::NoticeReset)
    }

    fn refused(&self, transition: Option<Transition>) -> Verdict {
        let reason = match (self.login, self.stage) {
            (LoginProof::None, Stage::Over) if self.has_no_login() => Reason::FirstContactOver,
            (LoginProof::None, Stage::Closed | Stage::Reset) if self.has_no_login() => Reason::WasReset,
            (LoginProof::None, _) => Reason::NoCredentials,
            _ => Reason::WrongCredentials,
        };
        Verdict::Challenge { reason, transition }
    }
}

/// The MAC is on no list, which only a good login may learn.
fn unlisted(ask: &Ask, evidence: &Evidence) -> Verdict {
    match (ask.channel, ask.file, evidence.login) {
        (Channel::Tftp, ..) => Verdict::Forbidden(Reason::TftpRefused),
        (_, _, LoginProof::None) => challenge(Reason::NoCredentials),
        (_, _, LoginProof::Wrong) => challenge(Reason::WrongCredentials),
        // What its organisation shares belongs to any phone that has shown whose it is.
        (_, File::Shared, _) => grant(Content::Settings, None, Basis::Success { own_login: false }),
        (_, File::Own | File::Kept | File::Personal, LoginProof::Organisation(_)) => {
            Verdict::NotFound(Reason::MacUnknown)
        }
        // A phone's login is good for that phone's file alone.
        (_, File::Own | File::Kept | File::Personal, LoginProof::Phone(_) | LoginProof::Pending(_)) => {
            challenge(Reason::WrongCredentials)
        }
        (Channel::Tls, File::Common, _) => grant(Content::Pointer, None, Basis::Success { own_login: false }),
        (Channel::Plain, File::Common, _) => grant(Content::Pointer, None, Basis::Pointed),
    }
}

/// No secret, and the asker is where a phone on the list is.
fn open_to_the_lan() -> Verdict {
    grant(Content::Settings, None, Basis::Lan)
}

fn grant(content: Content, transition: Option<Transition>, basis: Basis) -> Verdict {
    Verdict::Grant { content, transition, basis }
}

fn challenge(reason: Reason) -> Verdict {
    Verdict::Challenge { reason, transition: None }
}
