"""What the box goes through. Each scene leaves a disk that the next one starts from."""

import itertools
import json
import os
import random
import re
import time

from lan import ADDRESS, Clients, name_by_multicast, phone_mac, raw_mac, time_of
from vm import Late, Vm

PHONE = "80:5e:c0:66:00:01"
SETUP_CODE = "7KQM-2XHD-94TW"
PASSWORD = "a long enough password"
SERIAL = "525400660001"

OFFICE = f"""[[network]]
name = "office"
interface = "eth0"
subnet = "10.66.0.0/20"
gateway = "{ADDRESS}"
dns = ["{ADDRESS}"]
[network.dhcp]
mode = "full"
pool = "10.66.1.0-10.66.15.250"
"""

SETUP = f"""# Settings for a start with nobody there.
setup-code = "{SETUP_CODE}"
organisation = "Closet"
host-name = "block66-closet"
phones = '''
mac,name,extension,password,server
{PHONE},Reception,201,very-secret,pbx.example.net
'''
[address]
address = "{ADDRESS}/20"
{OFFICE}lease-time = "12h"
"""


EXPLAIN = ["systemctl --failed --no-legend --plain", "systemctl list-jobs --no-legend", "ip -br addr", "ip -4 addr show dev eth0",
           "networkctl --no-pager status eth0 | head -n 30", "ls -la /efi /config /config/block66 /run/systemd/network /run/block66-boot",
           "cat /run/block66-boot/notices", "block66 status", "block66 events | tail -n 20", "nft list chain inet block66 input",
           "ss -lntup", "journalctl -b --no-pager -o short-monotonic -p warning | tail -n 40",
           "journalctl -b --no-pager -o short-monotonic -u 'block66*' -u systemd-networkd | tail -n 60"]


class Story:
    """The box and its LAN through all scenes."""

    def __init__(self, ground, lan, disk, seed):
        self.ground, self.lan, self.disk = ground, lan, disk
        self.random = random.Random(seed)
        self.vm = None
        self.passed = 0
        self.figures = []
        self.leases = {}
        # What a box keeps whatever happens to it, until somebody sets it anew.
        self.name, self.authority = "block66-closet", None
        # What an installation takes, as it was seen.
        self.install_seconds = None
        self.numbers = itertools.count(1)

    def holds(self, what, right, detail=""):
        """One thing that must be so."""
        if not right:
            raise AssertionError(f"{what}: does not hold. {detail}")
        self.passed += 1
        print(f"  {self.elapsed():6.1f}s {what}", flush=True)

    def explain(self):
        """What the box says of itself, after something did not hold."""
        if not self.vm or self.vm.process.poll() is not None or not self.vm.shell:
            return
        for command in EXPLAIN:
            try:
                said = self.vm.run(command, 20)[1]
            except (Late, OSError) as error:
                said = str(error)
            print(f"+ {command}\n" + "\n".join(line[:200] for line in said.splitlines()[-60:]), flush=True)

    def elapsed(self):
        """Since the last power on."""
        return self.vm.seconds() if self.vm else 0.0

    def figure(self, what):
        """For the table at the end."""
        self.figures.append(what)

    def power_on(self, sticks=(), **more):
        """Starts the box and waits for its shell."""
        self.vm = Vm(self.ground.work, self.lan.namespace, self.disk, sticks, **more)
        return self.vm.connect()

    def wait(self, command, limit, what, pace=0.3):
        """Waits until a command in the box does well."""
        end = time.monotonic() + limit
        while True:
            code, said = self.vm.run(command)
            if code == 0:
                return said
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not in {limit} s: {said}")
            time.sleep(pace)

    def wait_outside(self, words, limit, what):
        """Waits until a program on the LAN does well."""
        end = time.monotonic() + limit
        while True:
            try:
                return self.lan.run(*words)
            except AssertionError as error:
                if time.monotonic() > end:
                    raise AssertionError(f"{what}: not in {limit} s: {error}") from None
            time.sleep(0.3)

    def wait_up(self, limit=300):
        """Until the box says that it serves."""
        # The shell alone sees the socket: what is run beside a start makes it slower.
        self.wait("[ -S /run/block66/block66.sock ]", limit, "block66 listens")
        self.wait("systemctl is-active --quiet block66.service", limit, "block66 is up", pace=1.0)

    def wait_confirmed(self, limit=300):
        """Until this start is confirmed."""
        self.wait("[ -e /run/block66-boot/confirmed ]", limit, "the start is confirmed")

    def running(self):
        """Slot and version that run."""
        said = self.vm.must("grep -o 'rauc.slot=.' /proc/cmdline; cat /usr/lib/block66/version")
        return said.split("=")[1].split()

    def lease(self, given_up=None, limit=60):
        """One more client with an address, which the box has acknowledged."""
        number = next(self.numbers)
        clients = Clients(given_up=given_up)
        try:
            address, options = clients.lease(phone_mac(number), limit=limit)
        finally:
            clients.close()
        self.leases[number] = address
        return address, options

    def leases_lost(self):
        """The acknowledged leases that the box has no record of, by client."""
        said = self.vm.must("block66 dhcp export-leases --form dnsmasq", 60)
        known = set(re.findall(r"(\S{17}) (10\.66\.\d+\.\d+)", said))
        return {number: address for number, address in self.leases.items() if (phone_mac(number).hex(":"), address) not in known}

    def leases_hold(self, what, most=6):
        """Clients with acknowledged leases come back with them, the newest first."""
        # Before anybody asks: what is asked for may be put on record anew.
        missing = self.leases_lost()
        clients = Clients()
        try:
            lost = [(number, address) for number, address in sorted(self.leases.items(), reverse=True)[:most]
                    if not clients.still_mine(phone_mac(number), address)]
        finally:
            clients.close()
        self.holds(f"{what} ({len(self.leases)} leases)", not lost and not missing, f"lost: {lost}, not listed: {missing}")

    def fingerprint(self):
        """What phones know the box by."""
        return self.vm.must("block66 ca show | head -n 2 | tail -n 1")

    def is_itself(self):
        """After a power cut: the name, the authority, and no unit that failed."""
        name, fingerprint = self.vm.must("hostname"), self.fingerprint()
        failed = self.vm.must("systemctl --failed --no-legend --plain")
        self.holds("it has its name and its authority, and no unit failed",
                   (name, fingerprint, failed) == (self.name, self.authority, ""), f"{name}, {fingerprint}, {failed}")


def first_start(story, sticks):
    """From power alone, with the settings on the boot partition: everything that a branch needs."""
    story.power_on(sticks)
    story.wait_up()
    story.lease()
    story.figure(f"seconds from power on to the first lease: {story.elapsed():.1f}")
    lan, vm = story.lan, story.vm
    lan.run("ip", "link", "set", "tap0", "address", PHONE)
    story.holds("the first lease is given", True)
    script = f"{story.ground.work}/udhcpc.sh"
    with open(script, "w") as file:
        file.write("#!/bin/sh\n[ \"$1\" = bound ] || exit 0\nip addr add $ip/$mask dev $interface\n"
                   f"set >{story.ground.work}/leased\n")
    os.chmod(script, 0o755)
    lan.run("udhcpc", "-i", "tap0", "-n", "-q", "-f", "-t", "10", "-s", script, "-V", "yealink", limit=60)
    leased = dict(line.rstrip("\n").split("=", 1) for line in open(f"{story.ground.work}/leased") if "=" in line)
    plain = {name: value.strip("'") for name, value in leased.items()}
    story.holds("a real client gets an address", plain.get("ip", "").startswith("10.66."), str(plain))
    story.holds("router and resolver are told", plain.get("router") == ADDRESS and plain.get("dns") == ADDRESS, str(plain))
    story.wait(f"block66 phones list | grep -qi {PHONE}", 60, "the preset phone is on the list")
    client = Clients()
    _, options = client.lease(raw_mac(PHONE), [(60, b"yealink"), (55, bytes([1, 3, 6, 42, 43, 66]))])
    client.close()
    url = options.get(66, b"").decode(errors="replace")
    story.holds(f"a phone is told where its configuration is: {url}", url.startswith(f"http://{ADDRESS}"), str(options))
    name = PHONE.replace(":", "") + ".cfg"
    agent = "Yealink SIP-T46S 66.86.0.15 " + PHONE
    first = lan.run("curl", "-sS", "--max-time", "20", "-A", agent, f"{url.rstrip('/')}/{name}")
    user, password = (re.search(rf"^static\.auto_provision\.server\.{word} *= *(\S+)", first, re.M) for word in ("username", "password"))
    story.holds("first contact hands out the phone's login, and no SIP password", user and password and "very-secret" not in first, first)
    authority = f"{story.ground.work}/ca.pem"
    lan.run("curl", "-sS", "--max-time", "20", "-o", authority, f"http://{ADDRESS}/ca.pem")
    address = re.search(r"^static\.auto_provision\.server\.url *= *(\S+)", first, re.M).group(1)
    story.holds(f"the phone is sent to HTTPS: {address}", address.startswith("https://"), first)
    story.wait_outside(["curl", "-sS", "--max-time", "10", "--cacert", authority, "-o", "/dev/null", f"https://{ADDRESS}/"], 60,
                       "the server certificate names the box's address")
    login = ["--digest", "-u", f"{user.group(1)}:{password.group(1)}"]
    full = lan.run("curl", "-sS", "--max-time", "20", "--cacert", authority, "-A", agent, *login, f"{address.rstrip('/')}/{name}")
    story.holds("the configuration comes over HTTPS, verified by the box's authority", "very-secret" in full, full)
    page = lan.run("curl", "-sS", "--max-time", "20", "-L", "--cacert", authority, "-w", "%{http_code}", f"https://{ADDRESS}/")
    story.holds("the page answers", page.endswith("200") and "Block66" in page, page[-300:])
    story.authority = story.fingerprint()
    # It goes on until somebody ends it.
    shown = vm.run("timeout 6 /usr/lib/block66/console", 30)[1]
    wanted = [f"https://{ADDRESS}/", SETUP_CODE, story.authority.split()[-1], "https://block66-closet.local/", SERIAL, "\u2588"]
    story.holds("a screen on the box shows address, setup code, fingerprint, name, serial number and a square code",
                all(part in shown for part in wanted), shown)
    code = lan.run("curl", "-sS", "--max-time", "20", "--cacert", authority, "-o", "/dev/null", "-w", "%{http_code}",
                   "-X", "POST", "-H", f"Origin: https://{ADDRESS}", "-H", "Content-Type: application/json",
                   "-d", f'{{"code":"{SETUP_CODE}","password":"{PASSWORD}"}}', f"https://{ADDRESS}/api/v1/claim")
    story.holds("the preset setup code claims the box", code.startswith("20"), code)
    served, stratum = time_of(ADDRESS)
    story.holds(f"time is served (stratum {stratum})", abs(served - time.time()) < 86400 and 0 < stratum < 16, str(served))
    story.wait_confirmed()
    failed = vm.must("systemctl --failed --no-legend --plain")
    story.holds("no unit failed", failed == "", failed)
    again = vm.must("systemctl show -P NRestarts 'block66*.service' | grep -v '^0*$' || :")
    story.holds("and none had to be started again", again == "", again)
    story.holds("the root is read-only", "squashfs ro" in vm.must("findmnt -no FSTYPE,OPTIONS / | tr -s ' ' | cut -c1-11")
                and vm.run("touch /usr/x")[0] != 0)
    story.holds("the settings are erased from the boot partition", vm.run("ls /efi/block66-setup*")[0] != 0)
    story.holds("name and organisation are set", vm.must("hostname") == "block66-closet"
                and "Closet" in vm.must("block66 organisations list"))
    story.holds("the data partition took the rest of the disk",
                int(vm.must("stat -f -c '%b * %S' /var | xargs expr | sed 's/[^0-9]//g'")) > 300 * 2**20)
    story.holds("only what is needed is open", "policy drop" in vm.must("nft list chain inet block66 input"))
    story.holds("the neighbour table is large", vm.must("cat /proc/sys/net/ipv4/neigh/default/gc_thresh3") == "131072")
    # It is told of an address as soon as there is one, not when it is looked at again, half a minute later.
    known = RESOLVE + "assert a.endswith(socket.inet_aton(server))"
    story.wait_outside(["python3", "-c", known, "block66-closet.local", ADDRESS], 10, "the resolver knows the box")
    story.holds("the resolver knows the box", True)
    told = name_by_multicast("block66-closet.local")
    story.holds("it tells its name to the LAN, by mDNS", told == ADDRESS, str(told))
    begin = time.monotonic()
    lan.run("python3", "-c", RESOLVE, "dm.vendor.example", ADDRESS)
    story.holds("and answers at once for the world, which is out of reach", time.monotonic() - begin < 3)
    used = vm.must("awk '/MemTotal/{t=$2} /MemAvailable/{a=$2} END {print int((t - a) / 1024)}' /proc/meminfo")
    own = vm.must("systemctl show -P MainPID block66 | xargs -I{} awk '/^VmRSS|^RssAnon/{print $1 int($2 / 1024)}' /proc/{}/status")
    story.figure(f"memory used {story.elapsed():.0f} s after power on, of 256 MB: {used} MB; block66 alone: {own.split()} MB")
    story.figure(vm.must("systemd-analyze --no-pager 2>&1 | head -n 1"))


RESOLVE = """
import socket, struct, sys
name, server = sys.argv[1:]
ask = struct.pack('!HHHHHH', 66, 0x100, 1, 0, 0, 0) + b''.join(bytes([len(w)]) + w.encode() for w in name.split('.')) + b'\\0\\0\\1\\0\\1'
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.sendto(ask, (server, 53)); a = s.recv(512)
print(socket.inet_ntoa(a[-4:]) if struct.unpack('!H', a[6:8])[0] else a[3] & 15)
"""


MOUNTED = "mkdir -p /run/stick && { mountpoint -q /run/stick || mount -o ro /dev/vdb /run/stick; }"


def wrong_bundles(story, _sticks):
    """What must not be installed is not, and says why."""
    vm = story.vm
    vm.must(MOUNTED)
    running = story.running()[1]
    reasons = {"stranger": "signature verification failed: Verify error: unable to get local issuer certificate.",
               "truncated": "Invalid bundle format: Signature size (",
               "other-board": "Installation error: Compatible mismatch: Expected 'block66-x86_64' but bundle manifest has 'block66-rpi4'.",
               "older": f"version 0.9.0 is older than {running}, which runs now."}
    for name, expected in reasons.items():
        code, said = vm.run(f"block66 update install /run/stick/{name}.raucb", 120)
        story.holds(f"refused: {name}", code != 0 and f"The bundle was refused: {expected}" in said, said)
    slot, version = story.running()
    story.holds("the next start is still this version", f"slot {slot})" in vm.must("block66 update show"), version)


def install(story, name, limit=240, insist=""):
    """Installs a bundle of the stick."""
    begin = time.monotonic()
    story.vm.must(MOUNTED)
    said = story.vm.must(f"block66 update install {insist} /run/stick/{name}.raucb", limit)
    story.holds(f"installed: {name}", "the one that was installed" in said, said)
    story.install_seconds = time.monotonic() - begin
    return story.install_seconds


def sign_in(story):
    """Signs in as the page does; gives the words to go on with, and where."""
    place, origin = story.ground.work, f"https://{ADDRESS}"
    curl = ["curl", "-sS", "--max-time", "120", "--cacert", f"{place}/ca.pem", "-b", f"{place}/cookies", "-c", f"{place}/cookies",
            "-H", f"Origin: {origin}"]
    story.wait_outside(["curl", "-sS", "--cacert", f"{place}/ca.pem", "-o", "/dev/null", f"{origin}/"], 60, "the page answers")
    token = json.loads(story.lan.run(*curl, "-H", "Content-Type: application/json", "-d", json.dumps({"password": PASSWORD}),
                                     f"{origin}/api/v1/session"))["csrf"]
    return [*curl, "-H", f"X-CSRF-Token: {token}"], f"{origin}/api/v1"


def install_by_page(story, name, limit=240):
    """Sends a bundle as the page does, and watches how far it is."""
    curl, api = sign_in(story)
    taken = json.loads(story.lan.run(*curl, "-T", f"{story.ground.work}/stick/{name}.raucb", f"{api}/appliance/update", limit=130))
    story.holds("the page takes a bundle", taken.get("running") is True, str(taken))
    begin = time.monotonic()
    end, seen = begin + limit, set()
    while time.monotonic() < end:
        update = json.loads(story.lan.run(*curl, f"{api}/appliance"))["update"]
        seen.add(update["percent"])
        if not update["running"]:
            break
        time.sleep(0.3)
    story.holds(f"it tells its progress, and installs it ({len(seen)} steps)",
                not update["running"] and not update["failed"] and len(seen) > 2, f"{update} {seen}")
    story.install_seconds = time.monotonic() - begin


def unconfirmed(story, sticks):
    """The other slot starts, gives a lease, its kernel panics before it is confirmed, and the one before is back with its own
    configuration and that lease."""
    before, version = story.running()
    new = "A" if before == "B" else "B"
    install_by_page(story, "newer")
    story.vm.off()
    story.power_on(sticks)
    # Before it is healthy for long enough.
    story.vm.must("systemctl stop block66-confirm.service")
    story.wait_up()
    story.holds(f"the new version runs in {new}", story.running() == [new, "2.0.0"], str(story.running()))
    story.holds("configuration and phones came along", story.vm.must("hostname") == "block66-closet"
                and PHONE in story.vm.must("block66 phones list").lower())
    story.lease()
    story.leases_hold(f"leases of {before} hold under {new}")
    story.vm.must("echo changed-there >/config/hostname; sync")
    story.vm.must(MOUNTED)
    code, _ = story.vm.run("block66 update install /run/stick/panics.raucb", 120)
    why = story.vm.must("cat /run/block66-boot/refused; grub-editenv /efi/grub/grubenv list")
    story.holds(f"while {new} is on trial, nothing takes the place of {before}",
                code != 0 and "is the way back" in why and f"{before}_GOOD=1" in why, why)
    story.holds(f"{new} is not confirmed", story.vm.run("test -e /run/block66-boot/confirmed")[0] != 0)
    story.holds("a kernel that panics starts anew", story.vm.must("cat /proc/sys/kernel/panic") == "10")
    # At once, here; the restart is an end.
    story.vm.shell.sendall(b"echo 1 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger\n")
    story.vm.wait_for_console("Kernel panic", 60)
    story.vm.wait_off(60)
    story.power_on(sticks)
    story.wait_up()
    story.holds(f"{before} runs again", story.running() == [before, version], str(story.running()))
    story.holds("with its own configuration", story.vm.must("hostname") == "block66-closet")
    story.leases_hold(f"and the lease that {new} gave")
    story.wait("block66 events | grep -q 'runs again'", 60, "what happened is an event")
    story.holds("what happened is an event on the page", True)


def update(story, sticks):
    """The new version starts in the other slot and is confirmed, with data and configuration kept."""
    before = story.running()[0]
    seconds = install(story, "newer")
    story.figure(f"seconds to install an update: {seconds:.1f}")
    story.vm.must("echo later >/config/set-later; sync")
    story.vm.off()
    story.power_on(sticks)
    story.wait_up()
    story.wait_confirmed()
    story.holds("with what was set after the installation", story.vm.must("cat /config/set-later; rm /config/set-later; sync") == "later")
    slot, version = story.running()
    story.holds(f"the new version is confirmed, in {slot}", version == "2.0.0" and slot != before, f"{before} -> {slot} {version}")
    story.leases_hold("with all leases")
    story.holds("configuration and phones came along", story.vm.must("hostname") == "block66-closet"
                and PHONE in story.vm.must("block66 phones list").lower())
