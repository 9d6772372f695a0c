//! PURE. Clients on mobile telephones, which post XML to the login server. Experimental: no document of the maker's
//! describes it; it is what one other server was seen to exchange with them.

use std::collections::BTreeMap;
use std::io::Result as Written;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};

use super::setting::Setting;
use crate::partners::xml;

/// What a client says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// Whether a body is such a document: it begins with an XML declaration, and a form does not.
pub(super) fn is_one(body: &[u8]) -> bool {
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or_default();
    let body = body.get(start..).unwrap_or_default();
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).starts_with(b"<?xml")
}

/// Reads the attributes of the element `login`, wherever it stands and whatever else it says.
pub(super) fn read(body: &[u8]) -> Result<Login, String> {
    let mut found = None;
    xml::walk(body, |name, attributes| {
        if name == "login" && found.is_none() {
            found = Some(attributes);
        }
    })
    .map_err(|error| error.to_string())?;
    let mut attributes: BTreeMap<String, String> = found.ok_or("there is no login in its XML")?;
    let mut take = |name: &str| attributes.remove(name).filter(|value| !value.is_empty());
    Ok(Login { user: take("user"), password: take("password") })
}

/// The answer to somebody who is not let in.
pub(super) fn refused(why: &str) -> String {
    let answer = document(|writer| {
        status(writer, &[("success", "false"), ("error_text", why)])?;
        Ok(())
    });
    answer.unwrap_or_default()
}

/// The answer with these entries of the template: `data:core:NAME`, `data:accountN:NAME`, `codec:LIST:NAME`.
pub(super) fn signed_in(entries: &[Setting]) -> Result<String, String> {
    let mut core = Vec::new();
    let mut accounts: BTreeMap<u8, Vec<(&str, &str)>> = BTreeMap::new();
    let mut codecs: BTreeMap<&str, Vec<(&str, &str)>> = LISTS.map(|list| (list, Vec::new())).into();
    for entry in entries {
        let parts: Vec<&str> = entry.name().split(':').collect();
        match parts[..] {
            ["data", "core", name] => core.push((name, entry.value())),
            ["data", section, name] => {
                let number = section.strip_prefix("account").and_then(|number| number.parse().ok());
                let number = number.ok_or_else(|| format!("{} is about no account", entry.name()))?;
                accounts.entry(number).or_default().push((name, entry.value()));
            }
            ["codec", list, name] => {
                let list = codecs.get_mut(list).ok_or_else(|| format!("{} names no list of codecs", entry.name()))?;
                list.push((name, entry.value()));
            }
            _ => return Err(format!("{} has no place in this answer", entry.name())),
        }
    }
    document(|writer| {
        status(writer, &[("success", "true")])?;
        writer.create_element("branding").write_inner_content(|writer| {
            writer.create_element("settings_data").write_inner_content(|writer| {
                writer.create_element("core_data_list").write_inner_content(|writer| {
                    data(writer, &core)?;
                    writer.create_element("codec_list").write_inner_content(|writer| {
                        for list in LISTS {
                            let entries = codecs.get(list).map(Vec::as_slice).unwrap_or_default();
                            let element = format!("codec_list_{list}");
                            writer.create_element(element.as_str()).write_inner_content(|writer| {
                                for (name, enabled) in entries {
                                    let attributes = [("name", *name), ("enabled", *enabled)];
                                    writer.create_element("codec").with_attributes(attributes).write_empty()?;
                                }
                                Ok(())
                            })?;
                        }
                        Ok(())
                    })?;
                    writer.create_element("account_list").write_inner_content(|writer| {
                        for entries in accounts.values() {
                            let element = writer.create_element("account").with_attribute(("protocol", "sip"));
                            element.write_inner_content(|writer| data(writer, entries))?;
                        }
                        Ok(())
                    })?;
                    Ok(())
                })?;
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(())
    })
}

/// The lists of codecs, in the order in which they are sent.
const LISTS: [&str; 4] = ["audio_wifi", "audio_cell", "video_wifi", "video_cell"];

type Output = Writer<Vec<u8>>;

fn document(content: impl FnOnce(&mut Output) -> Written<()>) -> Result<String, String> {
    let mut writer = Writer::new(Vec::new());
    let declared = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    let root = writer.create_element("cpc_mobile").with_attribute(("version", "1.0"));
    let written = declared.and_then(|()| root.write_inner_content(content).map(|_| ()));
    written.map_err(|error| error.to_string())?;
    String::from_utf8(writer.into_inner()).map_err(|error| error.to_string())
}

fn status(writer: &mut Output, attributes: &[(&str, &str)]) -> Written<()> {
    writer.create_element("login_response").write_inner_content(|writer| {
        writer.create_element("status").with_attributes(attributes.iter().copied()).write_empty()?;
        Ok(())
    })?;
    Ok(())
}

fn data(writer: &mut Output, entries: &[(&str, &str)]) -> Written<()> {
    for (name, value) in entries {
        writer.create_element("data").with_attributes([("name", *name), ("value", *value)]).write_empty()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_come_on_one_line_or_on_several() {
        let expected = Login { user: Some("1001".into()), password: Some("s3cret".into()) };
        for text in [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<cpc_mobile version=\"1.0\"><login user=\"1001\" password=\"s3cret\" uuid=\"x\"/></cpc_mobile>",
            "<?xml version='1.0'?><anything><login\r\n\tuser='1001'\r\n\tpassword='s3cret'\r\n\tcolour='red'></login></anything>",
        ] {
            assert!(is_one(text.as_bytes()));
            assert_eq!(read(text.as_bytes()), Ok(expected.clone()), "{text}");
        }
        assert!(!is_one(b"Username=1001&Password=x") && !is_one(b"") && is_one(b"\r\n<?xml version=\"1.0\"?>"));
    }

    #[test]
    fn what_is_no_login_is_refused() {
        for text in [
            "<?xml version=\"1.0\"?>",
            "<?xml version=\"1.0\"?><cpc_mobile/>",
            "<?xml version=\"1.0\"?><cpc_mobile><login user=\"1001\"",
            "<?xml version=\"1.0\"?><cpc_mobile><login user=\"1001\"></cpc_mobile>",
            "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><cpc_mobile><login user=\"&b;\"/></cpc_mobile>",
            "<?xml version=\"1.0\"?><cpc_mobile><login user=\"&b;\"/></cpc_mobile>",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"<?xml version=\"1.0\"?>\xff\xfe<login/>").is_err());
    }

    #[test]
    fn answers_are_these_bytes() {
        assert_eq!(
            refused("Unknown user & \"wrong\" password"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><cpc_mobile version=\"1.0\"><login_response><status \
             success=\"false\" error_text=\"Unknown user &amp; &quot;wrong&quot; password\"/></login_response></cpc_mobile>"
        );
        let entry = |name: &str, value: &str| Setting::new(name, value).unwrap();
        let made = signed_in(&[
            entry("data:core:useStun", "false"),
            entry("data:account0:username", "1001"),
            entry("data:account0:display", "<Ann>"),
            entry("codec:audio_wifi:SILK/16000", "true"),
        ]);
        assert_eq!(
            made.unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><cpc_mobile version=\"1.0\"><login_response><status \
             success=\"true\"/></login_response><branding><settings_data><core_data_list><data name=\"useStun\" \
             value=\"false\"/><codec_list><codec_list_audio_wifi><codec name=\"SILK/16000\" enabled=\"true\"/>\
             </codec_list_audio_wifi><codec_list_audio_cell></codec_list_audio_cell><codec_list_video_wifi>\
             </codec_list_video_wifi><codec_list_video_cell></codec_list_video_cell></codec_list><account_list>\
             <account protocol=\"sip\"><data name=\"username\" value=\"1001\"/><data name=\"display\" \
             value=\"&lt;Ann&gt;\"/></account></account_list></core_data_list></settings_data></branding></cpc_mobile>"
        );
        for name in ["proxies:proxy0:username", "data:nobody:x", "codec:radio:x"] {
            assert!(signed_in(&[entry(name, "1")]).is_err(), "{name}");
        }
    }
}
