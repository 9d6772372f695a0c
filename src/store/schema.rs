//! The schema of the records, and how older ones become the newest.

use super::Error;
use super::database::Records;

/// A step from one schema to the next one, over all records. Which records are there is for the step to see: a
/// snapshot holds only some kinds.
pub(super) type Migration = fn(Records) -> Result<Records, Error>;

/// Each migration leads to the schema of its place in this list plus two: the first schema is 1.
pub(super) const MIGRATIONS: &[Migration] = &[phones_with_settings];

/// Phones of both forms are read, and stand in the new one after their next change. A program that knows only the old
/// one must not open them.
fn phones_with_settings(records: Records) -> Result<Records, Error> {
    Ok(records)
}

/// Brings records from schema `found` to the newest one; `None` when they are there already.
///
/// # Errors
/// [`Error::NewerSchema`] when a newer program wrote them, or the error of a migration.
pub(super) fn migrate(
    found: u32,
    records: impl FnOnce() -> Records,
    migrations: &[Migration],
) -> Result<Option<Records>, Error> {
    let known = newest(migrations);
    if found > known {
        return Err(Error::NewerSchema { found, known });
    }
    let taken = found.saturating_sub(1);
    let missing = migrations.iter().skip(usize::try_from(taken).unwrap_or(usize::MAX));
    if missing.len() == 0 {
        return Ok(None);
    }
    let mut records = records();
    for migration in missing {
        records = migration(records)?;
    }
    Ok(Some(records))
}

/// The schema that these migrations lead to.
pub(super) fn newest(migrations: &[Migration]) -> u32 {
    u32::try_from(migrations.len()).map_or(u32::MAX, |count| count.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(letter: u8, records: Records) -> Records {
        records.into_iter().map(|(key, value)| (key, [&value[..], &[letter]].concat().into())).collect()
    }

    const STEPS: &[Migration] = &[|records| Ok(append(b'2', records)), |records| Ok(append(b'3', records))];

    #[test]
    fn takes_each_missing_step_in_order() {
        let records = || Records::from([(b"a".to_vec(), b"x"[..].into())]);
        let after = |found| migrate(found, records, STEPS).unwrap().map(|records| records[&b"a"[..]].to_vec());
        assert_eq!(after(1), Some(b"x23".to_vec()));
        assert_eq!(after(2), Some(b"x3".to_vec()));
        assert_eq!(after(3), None);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(migrate(4, Records::new, STEPS), Err(Error::NewerSchema { found: 4, known: 3 }));
    }
}
