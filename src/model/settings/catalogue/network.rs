use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// VLANs, quality of service and ports.
pub(super) const SETTINGS: &[Definition] = &[
    define("network.voice_vlan", Kind::Number { least: 1, most: 4094 }, "VLAN of the phone itself", "66"),
    define("network.voice_priority", Kind::Number { least: 0, most: 7 }, "802.1p priority of the phone itself", "5"),
    define("network.pc_vlan", Kind::Number { least: 1, most: 4094 }, "VLAN of the PC port", "10"),
    define("network.pc_priority", Kind::Number { least: 0, most: 7 }, "802.1p priority of the PC port", "0"),
    define("network.pc_port", Kind::Flag, "whether the PC port works", "yes"),
    define("network.lldp", Kind::Flag, "whether the VLAN is learnt by LLDP-MED", "yes"),
    define("network.cdp", Kind::Flag, "whether the VLAN is learnt by CDP", "no"),
    define("network.sip_dscp", Kind::Number { least: 0, most: 63 }, "DSCP of SIP", "26"),
    define("network.media_dscp", Kind::Number { least: 0, most: 63 }, "DSCP of sound", "46"),
    define("network.video_dscp", Kind::Number { least: 0, most: 63 }, "DSCP of pictures", "34"),
    define(
        "network.sip_port",
        Kind::Number { least: 1, most: 65_535 },
        "port that the phone itself takes SIP at",
        "5060",
    ),
    define("network.media_first_port", Kind::Number { least: 1024, most: 65_534 }, "first port for sound", "11780"),
    define("network.media_last_port", Kind::Number { least: 1025, most: 65_535 }, "last port for sound", "12780"),
    define("network.wifi", Kind::Flag, "whether the radio works", "no"),
    define("network.bluetooth", Kind::Flag, "whether Bluetooth works", "yes"),
];
