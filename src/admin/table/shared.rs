use super::super::accounts::Role::{Administrator, Viewer};
use super::super::api::books::BookDraft;
use super::super::api::firmware::{Pin, Reference};
use super::super::api::groups::GroupDraft;
use super::super::api::overlays::Trial;
use super::super::rollouts::RolloutDraft;
use super::super::types;
use super::Trail::Says;
use super::{Needs, Parameter, Route, Trail, choice, one_of, text};
use crate::admin::editing::draft::{OrganisationDraft, OrganisationEdit};
use crate::admin::editing::settings::SettingsEdit;
use crate::firmware::Settings as FirmwareSettings;

/// What phones share.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/settings", Viewer, "Every setting there is").gives::<types::Catalogue>(),
    Route::get("/groups", Viewer, "Groups of phones that share settings").asks(OF).gives::<types::Groups>(),
    Route::post("/groups", Administrator, "Make a group").takes::<GroupDraft>().answers::<types::Group>(201),
    Route::get("/groups/{group}", Viewer, "A group").gives::<types::Group>().versioned(),
    Route::patch("/groups/{group}", Administrator, "Give a group another name")
        .takes::<GroupDraft>()
        .gives::<types::Group>()
        .versioned(),
    Route::delete("/groups/{group}", Administrator, "Remove a group that no phone is in").gives::<types::Group>(),
    Route::get("/groups/{group}/settings", Viewer, "What a group sets").gives::<types::Settings>().versioned(),
    Route::patch("/groups/{group}/settings", Administrator, "Change what a group sets")
        .takes::<SettingsEdit>()
        .gives::<types::Settings>()
        .versioned(),
    Route::get("/organisations", Viewer, "Those whose phones these are").gives::<types::Organisations>(),
    Route::post("/organisations", Administrator, "Add an organisation, with a login of its own")
        .takes::<OrganisationDraft>()
        .answers::<types::Organisation>(201),
    Route::get("/organisations/{name}", Viewer, "An organisation").gives::<types::Organisation>().versioned(),
    Route::patch("/organisations/{name}", Administrator, "Change name or policy of an organisation")
        .takes::<OrganisationEdit>()
        .gives::<types::Organisation>()
        .versioned(),
    Route::delete("/organisations/{name}", Administrator, "Remove an organisation that has no phone")
        .gives::<types::Organisation>(),
    Route::get("/organisations/{name}/settings", Viewer, "What an organisation sets")
        .gives::<types::Settings>()
        .versioned(),
    Route::patch("/organisations/{name}/settings", Administrator, "Change what an organisation sets")
        .takes::<SettingsEdit>()
        .gives::<types::Settings>()
        .versioned(),
    Route::get("/organisations/{name}/login", Administrator, "The login that an organisation's phones share")
        .meant_for(Needs::Console)
        .gives::<types::Login>()
        .leaves(Trail::Own),
    Route::get("/books", Viewer, "Phone books, without their contacts").gives::<types::Books>(),
    Route::post("/books", Administrator, "Make a phone book").takes::<BookDraft>().answers::<types::Book>(201),
    Route::get("/books/{book}", Viewer, "A phone book").gives::<types::Book>().versioned(),
    Route::patch("/books/{book}", Administrator, "Change name, number or contacts of a phone book")
        .takes::<BookDraft>()
        .gives::<types::Book>()
        .versioned(),
    Route::delete("/books/{book}", Administrator, "Remove a phone book").gives::<types::Book>(),
    Route::post("/books/{book}/import", Administrator, "Take all contacts of a phone book from a list")
        .takes_bytes("text/csv")
        .gives::<types::Book>()
        .versioned(),
    Route::get("/resources", Viewer, "Pictures, sounds and XML for phones").gives::<types::Resources>(),
    Route::put("/resources", Administrator, "Take a file for phones, in place of one of that name")
        .asks(RESOURCE)
        .takes_bytes("application/octet-stream")
        .answers::<types::Resource>(201),
    Route::get("/resources/{id}", Viewer, "The bytes of such a file").gives_bytes("application/octet-stream"),
    Route::delete("/resources/{id}", Administrator, "Remove such a file").gives::<types::Resource>(),
    Route::get("/trust", Viewer, "Authorities and certificates that were given to the box").gives::<types::Trust>(),
    Route::post("/trust/authorities", Administrator, "Take what this authority signed for evidence of a phone")
        .takes_bytes("text/plain")
        .gives::<types::Trust>(),
    Route::delete("/trust/authorities/{sha256}", Administrator, "Do so no more").gives::<types::Trust>(),
    Route::post("/trust/certificates", Administrator, "Show a certificate of the company's own for its names")
        .takes_bytes("text/plain")
        .gives::<types::Trust>(),
    Route::delete("/trust/certificates/{sha256}", Administrator, "Show it no more").gives::<types::Trust>(),
    Route::get("/overlays", Viewer, "Administrators' brand folders, and how they differ").gives::<types::Overlays>(),
    Route::post("/overlays/try", Administrator, "See what a brand folder would make, and keep nothing")
        .takes::<Trial>()
        .gives::<Option<types::Preview>>()
        .leaves(Trail::Nothing),
    Route::get("/firmware", Viewer, "The images").gives::<types::Images>(),
    Route::post("/firmware", Administrator, "Refer to an image by URL")
        .takes::<Reference>()
        .answers::<types::Image>(201)
        .leaves(Says("Referred to a firmware image elsewhere")),
    Route::put("/firmware", Administrator, "Upload an image")
        .asks(IMAGE)
        .takes_bytes("application/octet-stream")
        .answers::<types::Image>(201)
        .leaves(Says("Uploaded a firmware image")),
    Route::get("/firmware/settings", Viewer, "Room, rates, proxy, authorities").gives::<FirmwareSettings>(),
    Route::put("/firmware/settings", Administrator, "Set them")
        .takes::<FirmwareSettings>()
        .gives::<FirmwareSettings>()
        .leaves(Says("Set room, rates or proxy of firmware")),
    Route::get("/firmware/versions", Viewer, "Who runs what, and who is behind").gives::<types::Versions>(),
    Route::get("/firmware/{id}", Viewer, "An image").gives::<types::Image>(),
    Route::delete("/firmware/{id}", Administrator, "Take an image out of the catalogue")
        .gives::<types::Image>()
        .leaves(Says("Took a firmware image out of the catalogue")),
    Route::post("/firmware/{id}/pin", Administrator, "Keep an image on the box whatever else needs the room")
        .takes::<Pin>()
        .gives::<types::Image>()
        .leaves(Says("Changed whether a firmware image stays on the box")),
    Route::post("/firmware/{id}/fetch", Administrator, "Begin to fetch an image; how far it is stands in it")
        .answers::<types::Image>(202)
        .leaves(Says("Had a firmware image fetched")),
    Route::get("/rollouts", Viewer, "Roll-outs of firmware, newest first").gives::<types::Rollouts>(),
    Route::post("/rollouts", Administrator, "Plan a roll-out")
        .takes::<RolloutDraft>()
        .answers::<types::Rollout>(201)
        .leaves(Says("Planned a roll-out of firmware")),
    Route::get("/rollouts/{id}", Viewer, "How a roll-out stands, phone by phone").gives::<types::Rollout>(),
    Route::delete("/rollouts/{id}", Administrator, "Remove a roll-out that does not run")
        .gives::<types::Rollout>()
        .leaves(Says("Removed a roll-out of firmware")),
    Route::post("/rollouts/{id}/start", Administrator, "Begin a roll-out")
        .gives::<types::Rollout>()
        .leaves(Says("Began a roll-out of firmware")),
    Route::post("/rollouts/{id}/stop", Administrator, "Have it tell no more phones")
        .gives::<types::Rollout>()
        .leaves(Says("Stopped a roll-out of firmware")),
    Route::post("/rollouts/{id}/back", Administrator, "Bring its phones back to what they ran")
        .gives::<types::RolledBack>()
        .leaves(Says("Brought phones of a roll-out back to what they ran")),
];

const OF: &[Parameter] = &[text("organisation", "Only those of this organisation")];
const RESOURCE: &[Parameter] = &[
    text("name", "Name as phones ask for it"),
    one_of("kind", &["wallpaper", "ringtone", "xml"], "What it is"),
    text("organisation", "Whose phones may fetch it; the box's first one when left out"),
];
const IMAGE: &[Parameter] = &[
    text("brand", "Folder name of the brand that it is for"),
    text("model", "Models that it is for, with commas; all of the brand when left out"),
    text("version", "The release in it, as phones report it"),
    text("name", "Its file name"),
    text("sha256", "What its bytes must come to"),
    text("needs", "The oldest release that can be updated to it at once"),
    text("notes", "What an administrator should know of it"),
    choice("pin", "Keep it whatever else needs the room"),
];
