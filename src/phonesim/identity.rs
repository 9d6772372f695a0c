use crate::model::Mac;

/// What one simulated phone is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Product name as it stands in the User-Agent.
    pub model: String,
    /// Firmware as it stands in the User-Agent.
    pub firmware: String,
    /// Number of the common file of this model: the NN of `y0000000000NN.cfg`.
    pub common: u16,
    /// Address of its only interface.
    pub mac: Mac,
}

impl Identity {
    /// A T46U. Its common file has the number 108 \[facts: B1.5, the FusionPBX template tree\]; the firmware has the
    /// form of the other models of that year \[facts: B1.4\], with that number in front \[assumed\].
    pub fn t46u(mac: Mac) -> Self {
        Self { model: "SIP-T46U".into(), firmware: "108.86.0.20".into(), common: 108, mac }
    }

    /// \[facts: B1.4, as `Yealink SIP-T31G 124.85.257.55 80:5e:c0:d5:7d:72`\]
    pub(super) fn user_agent(&self) -> String {
        format!("Yealink {} {} {}", self.model, self.firmware, self.mac)
    }

    /// \[facts: B1.3, names are lower case, the MAC twelve digits\]
    pub(super) fn own_boot_file(&self) -> String {
        format!("{}.boot", self.mac.plain())
    }

    pub(super) const COMMON_BOOT_FILE: &'static str = "y000000000000.boot";

    pub(super) fn common_file(&self) -> String {
        format!("y{:012}.cfg", self.common)
    }

    pub(super) fn own_file(&self) -> String {
        format!("{}.cfg", self.mac.plain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_itself_as_the_real_one_does() {
        let phone = Identity::t46u(Mac::new([0x80, 0x5e, 0xc0, 0xd5, 0x7d, 0x72]));
        assert_eq!(phone.user_agent(), "Yealink SIP-T46U 108.86.0.20 80:5e:c0:d5:7d:72");
        assert_eq!(phone.own_boot_file(), "805ec0d57d72.boot");
        assert_eq!(phone.common_file(), "y000000000108.cfg");
        assert_eq!(phone.own_file(), "805ec0d57d72.cfg");
    }
}
