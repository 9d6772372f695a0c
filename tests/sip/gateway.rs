//! A gateway that is told by SNMP, played by net-snmp's agent.

use std::time::Duration;

use block66::lab::ground::BOX;
use block66::model::Mac;

use crate::ground::{Ground, PATIENCE, Place, Running, wait_until};
use crate::harvest::in_place_of;

/// AudioCodes' own prefix; brands are known by it.
const MAC: Mac = Mac::new([0x00, 0x90, 0x8f, 0, 0, 1]);
const AUTO_UPDATE: &str = ".1.3.6.1.4.1.5003.9.10.10.3.1.1.5.0";
const ACTION_ID: &str = ".1.3.6.1.4.1.5003.9.10.10.3.1.1.12.0";

/// The agent, with the objects of AC-SYSTEM-MIB that are written.
fn agent(place: &Place) -> Running {
    let folder = place.file("snmp");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "agentaddress udp:{}:161\nrwcommunity private\ncreateUser box SHA authpassword AES privpassword\n\
         rwuser box priv\noverride -rw {AUTO_UPDATE} uinteger 0\noverride -rw {ACTION_ID} uinteger 0\n",
        place.address
    );
    let file = folder.join("snmpd.conf");
    std::fs::write(&file, text).unwrap();
    let persistent = format!("--persistentDir={}", folder.display());
    let arguments = ["-f", "-C", "-c", file.to_str().unwrap(), "-Lo", "-I", "-smux", &persistent];
    let running = place.start("snmpd", &arguments, "snmpd.log");
    place.wait_for_port("udp", 161);
    running
}

fn read(place: &Place, object: &str) -> String {
    let agent = place.address.to_string();
    let output = place.run("snmpget", &["-v2c", "-c", "private", "-Oqvt", &agent, object]);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn try_with(access: &str) {
    let mut ground = Ground::configured(&format!("[sip]\nsnmp = {access}"));
    let mut place = ground.place(MAC);
    ground.list(MAC, "audiocodes", "udp");
    place.lease();
    let gateway = place.simulate("audiocodes-gateway", &format!("http://{BOX}/p/{}.ini", MAC.plain()));
    gateway.is_served();
    let _agent = agent(&place);
    assert_eq!(read(&place, AUTO_UPDATE), "0", "{}", place.read("snmpd.log"));
    ground.lab.api().post(&format!("phones/{MAC}/resync"), &serde_json::Value::Null).unwrap();
    let told = wait_until(PATIENCE, || read(&place, AUTO_UPDATE) == "1");
    assert!(told, "{access}: {}\n{}", read(&place, AUTO_UPDATE), ground.lab.appliance().last_words());
    assert_ne!(read(&place, ACTION_ID), "0", "the number under which it says how that goes");
    gateway.remote.poll();
    let outcome = ground.outcome(MAC);
    assert_eq!(outcome["code"], "sip.resynced", "{access}: {outcome}");
}

#[test]
fn a_gateway_is_told_by_community() {
    for version in ["1", "2c"] {
        try_with(&format!("{{ version = \"{version}\", community = \"private\" }}"));
    }
}

#[test]
fn a_gateway_is_told_by_a_user_with_privacy() {
    try_with(
        "{ version = \"3\", user = \"box\", digest = \"sha1\", password = \"authpassword\", privacy = \"aes128\", \
         privacy-password = \"privpassword\" }",
    );
}

#[test]
fn a_laptop_at_the_address_of_a_gateway_is_not_told_the_community() {
    let ground = Ground::configured("[sip]\nsnmp = { version = \"2c\", community = \"private\" }");
    let mut place = ground.place(MAC);
    ground.list(MAC, "audiocodes", "udp");
    place.lease();
    let laptop = in_place_of(&ground, &place);
    let trap = laptop.socket(161);
    // The box learns by ARP who is there now.
    trap.send_to(b"\r\n\r\n", (BOX, 5060)).unwrap();
    let outcome = ground.tell(MAC, "resync");
    assert_eq!(outcome["code"], "sip.snmp-withheld", "{outcome}");
    trap.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(trap.recv_from(&mut [0; 1500]).is_err(), "the laptop was told something by SNMP");
}

#[test]
fn a_gateway_that_knows_another_community_gives_no_answer() {
    let ground = Ground::configured("[sip]\nsnmp = { version = \"2c\", community = \"wrong\" }");
    let mut place = ground.place(MAC);
    ground.list(MAC, "audiocodes", "udp");
    place.lease();
    let _agent = agent(&place);
    let outcome = ground.tell(MAC, "resync");
    assert_eq!(outcome["code"], "sip.no-answer", "{outcome}");
    assert!(outcome["says"].as_str().unwrap().contains("SNMP"), "{outcome}");
    assert_eq!(read(&place, AUTO_UPDATE), "0");
}
