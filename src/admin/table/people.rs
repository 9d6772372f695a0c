use super::super::accounts::Role::{Administrator, Viewer};
use super::super::api::account::{Factor, NewPassword, Proof};
use super::super::api::accounts::{AccountDraft, AccountEdit};
use super::super::api::sessions::{Claim, SignIn};
use super::super::api::tokens::TokenDraft;
use super::super::types;
use super::{LIMIT, Needs, Parameter, Route, Trail, number, text};

/// Who may come in, and what they did.
pub(super) const ROUTES: &[Route] = &[
    Route::post("/claim", Administrator, "Become the administrator of a box that has none")
        .meant_for(Needs::Anybody)
        .takes::<Claim>()
        .gives::<types::SignedIn>(),
    Route::post("/session", Viewer, "Sign in").meant_for(Needs::Anybody).takes::<SignIn>().gives::<types::SignedIn>(),
    Route::get("/session", Viewer, "Who one is").gives::<types::Session>(),
    Route::delete("/session", Viewer, "Sign out").leaves(Trail::Nothing),
    Route::post("/account/password", Viewer, "Give oneself another password")
        .meant_for(Needs::Account)
        .takes::<NewPassword>(),
    Route::post("/account/factor", Viewer, "A secret for an app that shows codes; it counts when it is put in force")
        .meant_for(Needs::Account)
        .gives::<types::FactorOffer>()
        .leaves(Trail::Nothing),
    Route::put(
        "/account/factor",
        Viewer,
        "Ask for a code at each sign-in from now on, or for those of another app, with a code of the one before",
    )
    .meant_for(Needs::Account)
    .takes::<Factor>()
    .gives::<types::RecoveryCodes>(),
    Route::post("/account/factor/remove", Viewer, "Ask oneself for no codes any more")
        .meant_for(Needs::Account)
        .takes::<Proof>(),
    Route::get("/accounts", Administrator, "The accounts").gives::<types::Accounts>(),
    Route::post("/accounts", Administrator, "Make an account").takes::<AccountDraft>().answers::<types::Account>(201),
    Route::get("/accounts/{account}", Administrator, "An account").gives::<types::Account>().versioned(),
    Route::patch(
        "/accounts/{account}",
        Administrator,
        "Change name, role or password of an account; tokens that it made end where they may do more than its role",
    )
    .takes::<AccountEdit>()
    .gives::<types::Account>()
    .versioned(),
    Route::delete("/accounts/{account}", Administrator, "Remove an account with the tokens that it made")
        .gives::<types::Account>(),
    Route::delete("/accounts/{account}/factor", Administrator, "Ask an account for no codes any more")
        .gives::<types::Account>(),
    Route::post("/accounts/{account}/unlock", Administrator, "Let an account be tried again at once")
        .gives::<types::Account>(),
    Route::get("/tokens", Administrator, "The tokens of programs").gives::<types::Tokens>(),
    Route::post("/tokens", Administrator, "Make a token; it is shown this once")
        .takes::<TokenDraft>()
        .answers::<types::NewToken>(201),
    Route::delete("/tokens/{token}", Administrator, "Make a token void").gives::<types::Token>(),
    Route::get("/audit", Administrator, "What was done by whom, newest first").asks(AUDIT).gives::<types::Events>(),
];

const AUDIT: &[Parameter] = &[
    text("mac", "Only what was done with this phone"),
    text("by", "Only what this account did; what a token did stands under \"token\" and its name"),
    LIMIT,
    number("before", "Only what stands before this place in the journal: what the answer before has in `next`"),
];
