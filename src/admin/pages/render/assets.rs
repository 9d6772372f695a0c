/// The page's own style sheet, script and icon, under URLs that change with their content.
pub(crate) mod asset {
    use std::sync::LazyLock;

    use aws_lc_rs::digest;

    use crate::sys::hex;

    /// A file that is part of the program.
    #[derive(Debug)]
    pub(crate) struct Asset {
        name: &'static str,
        kind: &'static str,
        text: &'static str,
    }

    pub(crate) const STYLE: &Asset =
        &Asset { name: "style.css", kind: "text/css; charset=utf-8", text: include_str!("../assets/style.css") };
    pub(crate) const LIVE: &Asset =
        &Asset { name: "live.js", kind: "text/javascript; charset=utf-8", text: include_str!("../assets/live.js") };
    pub(crate) const REHEARSE: &Asset = &Asset {
        name: "rehearse.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../assets/rehearse.js"),
    };
    pub(crate) const RESTORE: &Asset = &Asset {
        name: "restore.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../assets/restore.js"),
    };
    pub(crate) const ICON: &Asset =
        &Asset { name: "icon.svg", kind: "image/svg+xml", text: include_str!("../assets/icon.svg") };

    const ALL: [&Asset; 5] = [STYLE, LIVE, REHEARSE, RESTORE, ICON];

    /// What makes the URLs change: a digest over all of them.
    static REVISION: LazyLock<String> = LazyLock::new(|| {
        let mut all = digest::Context::new(&digest::SHA256);
        for asset in ALL {
            all.update(asset.text.as_bytes());
        }
        hex::encode(all.finish().as_ref().get(..6).unwrap_or_default())
    });

    /// The files as they are sent, in the order of `ALL`.
    static SENT: LazyLock<[String; 5]> = LazyLock::new(|| ALL.map(sent));

    /// Without what only whoever writes it reads: each page is to be light.
    fn sent(asset: &Asset) -> String {
        let is_remark = |line: &&str| line.starts_with("//") || line.starts_with("/*") && line.ends_with("*/");
        let lines: Vec<&str> =
            asset.text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_remark(line)).collect();
        let text = lines.join("\n");
        match asset.kind.starts_with("text/css") {
            true => text.replace("; }", "}").replace(" { ", "{").replace(" {", "{").replace("; ", ";"),
            false => text,
        }
    }

    /// Where a page finds it.
    pub(crate) fn url(asset: &Asset) -> String {
        format!("/assets/{}?v={}", asset.name, *REVISION)
    }

    /// Media type and bytes of the file of that name.
    pub(crate) fn find(name: &str) -> Option<(&'static str, &'static [u8])> {
        ALL.into_iter()
            .zip(SENT.iter())
            .find(|(asset, _)| asset.name == name)
            .map(|(asset, text)| (asset.kind, text.as_bytes()))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_is_sent_is_what_is_written_without_its_remarks() {
            let css = Asset {
                name: "x.css",
                kind: "text/css",
                text: "/* A. */\n@media (x) {\n  a { b: c; d: \"e: \"; }\n}\n",
            };
            assert_eq!(sent(&css), "@media (x){\na{b: c;d: \"e: \"}\n}");
            let js =
                Asset { name: "x.js", kind: "text/javascript", text: "// A.\nif (a) { b(); } // c\n\n  d(`//e`);\n" };
            assert_eq!(sent(&js), "if (a) { b(); } // c\nd(`//e`);");
            for asset in [STYLE, LIVE, REHEARSE, RESTORE] {
                let braces = |text: &str, brace: char| text.matches(brace).count();
                let (_, bytes) = find(asset.name).unwrap();
                let text = std::str::from_utf8(bytes).unwrap();
                assert!(text.len() < asset.text.len() && braces(text, '{') == braces(text, '}'), "{}", asset.name);
            }
        }
    }
}
