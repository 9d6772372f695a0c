//! What each brand is told, in literal bytes written down from the vendors' documents and from recorded traffic: a
//! device says what that brand says in DHCP, and must be told exactly this. For tests of whatever tells it.

/// Ports besides 80 and 443 at which some phones ask.
pub(crate) const DOORS: [u16; 3] = [69, 6970, 18443];

/// Who asks: hardware address, vendor class, user class and the options that are asked for.
pub(crate) struct Device {
    pub(crate) what: &'static str,
    pub(crate) mac: [u8; 6],
    pub(crate) class: &'static [u8],
    pub(crate) user_class: &'static [u8],
    pub(crate) requested: &'static [u8],
    pub(crate) voice_vlan: Option<u16>,
    pub(crate) told: &'static [(u8, &'static [u8])],
}

/// Whoever it is.
pub(crate) const NOBODY: Device = Device {
    what: "",
    mac: [0x52, 0x54, 0, 1, 2, 3],
    class: b"",
    user_class: b"",
    requested: &[1, 3, 6, 15, 42, 43, 66, 67, 114, 120, 125, 128, 132, 150, 159, 160, 161, 176, 232, 242],
    voice_vlan: None,
    told: &[],
};

const URL: &[u8] = b"http://10.66.0.1/p/";

/// A phone of each brand and kind. The box answers at [`DOORS`], too.
pub(crate) const PHONES: &[Device] = &[
    Device {
        what: "poly, binary class of enterprise 13885",
        class: b"\x00\x00\x36\x3d\x0a\x02\x033150\x02\x03\x31\x32\xff",
        told: &[(160, URL), (66, URL)],
        ..NOBODY
    },
    Device {
        what: "poly by its address, told a VLAN",
        mac: [0x00, 0x04, 0xf2, 1, 2, 3],
        voice_vlan: Some(10),
        told: &[(160, URL), (66, URL), (128, b"VLAN-A=10;")],
        ..NOBODY
    },
    Device {
        what: "snom, 66 and 132 tunnelled in 43",
        class: b"snomD785",
        voice_vlan: Some(114),
        told: &[(43, b"\x42\x14http://10.66.0.1/p/\0\x84\x04114\0"), (66, URL), (132, b"114")],
        ..NOBODY
    },
    Device { what: "snom by its address", mac: [0x00, 0x04, 0x13, 1, 2, 3], told: &[(66, URL)], ..NOBODY },
    Device {
        what: "grandstream by its address",
        mac: [0x00, 0x0b, 0x82, 0x8a, 0xa8, 0x72],
        told: &[(66, URL), (160, URL)],
        ..NOBODY
    },
    Device {
        what: "cisco spa, a file with the phone's macro",
        class: b"Cisco Systems, Inc. IP Phone SPA501G",
        told: &[
            (66, b"http://10.66.0.1/p/spa$MA.cfg"),
            (160, b"http://10.66.0.1/p/spa$MA.cfg"),
            (159, b"http://10.66.0.1/p/spa$MA.cfg"),
        ],
        ..NOBODY
    },
    Device {
        what: "linksys",
        class: b"LINKSYS SPA-942",
        told: &[
            (66, b"http://10.66.0.1/p/spa$MA.cfg"),
            (160, b"http://10.66.0.1/p/spa$MA.cfg"),
            (159, b"http://10.66.0.1/p/spa$MA.cfg"),
        ],
        ..NOBODY
    },
    Device {
        what: "cisco mpp, class with NUL",
        class: b"Cisco Systems, Inc. IP Phone CP-8841-3PCC\0",
        told: &[
            (66, b"http://10.66.0.1/p/$MA.cfg"),
            (160, b"http://10.66.0.1/p/$MA.cfg"),
            (159, b"http://10.66.0.1/p/$MA.cfg"),
        ],
        ..NOBODY
    },
    Device {
        what: "cisco enterprise, list of addresses and bare host",
        class: b"Cisco Systems, Inc. IP Phone CP-7941G\0",
        told: &[(150, &[10, 66, 0, 1]), (66, b"10.66.0.1")],
        ..NOBODY
    },
    Device {
        what: "fanvil, 43 as plain text",
        mac: [0x0c, 0x38, 0x3e, 0x07, 0xe1, 0x6c],
        told: &[(66, b"http://10.66.0.1/p/$mac.cfg"), (43, b"http://10.66.0.1/p/$mac.cfg")],
        ..NOBODY
    },
    Device {
        what: "aastra, sub-options 2 and 3 of 43",
        class: b"AastraIPPhone6731i",
        told: &[(43, b"\x02\x13http://10.66.0.1/p/\x03\x01\x00"), (160, URL), (159, URL), (66, URL)],
        ..NOBODY
    },
    Device {
        what: "mitel",
        class: b"MitelIPPhone6940",
        told: &[(43, b"\x02\x13http://10.66.0.1/p/\x03\x01\x00"), (160, URL), (159, URL), (66, URL)],
        ..NOBODY
    },
    Device { what: "panasonic", class: b"Panasonic", told: &[(160, URL), (159, URL), (66, URL)], ..NOBODY },
    Device {
        what: "gigaset n720",
        class: b"Gigaset_N720_DM_PRO",
        told: &[(114, b"http://10.66.0.1/p/%MACD.xml"), (66, URL)],
        ..NOBODY
    },
    Device {
        what: "gigaset n510",
        class: b"N510_IP_PRO",
        told: &[(114, b"http://10.66.0.1/p/%MACD.xml"), (66, URL)],
        ..NOBODY
    },
    Device {
        what: "gigaset of another line, by its address",
        mac: [0x7c, 0x2f, 0x80, 0xe0, 0xd6, 0x05],
        told: &[(66, URL)],
        ..NOBODY
    },
    Device { what: "htek", mac: [0x00, 0x1f, 0xc1, 0x1c, 0x22, 0xa9], told: &[(66, URL)], ..NOBODY },
    Device { what: "akuvox", mac: [0x0c, 0x11, 0x05, 1, 2, 3], told: &[(66, URL)], ..NOBODY },
    Device {
        what: "ale 40x8, sub-option 67 of 43",
        class: b"alcatel.sip.0",
        told: &[(43, b"\x43\x13http://10.66.0.1/p/")],
        ..NOBODY
    },
    Device {
        what: "ale myriad, sub-option 66 of 43",
        class: b"aledevice",
        told: &[(43, b"\x42\x13http://10.66.0.1/p/")],
        ..NOBODY
    },
    Device {
        what: "avaya j1xx, 242 and the sub-options of 43",
        class: b"ccp.avaya.com",
        voice_vlan: Some(20),
        told: &[
            (242, b"HTTPSRVR=10.66.0.1,HTTPDIR=p,L2Q=1,L2QVLAN=20"),
            (43, b"\x01\x046889\x02\x0910.66.0.1\x03\x01p\x0a\x0220"),
        ],
        ..NOBODY
    },
    Device {
        what: "avaya 46xx by its address, 176",
        mac: [0x00, 0x04, 0x0d, 1, 2, 3],
        requested: &[1, 3, 176],
        told: &[(242, b"HTTPSRVR=10.66.0.1,HTTPDIR=p"), (176, b"TFTPDIR=p,TFTPSRVR=10.66.0.1")],
        ..NOBODY
    },
    Device {
        what: "avaya 12xx",
        class: b"Nortel-SIP-Phone-A",
        voice_vlan: Some(20),
        told: &[(66, URL), (232, b"VLAN-A:20.")],
        ..NOBODY
    },
    Device {
        what: "obihai",
        mac: [0x9c, 0xad, 0xef, 1, 2, 3],
        told: &[(66, b"http://10.66.0.1/p/obi$MAC.xml"), (160, b"http://10.66.0.1/p/obi$MAC.xml")],
        ..NOBODY
    },
    Device {
        what: "audiocodes phone, by its user class",
        mac: [0x00, 0x90, 0x8f, 0x60, 0x2a, 0xac],
        user_class: b"\x05440HD",
        told: &[(160, b"http://10.66.0.1/p/;00908f602aac.cfg"), (66, URL), (67, b";00908f602aac.cfg")],
        ..NOBODY
    },
    Device {
        what: "audiocodes gateway",
        mac: [0x00, 0x90, 0x8f, 0x1d, 0xd0, 0xd3],
        requested: &[66, 67],
        told: &[(160, URL), (67, b"http://10.66.0.1/p/00908f1dd0d3.ini")],
        ..NOBODY
    },
    Device {
        what: "unify, sub-options 1, 2 and 3 of 43",
        class: b"OptiIpPhone",
        voice_vlan: Some(10),
        told: &[(43, b"\x01\x07Siemens\x02\x04\x00\x00\x00\x0a\x03\x16sdlp://10.66.0.1:18443\xff")],
        ..NOBODY
    },
    Device { what: "yealink", class: b"yealink", told: &[(66, URL), (160, URL)], ..NOBODY },
];
