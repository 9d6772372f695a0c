//! The DHCP door: packets of several clients, time that passes, crashes, wrong clocks and other servers that come and
//! go, against the whole decision for one subnet.
//!
//! An input is a list of steps, each with an octet for its kind:
//!
//! | kind | then                                                                                             |
//! |------|--------------------------------------------------------------------------------------------------|
//! | 0    | a packet as received: length in two octets, octets                                               |
//! | 1–4  | a packet of client 0–7: client, type, `ciaddr`, option 50, option 54, `giaddr`, flags, options   |
//! | 5    | seconds pass: two octets                                                                         |
//! | 6    | the box restarts: seconds that it is off, bit 0 clock trusted, bit 1 store put back              |
//! | 7    | the wall clock: bit 0 it is vouched for, else it is set wrong by seconds × 1000; bits 4–6: what  |
//! |      | is done on the network from now on (1 full, 2 full beside another server, 3 phones only,         |
//! |      | 4 inform only, 5 standing in, 6 nothing)                                                         |
//!
//! Addresses are one octet: 0 none, 1 what the client was offered last, 2 what it holds, else the last octet of
//! one in the network, 255 one outside. Options follow their length in one octet. Kind is taken modulo 8.

mod reply;
mod world;

use super::bytes::Bytes;
use world::World;

/// A fault put between engine and check, to see that the check can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// None.
    None,
    /// After a restart the stored leases are not read back.
    Forget,
    /// A reply carries the client identifier of whoever came before.
    AnotherClient,
    /// It is not told that another part is to be played.
    Untold,
    /// A packet with an overload makes the engine panic.
    Panic,
}

/// Checks one history.
pub fn hold(input: &[u8]) -> bool {
    hold_with(input, Plant::None)
}

/// Checks one history with a fault planted.
pub fn hold_with(input: &[u8], plant: Plant) -> bool {
    let mut bytes = Bytes(input);
    let mut world = World::new(plant);
    let mut read = false;
    for _ in 0..200 {
        if bytes.is_empty() {
            break;
        }
        match bytes.u8() % 8 {
            0 => {
                let length = bytes.u16();
                read |= world.receive(bytes.take(length.into()));
            }
            1..=4 => {
                let packet = world.packet(&mut bytes);
                read |= world.receive(&packet);
            }
            5 => world.wait(bytes.u16().into()),
            6 => {
                let (down, how) = (bytes.u16(), bytes.u8());
                world.restart(down.into(), how & 1 != 0, how & 2 != 0);
            }
            _ => {
                let how = bytes.u8();
                world.set_clock(how & 1 != 0, i64::from(bytes.u16().cast_signed()) * 1000);
                world.set_conduct(how >> 4);
            }
        }
    }
    read
}
