//! PURE. The users of a group as a file for the platform's import: a row a user, a column an attribute.

use std::collections::BTreeSet;

use super::plan::Group;

/// The file. Cells hold what the platform is to take, byte for byte; a name or password that begins with `=` would be
/// taken for a formula by a spreadsheet, so the file is not to be opened in one.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(group: &Group) -> Result<String, String> {
    let mut columns: BTreeSet<&str> = BTreeSet::new();
    for user in group.users.values() {
        columns.extend(user.attributes.keys().map(String::as_str));
        let profile = group.profiles.get(&user.profile);
        columns.extend(profile.into_iter().flat_map(|attributes| attributes.keys()).map(String::as_str));
    }
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut rows = || -> Result<(), csv::Error> {
        let fixed = ["userName", "groupName", "profileName", "password"];
        writer.write_record(fixed.iter().copied().chain(columns.iter().copied()))?;
        for (name, user) in &group.users {
            let profile = group.profiles.get(&user.profile);
            let value = |column: &&str| {
                let own = user.attributes.get(*column);
                let shared = profile.and_then(|attributes| attributes.get(*column));
                own.or(shared).map(|value| value.expose()).unwrap_or_default()
            };
            let fixed = [name.as_str(), &group.name, &user.profile, user.password.expose()];
            writer.write_record(fixed.into_iter().chain(columns.iter().map(value)))?;
        }
        Ok(())
    };
    rows().map_err(|error| error.to_string())?;
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::partners::stretto::Subscriber;

    #[test]
    fn cells_hold_what_is_meant() {
        let mut group = Group { name: "branch.example".into(), ..Group::default() };
        let attributes = [("account1.briaPush.enabled".to_owned(), Secret::new("1"))];
        group.profiles.insert("p".into(), attributes.into());
        let attributes = [("account1.accountName".to_owned(), Secret::new("Office, \"2nd\""))];
        let ann = Subscriber { profile: "p".into(), attributes: attributes.into(), password: Secret::new("pw") };
        group.users.insert("ann".into(), ann);
        group.users.insert("bob".into(), Subscriber { profile: "p".into(), ..Subscriber::default() });
        assert_eq!(
            write(&group).unwrap(),
            "userName,groupName,profileName,password,account1.accountName,account1.briaPush.enabled\r\n\
             ann,branch.example,p,pw,\"Office, \"\"2nd\"\"\",1\r\nbob,branch.example,p,,,1\r\n"
        );
    }
}
