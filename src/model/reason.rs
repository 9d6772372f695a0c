use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use super::Mac;
use super::language::{self, Language};

/// Why something was done or refused: a stable code with typed arguments.
///
/// The code is what is stored, filtered by and alarmed on; [`Reason::sentence`] says it to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code")]
pub enum Reason {
    /// An address was acknowledged to a client.
    #[serde(rename = "dhcp.leased")]
    Leased {
        /// Name of the network.
        network: String,
        /// The address.
        address: Ipv4Addr,
    },
    /// A client gave its address back.
    #[serde(rename = "dhcp.released")]
    Released {
        /// The address.
        address: Ipv4Addr,
    },
    /// A client found its address taken by somebody else.
    #[serde(rename = "dhcp.declined")]
    Declined {
        /// The address.
        address: Ipv4Addr,
    },
    /// A request was refused with a NAK.
    #[serde(rename = "dhcp.refused")]
    LeaseRefused {
        /// The address that was asked for.
        requested: Ipv4Addr,
    },
    /// No address is left.
    #[serde(rename = "dhcp.pool-exhausted")]
    PoolExhausted {
        /// Name of the network.
        network: String,
    },
    /// A packet that cannot be DHCP.
    #[serde(rename = "dhcp.malformed")]
    DhcpMalformed {
        /// What is wrong with it.
        what: String,
    },
    /// DHCP is off by configuration.
    #[serde(rename = "dhcp.off")]
    DhcpOff {
        /// Name of the network.
        network: String,
    },
    /// Nobody has claimed the box.
    #[serde(rename = "dhcp.unclaimed")]
    DhcpUnclaimed {
        /// Name of the network.
        network: String,
    },
    /// The mode is `inform-only` by configuration.
    #[serde(rename = "dhcp.inform-only")]
    DhcpInformOnly {
        /// Name of the network.
        network: String,
    },
    /// The mode is `phones-only` by configuration.
    #[serde(rename = "dhcp.phones-only")]
    DhcpPhonesOnly {
        /// Name of the network.
        network: String,
    },
    /// The mode is `full` by configuration.
    #[serde(rename = "dhcp.full")]
    DhcpFull {
        /// Name of the network.
        network: String,
    },
    /// There never was another server.
    #[serde(rename = "dhcp.sole")]
    DhcpSole {
        /// Name of the network.
        network: String,
    },
    /// Other servers are being searched for.
    #[serde(rename = "dhcp.searching")]
    DhcpSearching {
        /// Name of the network.
        network: String,
    },
    /// A slow server may still start.
    #[serde(rename = "dhcp.waits")]
    DhcpWaits {
        /// Name of the network.
        network: String,
    },
    /// There is neither another server nor a pool.
    #[serde(rename = "dhcp.nothing-to-give")]
    DhcpNothingToGive {
        /// Name of the network.
        network: String,
    },
    /// Another server gives the addresses.
    #[serde(rename = "dhcp.beside")]
    DhcpBeside {
        /// Name of the network.
        network: String,
        /// The other server.
        server: Ipv4Addr,
    },
    /// Another server turned up while leases of ours run.
    #[serde(rename = "dhcp.stepping-down")]
    DhcpSteppingDown {
        /// Name of the network.
        network: String,
        /// The other server.
        server: Ipv4Addr,
    },
    /// A server that was seen before has not answered yet.
    #[serde(rename = "dhcp.server-awaited")]
    DhcpServerAwaited {
        /// Name of the network.
        network: String,
        /// The other server.
        server: Ipv4Addr,
    },
    /// A server that was seen before no longer answers.
    #[serde(rename = "dhcp.server-gone")]
    DhcpServerGone {
        /// Name of the network.
        network: String,
        /// The other server.
        server: Ipv4Addr,
        /// Whether the box has addresses to give in its place.
        #[serde(default)]
        may_stand_in: bool,
    },
    /// An administrator lets the box stand in for a server that is gone.
    #[serde(rename = "dhcp.stand-in")]
    DhcpStandIn {
        /// Name of the network.
        network: String,
        /// The other server.
        server: Ipv4Addr,
    },
    /// Another server answers beside a box in mode `full`.
    #[serde(rename = "dhcp.not-alone")]
    DhcpNotAlone {
        /// Name of the network.
        network: String,
        /// The other server.
        server: Ipv4Addr,
    },
    /// The box's own address is not static.
    #[serde(rename = "dhcp.own-address-leased")]
    DhcpOwnAddressLeased {
        /// Name of the network.
        network: String,
    },
    /// Another box goes first.
    #[serde(rename = "dhcp.other-box")]
    DhcpOtherBox {
        /// Name of the network.
        network: String,
        /// Where it is.
        address: Ipv4Addr,
    },
    /// Another server gives addresses of the box's pool.
    #[serde(rename = "dhcp.pool-overlaps")]
    DhcpPoolOverlaps {
        /// Name of the network.
        network: String,
        /// The other server.
        server: Ipv4Addr,
        /// The address.
        address: Ipv4Addr,
    },
    /// The address that is reserved for a device is the box's own.
    #[serde(rename = "dhcp.reservation-unfit")]
    DhcpReservationUnfit {
        /// Name of the network.
        network: String,
        /// The address.
        address: Ipv4Addr,
    },
    /// The sockets for listening could not be had.
    #[serde(rename = "dhcp.deaf")]
    DhcpDeaf {
        /// Name of the network.
        network: String,
        /// What kept them away.
        why: String,
    },
    /// Somebody uses an address of the pool without asking for it.
    #[serde(rename = "dhcp.address-in-use")]
    AddressInUse {
        /// The address.
        address: Ipv4Addr,
    },
    /// An administrator lets the box stand in for another DHCP server.
    #[serde(rename = "dhcp.taken-over")]
    TakenOver {
        /// Name of the network.
        network: String,
    },

    /// The CA was handed out.
    #[serde(rename = "http.ca-given")]
    CaGiven,
    /// The brand takes no authority of ours, so nothing is missing without it.
    #[serde(rename = "http.ca-not-needed")]
    CaNotNeeded,
    /// A file was given against enough evidence.
    #[serde(rename = "http.success")]
    Success {
        /// The phone's own file, as opposed to one that many phones share.
        own_file: bool,
        /// The phone's own login, as opposed to its organisation's. The place of a phone on the LAN counts as its own
        /// where policy says that nothing better is to be had of it.
        own_login: bool,
        /// ETag of what was given, without quotes.
        revision: String,
        /// The files kept for phones that the phone's own file names: it is to fetch them, too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        resources: Vec<Box<str>>,
    },
    /// The phone has this revision already.
    #[serde(rename = "http.not-modified")]
    NotModified {
        /// As for [`Reason::Success`].
        own_login: bool,
        /// ETag of what it has, without quotes.
        revision: String,
        /// As for [`Reason::Success`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        resources: Vec<Box<str>>,
    },
    /// On first contact a phone was given its own login.
    #[serde(rename = "http.first-contact")]
    FirstContactGiven,
    /// A phone was told over plain HTTP where to go, without secrets.
    #[serde(rename = "http.pointed")]
    Pointed,
    /// No login was sent: asked for one.
    #[serde(rename = "http.no-credentials")]
    NoCredentials,
    /// The login was wrong, or is another organisation's or another phone's.
    #[serde(rename = "http.wrong-credentials")]
    WrongCredentials,
    /// A good login asked for the file of a MAC that is on nobody's list.
    #[serde(rename = "http.mac-unknown")]
    MacUnknown,
    /// The login is good, but policy asks for more before secrets leave.
    #[serde(rename = "http.more-evidence-needed")]
    MoreEvidenceNeeded,
    /// Too many wrong logins of one user name came from one source: it has to wait, whichever phone it asks for.
    #[serde(rename = "http.throttled")]
    Throttled,
    /// One source sent so many different requests that no more of them are told apart.
    #[serde(rename = "box.flooded")]
    Flooded,
    /// The name is served to nobody.
    #[serde(rename = "http.not-served")]
    NotServed,
    /// A certificate that an administrator gave to the box cannot be used.
    #[serde(rename = "box.certificate-unusable")]
    CertificateUnusable {
        /// What is wrong with it.
        what: String,
    },
    /// A certificate of the company's own ends soon, or has ended.
    #[serde(rename = "box.certificate-ends")]
    CertificateEnds {
        /// A name that it is for.
        name: String,
        /// Until when it is valid.
        until: String,
    },
    /// A phone that was on no list was put there by an open pairing window.
    #[serde(rename = "pairing.adopted")]
    Adopted {
        /// What it is called.
        name: String,
    },
    /// A phone asked for a name that is none of its brand's, but close to one.
    #[serde(rename = "http.name-unknown")]
    NameUnknown {
        /// The name that it may have meant.
        nearest: String,
    },
    /// A login of one organisation asked for a phone of another.
    #[serde(rename = "http.other-organisation")]
    OtherOrganisation,
    /// A phone that has used HTTPS asked over plain HTTP, and was told where to go.
    #[serde(rename = "http.plain-after-tls")]
    PlainAfterTls,
    /// A phone was sent to where its files are.
    #[serde(rename = "http.redirected")]
    Redirected,
    /// A phone asked for a phone book that it does not show.
    #[serde(rename = "http.book-not-shown")]
    BookNotShown,
    /// A phone asked for a picture, a sound or XML that its organisation does not have.
    #[serde(rename = "http.resource-missing")]
    ResourceMissing {
        /// Its name.
        name: String,
    },
    /// What a phone sent up was kept.
    #[serde(rename = "http.upload-kept")]
    UploadKept,
    /// What a phone sent up is larger than such a file may be.
    #[serde(rename = "http.upload-too-large")]
    UploadTooLarge {
        /// Most bytes.
        most: usize,
    },
    /// What a phone sent up was not kept.
    #[serde(rename = "http.upload-refused")]
    UploadRefused {
        /// Why.
        what: String,
    },
    /// The phone did not come back within the window of its first contact.
    #[serde(rename = "http.first-contact-over")]
    FirstContactOver,
    /// A phone that had its login came back without it.
    #[serde(rename = "http.was-reset")]
    WasReset,
    /// TFTP carries no login, and the LAN alone is not enough for this.
    #[serde(rename = "tftp.refused")]
    TftpRefused,
    /// The request could not be read.
    #[serde(rename = "http.malformed")]
    HttpMalformed {
        /// What is wrong with it.
        what: String,
    },
    /// A file could not be made; the phone keeps what it has.
    #[serde(rename = "http.render-failed")]
    RenderFailed {
        /// What is wrong, naming the field or the template's line.
        what: String,
    },

    /// The phone does not trust our CA (TLS alert 48).
    #[serde(rename = "tls.unknown-ca")]
    TlsUnknownCa,
    /// The phone offers nothing that is still safe.
    #[serde(rename = "tls.too-old")]
    TlsTooOld {
        /// What it lacks.
        what: String,
    },
    /// The handshake failed in another way.
    #[serde(rename = "tls.failed")]
    TlsFailed {
        /// How.
        what: String,
    },

    /// A phone that asked by SIP multicast was told its URL, and took it.
    #[serde(rename = "sip.pnp-answered")]
    PnpAnswered {
        /// What it was told.
        url: String,
    },
    /// A phone that asked by SIP multicast was told its URL, and did not take it.
    #[serde(rename = "sip.pnp-not-taken")]
    PnpNotTaken,
    /// A phone on no list asks by SIP multicast.
    #[serde(rename = "sip.pnp-waiting")]
    PnpWaiting,
    /// Another device answers phones that ask by SIP multicast.
    #[serde(rename = "sip.pnp-other-responder")]
    PnpOtherResponder {
        /// It.
        address: IpAddr,
    },
    /// What came in is no SIP message.
    #[serde(rename = "sip.malformed")]
    SipMalformed {
        /// What is wrong with it.
        what: String,
    },
    /// A phone was told to fetch its files, and did.
    #[serde(rename = "sip.resynced")]
    SipResynced {
        /// How long after it was told.
        seconds: u64,
    },
    /// A phone was told to restart, and came back for its files.
    #[serde(rename = "sip.restarted")]
    SipRestarted {
        /// How long after it was told.
        seconds: u64,
    },
    /// A phone took the message; the fetch that followed was due anyway.
    #[serde(rename = "sip.fetched-by-chance")]
    SipFetchedByChance,
    /// A phone took the message and fetched what it has already: what was changed is in none of its files.
    #[serde(rename = "sip.nothing-new")]
    SipNothingNew,
    /// A phone took the message and did nothing.
    #[serde(rename = "sip.not-fetched")]
    SipNotFetched {
        /// How long it was waited for.
        seconds: u64,
        /// What to switch on in the phone; empty when nothing is known.
        hint: String,
    },
    /// A phone refused the message.
    #[serde(rename = "sip.refused")]
    SipRefused {
        /// The status of its answer.
        status: u16,
        /// What it said beside it.
        phrase: String,
        /// What to switch on in the phone; empty when nothing is known.
        hint: String,
    },
    /// A phone asked for the login of its line, and refused it.
    #[serde(rename = "sip.login-refused")]
    SipLoginRefused {
        /// The realm that it named.
        realm: String,
    },
    /// A phone asked for a login that it is not given.
    #[serde(rename = "sip.login-withheld")]
    SipLoginWithheld {
        /// The realm that it named.
        realm: String,
    },
    /// Something asked for the login of a phone's line where nothing proves that it is the phone.
    #[serde(rename = "sip.login-unproven")]
    SipLoginUnproven {
        /// The realm that it named.
        realm: String,
        /// Where it is.
        address: IpAddr,
    },
    /// A phone was not told by SNMP, since nothing proves that it is the phone.
    #[serde(rename = "sip.snmp-withheld")]
    SipSnmpWithheld {
        /// Where it is.
        address: IpAddr,
    },
    /// No way led to the phone.
    #[serde(rename = "sip.no-answer")]
    SipNoAnswer {
        /// The ways that were tried.
        tried: String,
        /// What to switch on in the phone; empty when nothing is known.
        hint: String,
    },
    /// Nothing says where the phone is.
    #[serde(rename = "sip.no-address")]
    SipNoAddress,
    /// Phones of this kind know no such message.
    #[serde(rename = "sip.unknown-event")]
    SipUnknownEvent {
        /// What was wanted: `resync` or `reboot`.
        wanted: String,
        /// What else can be done; empty when nothing is known.
        hint: String,
    },

    /// Many phones are being told.
    #[serde(rename = "sip.campaign-begun")]
    CampaignBegun {
        /// How many.
        phones: usize,
    },
    /// All phones of a campaign are over.
    #[serde(rename = "sip.campaign-ended")]
    CampaignEnded {
        /// Phones that did what they were told.
        done: usize,
        /// Phones that did not.
        failed: usize,
    },
    /// Somebody stopped a campaign.
    #[serde(rename = "sip.campaign-stopped")]
    CampaignStopped {
        /// Phones that did what they were told.
        done: usize,
        /// Phones that did not.
        failed: usize,
        /// Phones that were not told.
        left: usize,
    },
    /// A campaign goes no further, because too many of its phones fail.
    #[serde(rename = "sip.campaign-failing")]
    CampaignFailing {
        /// Phones that did what they were told.
        done: usize,
        /// Phones that did not.
        failed: usize,
        /// Phones that were not told.
        left: usize,
    },

    /// An image was given to a phone, or a range of it.
    #[serde(rename = "firmware.given")]
    FirmwareGiven {
        /// The release in it.
        release: String,
    },
    /// An image was asked for and cannot be had now.
    #[serde(rename = "firmware.unavailable")]
    FirmwareUnavailable {
        /// The release in it.
        release: String,
        /// Why.
        why: String,
    },
    /// An image was fetched from outside, and is what it should be.
    #[serde(rename = "firmware.fetched")]
    FirmwareFetched {
        /// The release in it.
        release: String,
        /// Its length.
        bytes: u64,
    },
    /// An image could not be fetched from outside.
    #[serde(rename = "firmware.not-fetched")]
    FirmwareNotFetched {
        /// The release in it.
        release: String,
        /// Why.
        why: String,
    },
    /// An image was put into the catalogue.
    #[serde(rename = "firmware.added")]
    FirmwareAdded {
        /// The release in it.
        release: String,
    },
    /// An image was taken out of the catalogue.
    #[serde(rename = "firmware.removed")]
    FirmwareRemoved {
        /// The release in it.
        release: String,
    },
    /// A phone said which release it runs, and it is another than before.
    #[serde(rename = "firmware.runs")]
    FirmwareRuns {
        /// The release.
        release: String,
    },
    /// A phone runs the release that it should.
    #[serde(rename = "firmware.right")]
    FirmwareRight {
        /// The release.
        release: String,
    },
    /// A phone is told of another release than it runs.
    #[serde(rename = "firmware.behind")]
    FirmwareBehind {
        /// The release that it should run.
        release: String,
    },
    /// A phone did not come back with the release that it was told of.
    #[serde(rename = "firmware.failed")]
    FirmwareFailed {
        /// The release that it should run.
        release: String,
    },
    /// A roll-out began.
    #[serde(rename = "rollout.started")]
    RolloutStarted {
        /// Its name.
        name: String,
    },
    /// A roll-out was stopped, by an administrator or by itself.
    #[serde(rename = "rollout.stopped")]
    RolloutStopped {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// Every phone of a roll-out had its turn.
    #[serde(rename = "rollout.finished")]
    RolloutFinished {
        /// Its name.
        name: String,
    },

    /// The user of a softphone signed in.
    #[serde(rename = "softphone.signed-in")]
    SoftphoneSignedIn {
        /// Their name.
        user: String,
    },
    /// Somebody at a softphone was not let in.
    #[serde(rename = "softphone.refused")]
    SoftphoneRefused {
        /// Why.
        why: String,
    },
    /// A softphone fetched settings that had changed.
    #[serde(rename = "softphone.told")]
    SoftphoneTold {
        /// Whose it is.
        user: String,
    },
    /// The settings of a softphone could not be made.
    #[serde(rename = "softphone.unmade")]
    SoftphoneUnmade {
        /// Whose it is.
        user: String,
        /// What is wrong.
        what: String,
    },
    /// A softphone was told of a newer program.
    #[serde(rename = "softphone.upgrade-offered")]
    SoftphoneUpgradeOffered {
        /// Its number.
        build: u64,
    },

    /// A PBX or one of its services connected.
    #[serde(rename = "provider.connected")]
    ProviderConnected {
        /// Name of its app object.
        who: String,
    },
    /// A PBX or one of its services could not log in.
    #[serde(rename = "provider.refused")]
    ProviderRefused {
        /// Why.
        why: String,
    },
    /// A PBX changed a phone's configuration.
    #[serde(rename = "provider.configured")]
    ProviderConfigured,
    /// A phone that a PBX asked for could not be provisioned.
    #[serde(rename = "provider.failed")]
    ProviderFailed {
        /// Why.
        why: String,
    },
    /// Where a phone's configuration comes from said something that cannot be used; nothing changes.
    #[serde(rename = "provider.unusable")]
    ProviderUnusable {
        /// What was wrong with it.
        what: String,
    },
    /// A phone's connection to where its configuration comes from ended.
    #[serde(rename = "provider.lost")]
    ProviderLost {
        /// Why.
        why: String,
    },

    /// Nothing says which firmware the phone should run, so it runs the right one.
    #[serde(rename = "journey.no-firmware-assigned")]
    NoFirmwareAssigned,
    /// The phone was given a file in which nothing of this box is left.
    #[serde(rename = "journey.let-go")]
    LetGo,
    /// The phone has fetched everything that its configuration names.
    #[serde(rename = "journey.resources-complete")]
    ResourcesComplete,
    /// The phone has its current configuration and everything that it names.
    #[serde(rename = "journey.in-service")]
    InService,
    /// The phone has fetched what was changed.
    #[serde(rename = "journey.resynced")]
    Resynced,

    /// A phone was put on the list.
    #[serde(rename = "admin.phone-added")]
    PhoneAdded,
    /// A phone was changed.
    #[serde(rename = "admin.phone-changed")]
    PhoneChanged,
    /// A phone was taken off the list.
    #[serde(rename = "admin.phone-removed")]
    PhoneRemoved,
    /// An organisation was added.
    #[serde(rename = "admin.organisation-added")]
    OrganisationAdded,
    /// An administrator vouches for the clock of the box.
    #[serde(rename = "admin.clock-vouched")]
    ClockVouched,
    /// The login of an organisation was shown to somebody.
    #[serde(rename = "admin.login-revealed")]
    LoginRevealed,
    /// A document that phones are told from was made or changed.
    #[serde(rename = "admin.document-changed")]
    DocumentChanged {
        /// Which, in words: `group "Sales"`.
        what: String,
    },
    /// A document that phones are told from was removed.
    #[serde(rename = "admin.document-removed")]
    DocumentRemoved {
        /// Which, in words.
        what: String,
    },
    /// A password of a phone's own menus was shown to an administrator.
    #[serde(rename = "admin.password-revealed")]
    PasswordRevealed {
        /// Whose: `admin` or `user`.
        whose: String,
    },
    /// A list of phones was written with the passwords of their lines.
    #[serde(rename = "admin.passwords-exported")]
    PasswordsExported {
        /// How many phones.
        phones: usize,
    },
    /// Where news of the box go was changed.
    #[serde(rename = "admin.outlets-changed")]
    OutletsChanged,
    /// A support bundle was written.
    #[serde(rename = "admin.support-bundle")]
    SupportBundle,
    /// What is logged was changed.
    #[serde(rename = "admin.log-filter")]
    LogFilterSet {
        /// The filter.
        filter: String,
    },
    /// A backup was made.
    #[serde(rename = "admin.backup-made")]
    BackupMade,
    /// A backup was put in the place of what was there.
    #[serde(rename = "admin.backup-restored")]
    BackupRestored {
        /// Name of the box that it is of.
        of: String,
        /// When it was made.
        made: String,
    },
    /// Another phone took this one's place.
    #[serde(rename = "admin.phone-replaced")]
    PhoneReplaced {
        /// MAC of the other.
        by: Mac,
    },
    /// This phone took another one's place.
    #[serde(rename = "admin.phone-replaces")]
    PhoneReplaces {
        /// MAC of the other.
        old: Mac,
    },
    /// A phone is to be let go.
    #[serde(rename = "admin.letting-go")]
    LettingGo,
    /// A phone that was to be let go stays.
    #[serde(rename = "admin.keeping")]
    Keeping,
    /// Phones that come are put on the list by themselves for a while.
    #[serde(rename = "admin.pairing-opened")]
    PairingOpened {
        /// Until when, by RFC 3339 in UTC.
        until: String,
    },
    /// Phones that come are no longer put on the list by themselves.
    #[serde(rename = "admin.pairing-closed")]
    PairingClosed,
    /// An administrator lets a phone start over.
    #[serde(rename = "admin.first-contact-reopened")]
    FirstContactReopened,
    /// The box has an administrator.
    #[serde(rename = "admin.claimed")]
    Claimed,
    /// Somebody signed in.
    #[serde(rename = "admin.signed-in")]
    SignedIn,
    /// Somebody tried to sign in.
    #[serde(rename = "admin.sign-in-refused")]
    SignInRefused,
    /// Somebody tried to sign in with an account that there is.
    #[serde(rename = "admin.account-guessed")]
    AccountGuessed {
        /// Its name.
        name: String,
    },
    /// An account was made.
    #[serde(rename = "admin.account-added")]
    AccountAdded {
        /// Its name.
        name: String,
        /// Its role.
        role: String,
    },
    /// An account was changed.
    #[serde(rename = "admin.account-changed")]
    AccountChanged {
        /// Its name.
        name: String,
        /// What of it, in words.
        what: String,
    },
    /// An account was removed.
    #[serde(rename = "admin.account-removed")]
    AccountRemoved {
        /// Its name.
        name: String,
    },
    /// An account is asked for codes of an app from now on.
    #[serde(rename = "admin.factor-set")]
    FactorSet {
        /// Its name.
        name: String,
    },
    /// An account is asked for no codes any more.
    #[serde(rename = "admin.factor-removed")]
    FactorRemoved {
        /// Its name.
        name: String,
    },
    /// A code on paper was used in the place of one of an app.
    #[serde(rename = "admin.recovery-code-used")]
    RecoveryCodeUsed {
        /// Name of the account.
        name: String,
    },
    /// A token for a program was made.
    #[serde(rename = "admin.token-made")]
    TokenMade {
        /// Its name.
        name: String,
        /// Its scope.
        scope: String,
    },
    /// A token for a program was made void.
    #[serde(rename = "admin.token-revoked")]
    TokenRevoked {
        /// Its name.
        name: String,
    },
    /// Somebody did something of which no more is to be said.
    #[serde(rename = "admin.did")]
    AdminDid {
        /// What, without a full stop.
        what: String,
    },

    /// The box is up.
    #[serde(rename = "box.started")]
    Started {
        /// Version of the program.
        version: String,
    },
    /// The box is up again, and had not been shut down: its power was cut, or it failed.
    #[serde(rename = "box.cut-off")]
    CutOff,
    /// A part died and was started again.
    #[serde(rename = "box.restarted-part")]
    PartRestarted {
        /// Its name.
        part: String,
        /// How often since the start of the process.
        times: u32,
    },
    /// An administrator's brand folder is not in force.
    #[serde(rename = "box.overlay-refused")]
    OverlayRefused {
        /// Name of the folder.
        brand: String,
        /// What is wrong, with file and line.
        what: String,
    },
    /// An administrator's brand folder is in force.
    #[serde(rename = "box.overlay-in-force")]
    OverlayInForce {
        /// Name of the folder.
        brand: String,
    },
    /// The store was broken and is back from a snapshot.
    #[serde(rename = "box.store-restored")]
    StoreRestored {
        /// Where the broken one was put aside.
        aside: String,
    },
    /// The store was gone and is back from a snapshot.
    #[serde(rename = "box.store-gone")]
    StoreGone {
        /// The snapshot.
        snapshot: String,
    },
    /// The disk is full: nothing new is stored, everything stored stays readable.
    #[serde(rename = "box.disk-full")]
    DiskFull,
    /// So little room is left on the disk that the box would not start again.
    #[serde(rename = "box.disk-tight")]
    DiskTight,
    /// The disk can only be read: nothing new is stored, everything stored stays readable.
    #[serde(rename = "box.disk-read-only")]
    DiskReadOnly,
    /// The disk can be written to again. What happened meanwhile was not recorded.
    #[serde(rename = "box.disk-writable")]
    DiskWritable {
        /// Since when nothing could be stored, by RFC 3339 in UTC.
        since: String,
    },
    /// There is room on the disk again. What happened meanwhile was not recorded.
    #[serde(rename = "box.disk-has-room")]
    DiskHasRoom {
        /// Since when nothing could be stored, by RFC 3339 in UTC.
        since: String,
    },
    /// A new version of the appliance was installed beside the one that runs.
    #[serde(rename = "box.update-installed")]
    UpdateInstalled,
    /// A new version of the appliance was not installed.
    #[serde(rename = "box.update-refused")]
    UpdateRefused {
        /// Why, as a sentence.
        why: String,
    },
    /// Something that the system around the program did: a repair, a reset, a way back to the version before.
    #[serde(rename = "box.notice")]
    BoxNotice {
        /// What, as a sentence.
        what: String,
    },
    /// A server certificate was made.
    #[serde(rename = "box.leaf-issued")]
    LeafIssued {
        /// Why it was due.
        because: String,
    },
    /// Two devices claim one address.
    #[serde(rename = "box.mac-mismatch")]
    MacMismatch {
        /// The MAC that was claimed.
        claimed: Mac,
        /// The address it was claimed from.
        address: IpAddr,
    },
}

impl Reason {
    /// The stable code, as `dhcp.leased`.
    pub fn code(&self) -> String {
        match self.arguments().remove("code") {
            Some(serde_json::Value::String(code)) => code,
            _ => String::new(),
        }
    }

    /// The reason in one English sentence.
    pub fn sentence(&self) -> String {
        self.sentence_in(Language::English)
    }

    /// The reason in one sentence of this language.
    pub fn sentence_in(&self, language: Language) -> String {
        let mut arguments = self.arguments();
        let code = arguments.remove("code");
        let Some(template) = code.as_ref().and_then(|code| language::sentence(code.as_str()?, language)) else {
            return code.map(|c| c.to_string()).unwrap_or_default();
        };
        let sentence = arguments.iter().fold(template.to_owned(), |text, (name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.replace(&format!("{{{name}}}"), &value)
        });
        // An argument at the end may have nothing to say.
        sentence.trim_end().to_owned()
    }

    fn arguments(&self) -> BTreeMap<String, serde_json::Value> {
        serde_json::to_value(self).and_then(serde_json::from_value).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_its_arguments() {
        let reason = Reason::Leased { network: "office".into(), address: [10, 66, 0, 10].into() };
        assert_eq!(reason.code(), "dhcp.leased");
        assert_eq!(reason.sentence(), "Got address 10.66.0.10 on network office.");
        assert_eq!(serde_json::from_value::<Reason>(serde_json::to_value(&reason).unwrap()).unwrap(), reason);
    }

    #[test]
    fn every_code_of_this_file_has_a_sentence() {
        let source = include_str!("reason.rs");
        let declared: Vec<&str> =
            source.split("#[serde(rename = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(declared.len() > 20);
        for code in &declared {
            assert!(language::sentence(code, Language::English).is_some(), "no sentence for {code}");
        }
        for code in language::codes() {
            assert!(declared.contains(&code), "no reason has the code {code}");
        }
    }
}
