use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// A directory that the phone searches itself.
pub(super) const SETTINGS: &[Definition] = &[
    define("ldap.server", Kind::Host, "LDAP server", "ldap.example.net"),
    define("ldap.port", Kind::Number { least: 1, most: 65_535 }, "its port", "389"),
    define("ldap.security", Kind::Choice(&["none", "starttls", "tls"]), "how it is encrypted", "tls"),
    define("ldap.base", Kind::Text(256), "where in the directory the search begins", "ou=people,dc=example,dc=net"),
    define("ldap.user", Kind::Text(256), "whom the phone signs in as", "cn=phones,dc=example,dc=net"),
    define("ldap.password", Kind::Secret, "its password", "example-secret"),
    define(
        "ldap.name_filter",
        Kind::Text(256),
        "how names are looked for; % stands for what was typed",
        "(|(cn=%)(sn=%))",
    ),
    define("ldap.number_filter", Kind::Text(256), "how numbers are looked for", "(telephoneNumber=%)"),
    define("ldap.name_attributes", Kind::List(&Kind::Text(64), 8), "attributes that hold names", "cn,sn"),
    define(
        "ldap.number_attributes",
        Kind::List(&Kind::Text(64), 8),
        "attributes that hold numbers",
        "telephoneNumber,mobile",
    ),
    define("ldap.display", Kind::Text(64), "what is shown of an entry", "%cn"),
    define("ldap.most", Kind::Number { least: 1, most: 1000 }, "most entries of one answer", "50"),
    define("ldap.lookup_callers", Kind::Flag, "whether callers are looked up", "yes"),
];
