//! New software: what a phone does when its settings name an image.

use super::breed::{Make, value};
use super::fault::Halt;
use super::fetch::Ask;
use super::phone::Phone;
use super::power::{Cut, Order};
use super::url::Url;
use super::{Fault, Stage};

/// The setting that names an image, of the brands of which it is a plain URL \[facts\].
const NAMED: [(&str, &str); 1] = [("yealink", "static.firmware.url")];
/// What the memory holds of the image that was installed last.
const INSTALLED: &str = "image";

/// How a phone fares with its next update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fortune {
    /// Well.
    #[default]
    Good,
    /// It is on a call, and does not begin before that ends.
    OnACall,
    /// The power fails for a moment after so many bytes of the image, once.
    PowerFails {
        /// Bytes in both directions.
        after: u64,
    },
    /// It never starts again.
    Dies,
}

impl Phone {
    /// Takes the image that the settings name, unless that is the one that was taken last. After it, the phone restarts.
    pub(super) fn update(&mut self) -> Result<(), Halt> {
        let identity = self.setup.identity;
        let named = NAMED.iter().find(|(brand, _)| *brand == identity.breed.brand);
        let Some(url) = named.and_then(|(_, key)| value(&self.flash.settings, key)).map(str::to_owned) else {
            return Ok(());
        };
        if self.flash.memory.get(INSTALLED) == Some(&url) {
            return Ok(());
        }
        if self.setup.escort.is_some() {
            return self.look_for_image(&url);
        }
        match self.remote.fortune() {
            Fortune::OnACall => {
                self.remote.note("is on a call: the update waits");
                return Ok(());
            }
            Fortune::PowerFails { after } => {
                self.remote.cut(Cut { exchange: self.exchanges, after });
                self.remote.fare(Fortune::Good);
            }
            Fortune::Good | Fortune::Dies => {}
        }
        let image = match Url::parse(&url).map_err(Halt::Fault).and_then(|url| self.fetch(&url)) {
            Ok(fetched) => fetched.body,
            Err(Halt::Fault(fault)) => {
                self.remote.note(format!("goes on without the image: {fault}"));
                return Ok(());
            }
            Err(power) => return Err(power),
        };
        match accept(&image, identity.make) {
            Err(why) => {
                self.remote.note(format!("refuses the image: {why}"));
                return Ok(());
            }
            Ok(release) => {
                self.flash.memory.insert(INSTALLED.into(), url);
                if release == identity.make.firmware {
                    return Ok(());
                }
                self.remote.note(format!("installs {release}"));
                self.setup.identity.make = with(identity.make, release);
            }
        }
        if self.remote.fortune() == Fortune::Dies {
            self.remote.note("does not start again");
            self.remote.stop();
            return Err(Halt::Power(Order::Stop));
        }
        self.remote.lose_power();
        Err(Halt::Power(Order::Reboot))
    }
}

impl Phone {
    /// Looks whether the image is there, and takes nothing.
    fn look_for_image(&mut self, url: &str) -> Result<(), Halt> {
        let answer = Url::parse(url).map_err(Halt::Fault).and_then(|url| self.send(&Ask::head(url)));
        match answer {
            Ok(_) => {
                self.remote.note(format!("would take the software at {url}"));
                Ok(())
            }
            Err(Halt::Fault(fault @ Fault::Elsewhere { .. })) => {
                self.remote.note(fault.to_string());
                Ok(())
            }
            Err(Halt::Fault(fault)) => {
                self.remote.failed(Stage::Resources, Fault::NoImage { why: fault.to_string() });
                Ok(())
            }
            Err(power) => Err(power),
        }
    }
}

/// The release in an image, if the image is for this phone: one line `image for MODEL MODEL: RELEASE`, then bytes that
/// mean nothing here.
fn accept<'a>(image: &'a [u8], make: &Make) -> Result<&'a str, &'static str> {
    let line = image.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| "it is none")?;
    let (models, release) =
        line.strip_prefix("image for ").and_then(|line| line.split_once(": ")).ok_or("it is none")?;
    if models.split(' ').any(|model| model == make.model) { Ok(release) } else { Err("it is for other models") }
}

/// The same product with other software. What names it lives as long as the program: updates are few.
fn with(make: &Make, release: &str) -> &'static Make {
    let firmware = Box::leak(release.to_owned().into_boxed_str());
    Box::leak(Box::new(Make { model: make.model, firmware, code: make.code, prefix: make.prefix }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phonesim::Identity;

    #[test]
    fn takes_images_of_its_own_model_alone() {
        let make = Identity::t46u(crate::model::Mac::new([0; 6])).make;
        assert_eq!(accept(b"image for SIP-T48U SIP-T46U: 1.2.3\n\0\xff", make), Ok("1.2.3"));
        for (image, why) in [
            (&b"image for SIP-T48U: 1.2.3\n"[..], "it is for other models"),
            (b"<html>", "it is none"),
            (b"\xff\xfe", "it is none"),
            (b"", "it is none"),
        ] {
            assert_eq!(accept(image, make), Err(why));
        }
    }
}
