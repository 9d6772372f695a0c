use serde::{Deserialize, Serialize};

use super::Reason;

/// How a thing went, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should.
    Done,
    /// Nothing to be done.
    NotNeeded,
    /// Refused, and rightly so until somebody acts.
    Refused,
    /// It did not work.
    Failed,
}

impl Reason {
    /// How the thing went.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Leased { .. }
            | Self::Released { .. }
            | Self::TakenOver { .. }
            | Self::DhcpInformOnly { .. }
            | Self::DhcpPhonesOnly { .. }
            | Self::DhcpFull { .. }
            | Self::DhcpSole { .. }
            | Self::DhcpBeside { .. }
            | Self::CaGiven
            | Self::Success { .. }
            | Self::NotModified { .. }
            | Self::FirstContactGiven
            | Self::Pointed
            | Self::PnpAnswered { .. }
            | Self::SipResynced { .. }
            | Self::SipRestarted { .. }
            | Self::CampaignBegun { .. }
            | Self::CampaignEnded { .. }
            | Self::CampaignStopped { .. }
            | Self::PlainAfterTls
            | Self::Adopted { .. }
            | Self::Redirected
            | Self::UploadKept
            | Self::OverlayInForce { .. }
            | Self::ResourcesComplete
            | Self::InService
            | Self::Resynced
            | Self::PhoneAdded
            | Self::PhoneChanged
            | Self::PhoneRemoved
            | Self::OrganisationAdded
            | Self::ClockVouched
            | Self::LoginRevealed
            | Self::DocumentChanged { .. }
            | Self::DocumentRemoved { .. }
            | Self::PasswordRevealed { .. }
            | Self::PasswordsExported { .. }
            | Self::BackupMade
            | Self::SupportBundle
            | Self::LogFilterSet { .. }
            | Self::OutletsChanged
            | Self::BackupRestored { .. }
            | Self::PhoneReplaced { .. }
            | Self::PhoneReplaces { .. }
            | Self::LettingGo
            | Self::Keeping
            | Self::LetGo
            | Self::PairingOpened { .. }
            | Self::PairingClosed
            | Self::FirstContactReopened
            | Self::Claimed
            | Self::SignedIn
            | Self::AccountAdded { .. }
            | Self::AccountChanged { .. }
            | Self::AccountRemoved { .. }
            | Self::FactorSet { .. }
            | Self::FactorRemoved { .. }
            | Self::RecoveryCodeUsed { .. }
            | Self::TokenMade { .. }
            | Self::TokenRevoked { .. }
            | Self::AdminDid { .. }
            | Self::Started { .. }
            | Self::FirmwareGiven { .. }
            | Self::FirmwareFetched { .. }
            | Self::FirmwareAdded { .. }
            | Self::FirmwareRemoved { .. }
            | Self::FirmwareRuns { .. }
            | Self::FirmwareRight { .. }
            | Self::RolloutStarted { .. }
            | Self::RolloutFinished { .. }
            | Self::DiskHasRoom { .. }
            | Self::DiskWritable { .. }
            | Self::SoftphoneSignedIn { .. }
            | Self::ProviderConnected { .. }
            | Self::ProviderConfigured
            | Self::SoftphoneTold { .. }
            | Self::SoftphoneUpgradeOffered { .. }
            | Self::BoxNotice { .. }
            | Self::UpdateInstalled
            | Self::LeafIssued { .. } => Outcome::Done,
            // Each is a step of healthy phones: they send a login only when asked, and ask for many files by habit.
            Self::NoCredentials
            | Self::SipFetchedByChance
            | Self::SipNothingNew
            | Self::NotServed
            | Self::NoFirmwareAssigned
            | Self::CaNotNeeded
            | Self::FirmwareBehind { .. }
            | Self::DhcpOff { .. }
            | Self::DhcpUnclaimed { .. }
            | Self::DhcpSearching { .. }
            | Self::DhcpWaits { .. }
            | Self::DhcpSteppingDown { .. }
            | Self::DhcpServerAwaited { .. }
            | Self::DhcpNothingToGive { .. } => Outcome::NotNeeded,
            Self::LeaseRefused { .. }
            | Self::DhcpOwnAddressLeased { .. }
            | Self::DhcpOtherBox { .. }
            | Self::DhcpPoolOverlaps { .. }
            | Self::DhcpReservationUnfit { .. }
            | Self::WrongCredentials
            | Self::MacUnknown
            | Self::MoreEvidenceNeeded
            | Self::NameUnknown { .. }
            | Self::OtherOrganisation
            | Self::BookNotShown
            | Self::ResourceMissing { .. }
            | Self::UploadTooLarge { .. }
            | Self::UploadRefused { .. }
            | Self::Throttled
            | Self::Flooded
            | Self::FirstContactOver
            | Self::WasReset
            | Self::TftpRefused
            | Self::SignInRefused
            | Self::SoftphoneRefused { .. }
            | Self::ProviderRefused { .. }
            | Self::AccountGuessed { .. }
            | Self::MacMismatch { .. }
            | Self::PnpWaiting
            | Self::SipRefused { .. }
            | Self::SipLoginRefused { .. }
            | Self::SipLoginWithheld { .. }
            | Self::SipLoginUnproven { .. }
            | Self::SipSnmpWithheld { .. } => Outcome::Refused,
            Self::Declined { .. }
            | Self::DhcpServerGone { .. }
            | Self::DhcpStandIn { .. }
            | Self::DhcpNotAlone { .. }
            | Self::DhcpDeaf { .. }
            | Self::AddressInUse { .. }
            | Self::PoolExhausted { .. }
            | Self::DhcpMalformed { .. }
            | Self::HttpMalformed { .. }
            | Self::RenderFailed { .. }
            | Self::TlsUnknownCa
            | Self::TlsTooOld { .. }
            | Self::TlsFailed { .. }
            | Self::FirmwareUnavailable { .. }
            | Self::FirmwareNotFetched { .. }
            | Self::FirmwareFailed { .. }
            | Self::RolloutStopped { .. }
            | Self::CertificateUnusable { .. }
            | Self::CertificateEnds { .. }
            | Self::CutOff
            | Self::PartRestarted { .. }
            | Self::OverlayRefused { .. }
            | Self::SoftphoneUnmade { .. }
            | Self::ProviderFailed { .. }
            | Self::ProviderLost { .. }
            | Self::ProviderUnusable { .. }
            | Self::StoreRestored { .. }
            | Self::StoreGone { .. }
            | Self::UpdateRefused { .. }
            | Self::DiskFull
            | Self::DiskTight
            | Self::DiskReadOnly
            | Self::PnpNotTaken
            | Self::PnpOtherResponder { .. }
            | Self::SipMalformed { .. }
            | Self::SipNotFetched { .. }
            | Self::SipNoAnswer { .. }
            | Self::SipNoAddress
            | Self::SipUnknownEvent { .. }
            | Self::CampaignFailing { .. } => Outcome::Failed,
        }
    }
}
