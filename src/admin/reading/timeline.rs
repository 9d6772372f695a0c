//! All that happened to a phone, and all that it said of itself, as one list.

use types::TimelineEntry;

use super::look::EventQuery;
use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::model::Mac;
use crate::outlets::Line;

/// Where a page of a timeline begins: behind the event and behind the line with these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) struct Behind {
    event: u64,
    line: u64,
}

impl Behind {
    /// Behind nothing.
    pub(in crate::admin) const NOTHING: Self = Self { event: u64::MAX, line: u64::MAX };

    /// As an answer gave it in `next`.
    pub(in crate::admin) fn read(text: &str) -> Result<Self, Problem> {
        let numbers = text.split_once('-').and_then(|(event, line)| Some((event.parse().ok()?, line.parse().ok()?)));
        let (event, line) = numbers.ok_or_else(|| Problem::malformed("This is no place in a timeline."))?;
        Ok(Self { event, line })
    }
}

impl std::fmt::Display for Behind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.event, self.line)
    }
}

impl Admin {
    /// So many entries of a phone's timeline, newest first.
    pub(in crate::admin) fn timeline(
        &self,
        mac: Mac,
        behind: Behind,
        limit: usize,
    ) -> Result<types::Timeline, Problem> {
        let phone = self.listed(mac)?;
        // What happened to the devices that stood in its place before is its history, too.
        let former = self.former(phone.id).into_iter().filter(|former| *former != phone.mac);
        let before = Some(behind.event).filter(|before| *before != u64::MAX);
        let events = std::iter::once(phone.mac).chain(former).flat_map(|mac| {
            self.events(&EventQuery { mac: Some(mac), before, limit: limit.saturating_add(1), ..EventQuery::default() })
        });
        let mut events: Vec<types::Event> = events.collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.sequence));
        let mut lines = self.0.facts.outlets.phone_log(phone.mac);
        lines.reverse();
        Ok(merged(events, lines, behind, limit))
    }
}

/// Both lists, newest first each, as one; of the same second, what the phone said is the later one.
fn merged(events: Vec<types::Event>, lines: Vec<Line>, from: Behind, limit: usize) -> types::Timeline {
    let mut events = events.into_iter().filter(|event| event.sequence < from.event).peekable();
    let mut lines = lines.into_iter().filter(|line| line.number < from.line).peekable();
    let (mut behind, mut entries) = (from, Vec::new());
    while entries.len() < limit {
        let said = match (events.peek(), lines.peek()) {
            (Some(event), Some(line)) => line.at >= event.at,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let entry = if said {
            lines.next().inspect(|line| behind.line = line.number).map(TimelineEntry::Said)
        } else {
            events.next().inspect(|event| behind.event = event.sequence).map(TimelineEntry::Event)
        };
        match entry {
            Some(entry) => entries.push(entry),
            None => break,
        }
    }
    let more = events.peek().is_some() || lines.peek().is_some();
    types::Timeline { entries, next: more.then(|| behind.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(sequence: u64, second: u64) -> types::Event {
        let at = format!("2027-01-15T08:00:{second:02}Z");
        serde_json::from_value(serde_json::json!({
            "sequence": sequence, "at": at, "last": at, "count": 1, "door": "http", "code": "x.y", "outcome": "done",
            "says": "x",
        }))
        .unwrap()
    }

    fn line(number: u64, second: u64) -> Line {
        Line { number, at: format!("2027-01-15T08:00:{second:02}Z"), severity: None, text: "x".into() }
    }

    fn order(page: &types::Timeline) -> String {
        let one = |entry: &TimelineEntry| match entry {
            TimelineEntry::Event(event) => format!("e{}", event.sequence),
            TimelineEntry::Said(line) => format!("l{}", line.number),
        };
        page.entries.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn both_lists_are_one_in_pages_of_any_length() {
        let events = || vec![event(9, 30), event(7, 20), event(2, 10)];
        let lines = || vec![line(5, 31), line(4, 20), line(1, 5)];
        let whole = merged(events(), lines(), Behind::NOTHING, 10);
        assert_eq!((order(&whole).as_str(), whole.next.clone()), ("l5 e9 l4 e7 e2 l1", None));
        for limit in 1..6 {
            let (mut behind, mut all) = (Behind::NOTHING, Vec::new());
            loop {
                let page = merged(events(), lines(), behind, limit);
                all.push(order(&page));
                match page.next {
                    Some(next) => behind = Behind::read(&next).unwrap(),
                    None => break,
                }
            }
            assert_eq!(all.join(" "), "l5 e9 l4 e7 e2 l1", "{limit}");
        }
        assert!(Behind::read("x").is_err() && Behind::read("1-").is_err() && Behind::read("").is_err());
    }
}
