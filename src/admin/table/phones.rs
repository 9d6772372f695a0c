use super::super::accounts::Role::{Administrator, Operator, Viewer};
use super::super::api::files::{Replacement, Reveal};
use super::super::api::waiting::{Adoption, Opening};
use super::super::types;
use super::Trail::Says;
use super::{AFTER, LIMIT, PAGE, Parameter, Route, choice, number, one_of, text};
use crate::admin::editing::draft::{PhoneDraft, PhoneEdit};
use crate::admin::editing::settings::SettingsEdit;
use crate::rehearsal::Rehearsal;
use crate::sip::Telling;

/// Phones, and what may become one.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/phones", Viewer, "The phones on the list, by name").asks(PHONES).gives::<types::Phones>(),
    Route::post("/phones", Administrator, "Put a phone on the list").takes::<PhoneDraft>().answers::<types::Phone>(201),
    Route::post("/phones/import", Administrator, "Put a list of phones on the list: all of it or nothing")
        .asks(IMPORT)
        .takes_bytes("text/csv")
        .gives::<types::Import>(),
    Route::get("/phones/export", Viewer, "The list as an import takes it; with passwords only on the box itself")
        .asks(EXPORT)
        .gives::<types::Export>()
        .leaves(super::Trail::Own),
    Route::get("/phones/{mac}", Viewer, "A phone with its last events").gives::<types::Phone>().versioned(),
    Route::patch("/phones/{mac}", Administrator, "Change what is said of a phone")
        .takes::<PhoneEdit>()
        .gives::<types::Phone>()
        .versioned(),
    Route::delete("/phones/{mac}", Administrator, "Take a phone off the list").gives::<types::Phone>(),
    Route::post("/phones/{mac}/first-contact", Operator, "Let a phone start over").gives::<types::Phone>(),
    Route::post(
        "/phones/{mac}/resync",
        Operator,
        "Have a phone fetch its files again; what comes of it is its telling",
    )
    .answers::<Telling>(202)
    .leaves(Says("Had the phone told to fetch its files again")),
    Route::post("/phones/{mac}/reboot", Operator, "Have a phone restart; what comes of it is its telling")
        .answers::<Telling>(202)
        .leaves(Says("Had the phone told to restart")),
    Route::post(
        "/phones/{mac}/rehearse",
        Operator,
        "Play a phone's boot against this box, and name what would stop it",
    )
    .gives::<Rehearsal>()
    .leaves(Says("Rehearsed the phone")),
    Route::get("/phones/{mac}/history", Viewer, "What was changed of a phone, by whom and when")
        .gives::<types::PhoneHistory>(),
    Route::get("/phones/{mac}/history/{change}", Viewer, "One change of a phone, with what was before and after")
        .gives::<types::PhoneChange>(),
    Route::post("/phones/{mac}/history/{change}/undo", Administrator, "Take a change of a phone back")
        .gives::<types::Phone>()
        .versioned(),
    Route::get("/phones/{mac}/timeline", Viewer, "What happened to a phone and what it said of itself, newest first")
        .asks(PAGE)
        .gives::<types::Timeline>(),
    Route::get("/phones/{mac}/log", Viewer, "What a phone said by syslog").gives::<types::PhoneLog>(),
    Route::get("/phones/{mac}/telling", Viewer, "What came of the last message to a phone").gives::<Telling>(),
    Route::get("/phones/{mac}/settings", Viewer, "What holds for a phone, and where from")
        .gives::<types::Settings>()
        .versioned(),
    Route::patch("/phones/{mac}/settings", Administrator, "Change what is set for a phone alone")
        .takes::<SettingsEdit>()
        .gives::<types::Settings>()
        .versioned(),
    Route::get("/phones/{mac}/files", Viewer, "The files that a phone asks for, and what it sent up")
        .gives::<types::Files>(),
    Route::get("/phones/{mac}/files/{name*}", Viewer, "A file as the phone would get it, its secrets masked")
        .asks(CONTENT)
        .gives::<types::Preview>(),
    Route::get("/phones/{mac}/uploads/{name*}", Administrator, "A file that a phone sent up, which may hold secrets")
        .gives_bytes("application/octet-stream")
        .leaves(Says("Fetched a file that the phone sent up")),
    Route::post("/phones/{mac}/reveal", Administrator, "Show a password of a phone's own menus")
        .takes::<Reveal>()
        .gives::<types::Login>(),
    Route::post("/phones/{mac}/replace", Administrator, "Put another device in a phone's place")
        .takes::<Replacement>()
        .gives::<types::Replaced>()
        .versioned(),
    Route::post("/phones/{mac}/release", Administrator, "Let a phone go").gives::<types::Phone>().versioned(),
    Route::delete("/phones/{mac}/release", Administrator, "Keep a phone after all").gives::<types::Phone>().versioned(),
    Route::get("/waiting", Viewer, "Phones that came and are on no list").gives::<types::WaitingPhones>(),
    Route::post("/waiting/{mac}/adopt", Operator, "Put a phone that waits on the list")
        .takes::<Adoption>()
        .answers::<types::Phone>(201),
    Route::get("/pairing", Viewer, "The window in which phones are put on the list by themselves")
        .gives::<types::Pairing>(),
    Route::post("/pairing", Administrator, "Open that window").takes::<Opening>().gives::<types::Pairing>(),
    Route::delete("/pairing", Administrator, "Close it").gives::<types::Pairing>(),
];

const PHONES: &[Parameter] = &[
    text("q", "Words that must stand in name, MAC, lines, brand, model or address"),
    one_of("state", &["attention", "on-the-way", "not-seen", "in-service"], "Only phones that stand so"),
    text("organisation", "Only phones of the organisation with this name or identity"),
    text("brand", "Only phones of the brand with this folder name"),
    LIMIT,
    AFTER,
    number("offset", "Leave out so many"),
];
const IMPORT: &[Parameter] = &[
    choice("dry-run", "Only say what it would do"),
    text("server", "SIP server of lines for which the list names none"),
    text("organisation", "Organisation of phones for which the list names none"),
];
const EXPORT: &[Parameter] = &[
    text("organisation", "Only its phones"),
    text("mac", "Only this phone"),
    choice("passwords", "With their passwords and the values of their raw settings: on the box itself alone"),
];
const CONTENT: &[Parameter] = &[one_of(
    "content",
    &["pointer", "first-contact", "settings", "full"],
    "How much is to stand in it; as much as the phone would get when left out",
)];
