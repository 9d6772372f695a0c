use super::super::accounts::Role::{Administrator, Viewer};
use super::super::api::appliance::{Address, HostName, Reset, Time, Update};
use super::super::api::backup::Wanted;
use super::super::api::clock::Said;
use super::super::types;
use super::Trail::Says;
use super::{Needs, Parameter, Route, choice};
use crate::backup::About;
use crate::outlets::Settings as Outlets;
use crate::steward::Standing;

/// The box itself.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/openapi.json", Viewer, "What you are reading").gives::<serde_json::Value>(),
    Route::get("/status", Viewer, "How the box is").gives::<types::Status>(),
    Route::get("/health", Viewer, "Whether DHCP and the store answer")
        .meant_for(Needs::Console)
        .gives::<types::Vitals>(),
    Route::get("/ca", Viewer, "The certificate authority of the box").gives::<types::Authority>(),
    Route::post("/backup", Administrator, "Back everything up under a passphrase")
        .takes::<Wanted>()
        .gives_bytes("application/octet-stream"),
    Route::post(
        "/backup/inspect",
        Administrator,
        "Say what is in a backup; its passphrase, percent-encoded, is in the header Block66-Passphrase",
    )
    .takes_bytes("application/octet-stream")
    .gives::<About>()
    .leaves(Says("Looked into a backup")),
    Route::post("/backup/restore", Administrator, "Put a backup, sent as to inspect, in the place of what is here")
        .asks(CONFIRM)
        .takes_bytes("application/octet-stream")
        .answers::<types::Restored>(202),
    Route::get("/backup/kept", Administrator, "The backups that were made before a restore")
        .gives::<types::KeptBackups>(),
    Route::get("/backup/kept/{name}", Administrator, "One of them")
        .gives_bytes("application/octet-stream")
        .leaves(Says("Fetched a backup of the box")),
    Route::get("/support", Administrator, "A support bundle, with every secret removed")
        .gives::<serde_json::Value>()
        .leaves(super::Trail::Own),
    Route::get("/log", Viewer, "What is logged").gives::<types::LogFilter>(),
    Route::put("/log", Administrator, "Change what is logged, until the box is started again")
        .takes::<types::LogFilter>()
        .gives::<types::LogFilter>(),
    Route::get("/outlets", Administrator, "Where news of the box go, and whether phones' own are taken")
        .gives::<Outlets>(),
    Route::put("/outlets", Administrator, "Set where news of the box go").takes::<Outlets>().gives::<Outlets>(),
    Route::get("/outlets/counts", Viewer, "What became of news that were sent").gives::<types::OutletCounts>(),
    Route::post("/clock", Administrator, "Say what time it is: the box's clock is trusted if it says the same")
        .takes::<Said>()
        .gives::<types::Clock>(),
    Route::get("/appliance", Viewer, "Version, slots, and how far an update is").gives::<types::Appliance>(),
    Route::post("/appliance/update", Administrator, "Begin to install a version from an address")
        .takes::<Update>()
        .answers::<types::Update>(202)
        .leaves(Says("Had a version of the box installed from an address")),
    Route::put("/appliance/update", Administrator, "Begin to install this version")
        .asks(OLDER)
        .takes_bytes("application/octet-stream")
        .answers::<types::Update>(202)
        .leaves(Says("Had a version of the box installed from a file")),
    Route::put("/appliance/address", Administrator, "Set an address, on trial until it is confirmed")
        .takes::<Address>()
        .gives::<Standing>()
        .leaves(Says("Set an address of the box, on trial")),
    Route::post("/appliance/address/confirm", Administrator, "Confirm the address that is on trial")
        .gives::<Standing>()
        .leaves(Says("Confirmed an address of the box")),
    Route::put("/appliance/time", Administrator, "Set the clock")
        .takes::<Time>()
        .gives::<Standing>()
        .leaves(Says("Set the clock of the box")),
    Route::put("/appliance/host-name", Administrator, "Set the host name")
        .takes::<HostName>()
        .gives::<Standing>()
        .leaves(Says("Set the host name of the box")),
    Route::post("/appliance/reboot", Administrator, "Restart the box")
        .gives::<Standing>()
        .leaves(Says("Had the box restart")),
    Route::post("/appliance/factory-reset", Administrator, "Reset the box to how it came")
        .takes::<Reset>()
        .gives::<Standing>()
        .leaves(Says("Had the box reset to how it came")),
];

const CONFIRM: &[Parameter] = &[choice("confirm", "Do it: without this it is refused")];
const OLDER: &[Parameter] = &[choice("older", "Even when it is older than the one that runs")];
