//! Configuration and boot files by the brand's own grammar \[facts\].

use crate::phonesim::Fault;
use crate::phonesim::breed::File;

/// The line that must stand first in every file, to the letter.
const VERSION_LINE: &str = "#!version:1.0.0.1";

/// Reads a configuration file called `name`.
pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let mut file = File::default();
    for (number, line) in lines(name, bytes)? {
        match line.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() && !key.trim().contains(char::is_whitespace) => {
                let value = value.trim();
                file.settings.push((key.trim().into(), (value != "%NULL%").then(|| value.into())));
            }
            _ => file.skipped.push(number),
        }
    }
    Ok(file)
}

/// Reads a boot file: the configuration files that it includes, top to bottom, for a phone called `model`.
pub(super) fn includes(name: &str, bytes: &[u8], model: &str) -> Result<Vec<String>, Fault> {
    let model = model.strip_prefix("SIP-").unwrap_or(model);
    let mut files = Vec::new();
    for (_, line) in lines(name, bytes)? {
        let line = match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((models, rest)) if models.split(',').any(|one| one.trim() == model) => rest.trim(),
            Some(_) => continue,
            None => line,
        };
        let Some(target) = line.strip_prefix("include:config").map(str::trim) else { continue };
        let bare = target.trim_matches(|c| matches!(c, '"' | '<' | '>'));
        if bare.ends_with(".cfg") {
            files.push(bare.into());
        }
    }
    Ok(files)
}

/// The lines after the version line that are neither empty nor comments, with their numbers from 1.
fn lines<'a>(name: &str, bytes: &'a [u8]) -> Result<impl Iterator<Item = (usize, &'a str)> + use<'a>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText { file: name.into() })?;
    let first = text.split('\n').next().unwrap_or_default();
    if first.strip_suffix('\r').unwrap_or(first) != VERSION_LINE {
        let start = text.trim_start().to_ascii_lowercase();
        return Err(if start.starts_with("<!doctype") || start.starts_with("<html") {
            Fault::Html { file: name.into() }
        } else {
            Fault::NoVersionLine { file: name.into(), begins: first.chars().take(24).collect() }
        });
    }
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    Ok(numbered.skip(1).filter(|(_, line)| !line.is_empty() && !line.starts_with('#')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(key: &str, value: &str) -> (String, Option<String>) {
        (key.into(), Some(value.into()))
    }

    #[test]
    fn reads_settings_in_order() {
        let text = "#!version:1.0.0.1\r\n# comment\n\naccount.1.enable = 1\r\naccount.1.label=a = b\n\
                    account.2.enable = %NULL%\nnonsense\n = 3\nempty =\n";
        let file = parse("a.cfg", text.as_bytes()).unwrap();
        assert_eq!(
            file.settings,
            [
                setting("account.1.enable", "1"),
                setting("account.1.label", "a = b"),
                ("account.2.enable".into(), None),
                setting("empty", ""),
            ]
        );
        assert_eq!(file.skipped, [7, 8]);
    }

    #[test]
    fn a_file_without_the_version_line_is_ignored() {
        let wrong = [
            "account.1.enable = 1\n",
            " #!version:1.0.0.1\naccount.1.enable = 1\n",
            "#!version:1.0.0.10\n",
            "#!version: 1.0.0.1\n",
            "\n#!version:1.0.0.1\n",
            "\u{feff}#!version:1.0.0.1\n",
            "#!VERSION:1.0.0.1\n",
            "",
        ];
        for text in wrong {
            assert!(matches!(parse("a.cfg", text.as_bytes()), Err(Fault::NoVersionLine { .. })), "{text:?}");
        }
        let fault = parse("805ec0000001.cfg", b"account.1.enable = 1\n").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "805ec0000001.cfg: the first line is not #!version:1.0.0.1, so the phone ignores the file; \
             it begins with \"account.1.enable = 1\""
        );
    }

    #[test]
    fn a_web_page_is_called_one() {
        for text in ["<!DOCTYPE html><html>", "\r\n <html><body>Not found", "<HTML>"] {
            assert_eq!(parse("a.cfg", text.as_bytes()), Err(Fault::Html { file: "a.cfg".into() }), "{text}");
        }
        assert_eq!(parse("a.cfg", b"#!version:1.0.0.1\n\xff"), Err(Fault::NotText { file: "a.cfg".into() }));
    }

    #[test]
    fn a_boot_file_names_files_for_a_model() {
        let text = b"#!version:1.0.0.1\n#include:config \"no.cfg\"\ninclude:config \"a.cfg\"\n\
                     [T46S,T46U]include:config <b.cfg>\n[T23G]include:config \"c.cfg\"\n\
                     include:config \"http://10.66.0.1/d.cfg\"\ninclude:config \"e.txt\"\noverwrite_mode = 1\n";
        assert_eq!(includes("a.boot", text, "SIP-T46U").unwrap(), ["a.cfg", "b.cfg", "http://10.66.0.1/d.cfg"]);
        assert!(matches!(includes("a.boot", b"<html>", "SIP-T46U"), Err(Fault::Html { .. })));
    }
}
