use super::super::accounts::Role::{Administrator, Viewer};
use super::super::api::appliance::{Address, HostName, Reset, Time, Update};
use super::super::api::clock::Said;
use super::super::types;
use super::Trail::Says;
use super::{Needs, Parameter, Route, choice};
use crate::steward::Standing;

/// The box itself.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/openapi.json", Viewer, "What you are reading").gives::<serde_json::Value>(),
    Route::get("/status", Viewer, "How the box is").gives::<types::Status>(),
    Route::get("/health", Viewer, "Whether DHCP and the store answer")
        .meant_for(Needs::Console)
        .gives::<types::Vitals>(),
    Route::get("/ca", Viewer, "The certificate authority of the box").gives::<types::Authority>(),
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

const OLDER: &[Parameter] = &[choice("older", "Even when it is older than the one that runs")];
