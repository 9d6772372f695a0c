//! What is said of something that was just done.

/// The sentence of a page's `done` in its query.
pub(in crate::admin) fn notice(done: Option<&str>) -> Option<&'static str> {
    Some(match done? {
        "added" => "The phone is on the list. Plug it in: it finds this box by itself.",
        "taken-over" => "This box stands in until the other DHCP server is back.",
        "adopted" => "The phone is on the list. It gets its files when it asks next.",
        "replaced" => "The new device is on the list in the place of the old one. Plug it in.",
        "set" => "Changed. Phones get it when they ask next.",
        "undone" => "The change is undone. Phones get it when they ask next.",
        "saved" => "Saved. The phone is told to fetch it.",
        "group-removed" => "The group is removed.",
        "book-removed" => "The phone book is removed.",
        "resource-removed" => "The file is removed.",
        "removed" => "The phone is off the list.",
        "planned" => "The roll-out is planned. Look at its plan, then start it.",
        "back" => "The roll-out is stopped, and its phones go back to what they ran, as far as they can.",
        "imported" => "The list is imported. Plug the phones in: they find this box by themselves.",
        "start-over" => "The phone may start over. It gets a new login when it asks next; restart it if it does not.",
        "told" => "The phone is being told. What comes of it appears here.",
        "account-made" => "The account is made.",
        "account-changed" => "The account is changed.",
        "account-removed" => "The account is removed.",
        "token-void" => "The token is void from now on.",
        "password" => "Your password is changed.",
        "factor-off" => "You are asked for no code any more.",
        "changed" => "Changed.",
        "begun" => "The campaign has begun.",
        "stopped" => "No more phones are told. Those under way are waited for.",
        "clock" => "The clock of this box counts as right.",
        "visit-over" => "The first visit is over.",
        "update" => "The version is being installed.",
        "address" => "The new address is on trial: open this page under it within a minute, and keep it.",
        "confirmed" => "The address is kept.",
        "reboot" => "The box restarts. It is back in less than a minute.",
        _ => return None,
    })
}
