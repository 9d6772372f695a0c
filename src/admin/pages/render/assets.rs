/// The page's own style sheet, script and icon, under URLs that change with their content.
pub(crate) mod asset {
    use std::sync::LazyLock;

    use aws_lc_rs::digest;

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
        all.finish().as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    });

    /// Where a page finds it.
    pub(crate) fn url(asset: &Asset) -> String {
        format!("/assets/{}?v={}", asset.name, *REVISION)
    }

    /// Media type and bytes of the file of that name.
    pub(crate) fn find(name: &str) -> Option<(&'static str, &'static [u8])> {
        ALL.into_iter().find(|asset| asset.name == name).map(|asset| (asset.kind, asset.text.as_bytes()))
    }
}
