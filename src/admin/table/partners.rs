use serde_json::Value;

use super::super::accounts::Role::{Administrator, Viewer};
use super::Route;
use super::Trail::Says;

/// Other people's systems. What each takes and answers below its name is its own.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/partners", Viewer, "The other systems that the box works with").gives::<Value>(),
    Route::get(
        "/partners/{partner}",
        Viewer,
        "How the box stands with one of them; for administrators with its settings",
    )
    .gives::<Value>(),
    Route::get("/partners/{partner}/{rest*}", Administrator, "Its settings, users, templates and plans")
        .gives::<Value>(),
    Route::post("/partners/{partner}/{rest*}", Administrator, "Add something, apply a plan, or show a password")
        .takes::<Value>()
        .gives::<Value>()
        .leaves(Says("Changed something for another system, or was shown a password of it")),
    Route::put("/partners/{partner}/{rest*}", Administrator, "Set something in place of what is there")
        .takes::<Value>()
        .gives::<Value>()
        .leaves(Says("Changed what is set for another system")),
    Route::delete("/partners/{partner}/{rest*}", Administrator, "Remove something")
        .gives::<Value>()
        .leaves(Says("Removed something of another system")),
];
