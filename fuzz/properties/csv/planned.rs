//! What an import would do: every row is accounted for, a phone's secrets stay its own, and once it is done the same
//! file does nothing more.

use std::collections::BTreeSet;

use block66::admin::FieldError;
use block66::admin::import::{Action, Plan, Planned, Sheet};
use block66::model::{Line, Phone};

use super::Plant;
use super::office::Office;

/// Plays a sheet against the list.
pub(super) fn check(office: Office, input: &[u8], sheet: &Sheet) {
    let rows: Vec<usize> = sheet.phones.iter().map(|(row, _)| *row).collect();
    assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "rows in another order: {rows:?}");
    office.check_told(input, sheet.warnings.iter().map(String::as_str));
    let plan = office.plan(sheet.clone());
    assert!(plan == office.plan(sheet.clone()), "the same file against the same list, another plan");
    let plan = match plan {
        Ok(plan) => plan,
        Err(errors) => {
            assert!(!errors.is_empty(), "refused, and nothing says why");
            office.check_told(input, errors.iter().flat_map(|error| [error.field.as_str(), error.detail.as_str()]));
            for error in &errors {
                assert!(rows.contains(&row_of(error)), "{error:?} names no phone of the file");
            }
            return;
        }
    };
    assert_eq!(plan.warnings, sheet.warnings);
    check_rows(sheet, &plan);
    let said = String::from_utf8_lossy(input);
    for planned in &plan.phones {
        check_change(planned, sheet.whole);
        check_passwords(&office, planned, &said);
    }
    check_again(office, input, sheet, &plan);
}

/// The row that an error is about.
pub(super) fn row_of(error: &FieldError) -> usize {
    let row = error.field.strip_prefix("row ").and_then(|rest| rest.split(',').next());
    row.and_then(|row| row.parse().ok()).unwrap_or_else(|| panic!("{error:?} names no row"))
}

fn same_account(one: &Line, other: &Line) -> bool {
    (&one.user, &one.server) == (&other.user, &other.server)
}

/// Every row is planned once: by itself or, as a line more, with an earlier one that means the same phone.
fn check_rows(sheet: &Sheet, plan: &Plan) {
    assert!(plan.phones.windows(2).all(|pair| pair[0].row < pair[1].row), "a row is planned twice");
    let planned: BTreeSet<usize> = plan.phones.iter().map(|planned| planned.row).collect();
    for (row, draft) in sheet.phones.iter().filter(|(row, _)| !planned.contains(row)) {
        let took = |earlier: &Planned| {
            earlier.row < *row
                && earlier.before.is_some()
                && earlier.draft.mac.is_placeholder()
                && draft.lines.iter().all(|line| earlier.draft.lines.iter().any(|known| same_account(known, line)))
        };
        assert!(draft.mac.is_placeholder() && plan.phones.iter().any(took), "row {row} is neither planned nor refused");
    }
    let of_sheet: BTreeSet<usize> = sheet.phones.iter().map(|(row, _)| *row).collect();
    assert!(planned.is_subset(&of_sheet), "what is planned is in no row");
    let meant: Vec<_> = plan.phones.iter().filter_map(|planned| Some(planned.before.as_ref()?.id)).collect();
    assert_eq!(meant.iter().collect::<BTreeSet<_>>().len(), meant.len(), "one phone is changed twice");
}

/// What is kept is as before, what is changed is not, and neither is another phone afterwards.
fn check_change(planned: &Planned, whole: bool) {
    let draft = &planned.draft;
    assert!(draft.lines.len() <= Line::MOST, "{} lines", draft.lines.len());
    let Some(before) = &planned.before else {
        return assert_eq!(planned.action, Action::Add, "a phone that is not on the list");
    };
    assert_ne!(planned.action, Action::Add, "{} is on the list", before.mac);
    let after = planned.changed(before);
    assert_eq!(planned.action == Action::Keep, after == **before, "{:?}: {before:?} and {after:?}", planned.action);
    let itself = |phone: &Phone| (phone.id, phone.version, phone.origin, phone.mac, phone.first_contact, phone.created);
    assert_eq!(itself(&after), itself(before));
    assert!(after.login == before.login && after.pending_login == before.pending_login, "a login was changed");
    if !draft.mac.is_placeholder() {
        assert_eq!(draft.mac, before.mac);
    } else if !(whole && before.mac.is_placeholder()) {
        // Rows without a device say something of their lines alone.
        let stays = |line: &Line| after.lines.iter().any(|other| same_account(line, other));
        assert!(before.lines.iter().all(stays), "{} lost a line that no row speaks of", before.mac);
    }
}

/// A line that comes without its password keeps its phone's own, and never gets another phone's.
fn check_passwords(office: &Office, planned: &Planned, said: &str) {
    let whose = planned.before.as_ref().map(|before| before.id);
    for phone in office.phones.iter().filter(|phone| whose != Some(phone.id)) {
        for known in phone.lines.iter().filter(|known| !said.contains(known.password.expose())) {
            let got = planned.draft.lines.iter().any(|line| line.password == known.password);
            assert!(!got, "row {} gets the password of {} at {}", planned.row, known.user, phone.name);
        }
    }
}

/// The same file once more, when the plan was carried out.
fn check_again(office: Office, input: &[u8], sheet: &Sheet, plan: &Plan) {
    let drafts = || sheet.phones.iter().map(|(_, draft)| draft);
    // Which phone a row without a device means depends on what else is on the list, and which password a line keeps on
    // the other lines of its account: where either is open, the file may be refused the second time, or change more.
    let twice = |lines: &[Line]| {
        lines.iter().enumerate().any(|(at, line)| lines[..at].iter().any(|earlier| same_account(earlier, line)))
    };
    let settled = drafts().all(|draft| !draft.mac.is_placeholder() && !twice(&draft.lines));
    // The server that a line inherits may be any organisation's.
    let told_apart = settled || drafts().flat_map(|draft| &draft.lines).all(|line| !line.server.is_empty());
    let office = office.after(plan);
    let again = office.read(input, Plant::None).ok().and_then(|sheet| office.plan(sheet).ok());
    let Some(again) = again else { return assert!(!settled, "what was taken is refused the second time") };
    assert!(!told_apart || again.count(Action::Add) == 0, "a phone is added twice");
    assert!(!settled || again.count(Action::Keep) == again.phones.len(), "the second time it changes something");
}
