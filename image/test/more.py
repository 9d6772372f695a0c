"""Ways to go wrong that are too long for every run."""

import glob
import os
import shutil
import socket
import struct
import subprocess
import time

import power
from doors import address_trial, usb_stick_of, watchdog
from ground import run
from lan import ADDRESS, Clients, phone_mac
from scenes import OFFICE, PHONE, SETUP_CODE, install, sign_in
from tries import bring
from vm import Vm, ends_with_parent

RIVAL = """[Unit]
Description=The plainest DHCP server there is
After=block66-slot.service network.target
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=200ms
ExecStartPre=/bin/mkdir -p /var/lib/misc
ExecStart=/usr/bin/busybox udhcpd -f /etc/udhcpd.conf

[Install]
WantedBy=multi-user.target
"""

RIVAL_CONFIG = """start 10.66.1.0
end 10.66.15.250
interface eth0
lease_file /var/lib/misc/udhcpd.leases
option subnet 255.255.240.0
option router 10.66.0.1
"""


def memory(story, sticks):
    """What the box uses of 256 MB a minute after its start, with no phone there."""
    story.vm.off()
    story.power_on(sticks)
    story.wait_up()
    story.wait_confirmed()
    time.sleep(max(0.0, 60 - float(story.vm.must("cut -d' ' -f1 /proc/uptime"))))
    used = int(story.vm.must("awk '/MemTotal/{t=$2} /MemAvailable/{a=$2} END {print int((t - a) / 1024)}' /proc/meminfo"))
    own = story.vm.must("awk '/^(VmRSS|RssAnon)/{print $1, int($2 / 1024)}' /proc/$(systemctl show -P MainPID block66)/status")
    story.figure(f"memory used a minute after the start, of 256 MB: {used} MB (aim: under 64)")
    story.holds("the box uses at most 64 MB", used <= 64, f"{used} MB")
    story.figure(f"block66 alone, in MB: {' '.join(own.split())} (aim: under 24)")


def offer_after_kernel_start(story):
    """Seconds from the start of the kernel to the first OFFER."""
    story.vm = Vm(story.ground.work, story.lan.namespace, story.disk)
    clients = Clients()
    heard = clients.ask(phone_mac(9999), 1, {2}, limit=240, pace=0.25)
    offered = time.monotonic()
    clients.close()
    story.vm.connect()
    uptime = float(story.vm.must("cut -d' ' -f1 /proc/uptime"))
    if not heard:
        story.explain()
        raise AssertionError("no OFFER in 240 s")
    return offered - (time.monotonic() - uptime)


def first_offer(story, sticks):
    """How soon a client gets an answer, beside the same image with udhcpd as its only service; the best of three each."""
    def three():
        times = []
        for _ in range(3):
            times.append(offer_after_kernel_start(story))
            story.vm.off()
        print("  OFFER after: " + ", ".join(f"{seconds:.1f} s" for seconds in times), flush=True)
        return min(times)

    def rival(root):
        for name in ("block66", "block66-confirm", "block66-preset", "block66-resolver", "block66-time", "block66-console@tty1"):
            os.remove(f"{root}/etc/systemd/system/multi-user.target.wants/{name}.service")
        for wants in glob.glob(f"{root}/etc/systemd/system/timers.target.wants/*"):
            os.remove(wants)
        with open(f"{root}/usr/lib/systemd/system/rival.service", "w") as file:
            file.write(RIVAL)
        with open(f"{root}/etc/udhcpd.conf", "w") as file:
            file.write(RIVAL_CONFIG)
        with open(f"{root}/etc/systemd/network/10-eth0.network", "w") as file:
            file.write("[Match]\nName=eth0\n[Network]\nAddress=10.66.0.1/20\n")
        os.symlink("/usr/lib/systemd/system/rival.service", f"{root}/etc/systemd/system/multi-user.target.wants/rival.service")

    story.vm.off()
    ours = three()
    squashfs, root = story.ground.root("1.0.0-rival", rival)
    shutil.rmtree(root)
    own_disk, story.disk = story.disk, f"{story.ground.work}/rival.img"
    story.ground.disk(squashfs, "", story.disk)
    # The first start makes what later ones find.
    offer_after_kernel_start(story)
    story.vm.off()
    theirs = three()
    os.remove(story.disk)
    story.disk = own_disk
    story.power_on(sticks)
    story.wait_confirmed()
    story.figure(f"kernel start to the first OFFER: {ours:.1f} s; with udhcpd as the only service {theirs:.1f} s; "
                 f"{ours / theirs:.2f} times as long (aim: at most 1.2)")


def full_data(story, sticks):
    """The data partition is full.

    What is stored stays readable, leases that were given hold, and with room everything goes on.
    """
    vm = story.vm
    vm.run("dd if=/dev/zero of=/var/fill bs=1M 2>/dev/null; sync", 120)
    said = ""
    # It shows at the first write that fails: what is acknowledged until then has found room.
    for _ in range(60):
        if "disk is full" in said.lower():
            break
        try:
            story.lease(limit=3)
        except AssertionError:
            pass
        said = vm.must("block66 status")
    story.holds("the page says that the disk is full", "disk is full" in said.lower(), said)
    clients = Clients()
    try:
        moved = [address for number, address in story.leases.items()
                 if clients.ask(phone_mac(number), 3, {6}, [(50, socket.inet_aton(address))], limit=5)]
    finally:
        clients.close()
    # What cannot be stored is not promised anew; who holds an address keeps it to its end.
    story.holds("with a full disk nobody is told to leave the address that he holds", not moved, str(moved))
    vm.must("rm /var/fill; sync")
    story.wait("! block66 status | grep -qi 'disk is full'", 90, "there is room again")
    story.lease()
    story.leases_hold("and with room new ones are given")


def corrupted_data(story, sticks):
    """The data partition is beyond repair.

    It is made anew from what the configuration partition keeps: authority, phones, and the leases of the last copy.
    """
    vm = story.vm
    authority = story.fingerprint()
    story.lease()
    # What is kept are snapshots, and the store takes one when it ends.
    vm.must("systemctl restart block66.service", 180)
    story.wait_up()
    vm.must("systemctl start block66-keep.service")
    start, size = (int(vm.must(f"cat /sys/class/block/vda6/{fact}")) * 512 for fact in ("start", "size"))
    vm.off()
    # All of it: of one whose first part is gone e2fsck makes an empty one, with what stands further back.
    with open(story.disk, "r+b") as disk:
        disk.seek(start)
        for _ in range(size >> 20):
            disk.write(b"\xa5" * 2**20)
    story.power_on(sticks)
    story.wait_up()
    notices = story.vm.must("cat /run/block66-boot/notices")
    story.holds("the data were beyond repair, and are made anew", "The data were beyond repair. They are back from what was kept; "
                "the newest changes may be missing." in notices, notices)
    story.holds("the same authority", story.fingerprint() == authority)
    story.holds("the same phones", PHONE in story.vm.must("block66 phones list").lower())
    story.leases_hold("the leases that were kept")
    story.wait("block66 events | grep -q 'back from what was kept'", 60, "it stands on the page")
    story.holds("what happened stands on the page", True)
    story.wait_confirmed()


def damaged_data(story, sticks):
    """The data partition has a fault that can be repaired."""
    start = int(story.vm.must("cat /sys/class/block/vda6/start")) * 512
    story.lease()
    story.vm.cut()
    with open(story.disk, "r+b") as disk:
        disk.seek(start + 1024)
        disk.write(b"\0" * 1024)
    story.power_on(sticks)
    story.wait_up()
    said = story.vm.must("cat /run/block66-boot/notices")
    story.holds("the first superblock was lost: repaired, and told", "is being repaired" in said and "back from" not in said, said)
    story.leases_hold("with all leases")
    story.wait_confirmed()
    # As after a repair that did not find everything, or a cut while what is kept is put back.
    authority = story.fingerprint()
    story.vm.must("systemctl stop block66.service; systemctl start block66-keep.service", 180)
    story.vm.must("cd /var/lib/block66 && rm key && mv root.pem root.pem.new && sync")
    story.vm.cut()
    story.power_on(sticks)
    story.wait_up()
    said = story.vm.must("cat /run/block66-boot/notices")
    story.holds("files of the data were lost: put back, and told", "The data were lost. They are back from" in said, said)
    story.holds("the same authority, the same phones", story.fingerprint() == authority and PHONE in story.vm.must("block66 phones list").lower())
    story.leases_hold("and all leases")
    story.wait_confirmed()


def no_cable(story, sticks):
    """The cable is not plugged in at the start, and what is wrong with the settings on the boot partition stands there."""
    story.vm.off()
    boot_partition, wrong = f"{story.disk}@@1M", f"{story.ground.work}/wrong.toml"
    with open(wrong, "w") as file:
        file.write("setup-code = 'never shown'\nsubnet = 'x'\n")
    run("mcopy", "-i", boot_partition, wrong, "::block66-setup.toml")
    story.power_on(sticks, cable=False)
    story.wait_up()
    story.wait_confirmed()
    story.holds("a start without a LAN is confirmed, too", "NO-CARRIER" in story.vm.must("ip -br link show eth0"))
    story.holds("and the page says why no phone is served", "has no address" in story.vm.must("block66 status"),
                story.vm.must("block66 status"))
    notices = story.vm.must("cat /run/block66-boot/notices")
    story.holds("settings that are wrong are told of, and not what stands there", "cannot be taken" in notices and "never" not in notices, notices)
    story.holds("the same stands beside them", "subnet" in story.vm.must("cat /efi/block66-setup.error.txt; rm /efi/block66-setup.*"))
    story.vm.cable(True)
    story.lease()
    story.holds("with the cable in, phones get addresses", True)


def two_boxes(story, sticks):
    """Two boxes on one LAN: one serves, never both."""
    other = f"{story.lan.namespace}-2"
    work = f"{story.ground.work}/second"
    os.makedirs(work, exist_ok=True)
    with open(f"{work}/block66.toml", "w") as file:
        file.write(f'''data-directory = "{work}/data"\nsocket = "{work}/socket"\n{OFFICE}''')
    lan = story.lan
    lan.ip("netns", "add", other)
    second = None
    try:
        lan.ip("-n", lan.namespace, "link", "add", "br0", "type", "bridge")
        lan.ip("-n", lan.namespace, "link", "add", "second", "type", "veth", "peer", "name", "eth0", "netns", other)
        for port in ("tap0", "second"):
            lan.ip("-n", lan.namespace, "link", "set", port, "master", "br0", "up")
        lan.ip("-n", lan.namespace, "link", "set", "br0", "up")
        for words in (("link", "set", "lo", "up"), ("link", "set", "eth0", "up"), ("addr", "add", "10.66.0.2/20", "dev", "eth0")):
            lan.ip("-n", other, *words)
        with open(f"{work}/log", "wb") as log:
            second = subprocess.Popen(["ip", "netns", "exec", other, story.ground.binary, "run", "--config", f"{work}/block66.toml"],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=ends_with_parent)
        end = time.monotonic() + 60
        said = ""
        while "another block66" not in said.lower() and time.monotonic() < end:
            time.sleep(0.3)
            done = subprocess.run([story.ground.binary, "--socket", f"{work}/socket", "dhcp"], capture_output=True, text=True, timeout=20)
            said = done.stdout
        story.holds("the box that came second leaves the LAN to the first, and says so", "another block66" in said.lower(),
                    said + open(f"{work}/log").read()[-2000:])
        clients = Clients("br0")
        try:
            offered = clients.offers(phone_mac(8888), 5)
        finally:
            clients.close()
        story.holds("one of the two offers an address", offered == {ADDRESS}, str(offered))
    finally:
        if second:
            second.terminate()
            second.wait(30)
        lan.ip("-n", lan.namespace, "link", "del", "br0", check=False)
        lan.ip("netns", "del", other, check=False)


def factory_reset(story, sticks):
    """A factory reset by the page keeps the authority and nothing else, also when an update waits for its first start."""
    authority = story.fingerprint()
    before = story.running()[0]
    install(story, "newer")
    curl, api = sign_in(story)
    story.lan.run(*curl, "-H", "Content-Type: application/json", "-d", "{}", f"{api}/appliance/factory-reset")
    story.vm.wait_off(60)
    story.power_on(sticks)
    story.wait_up()
    story.holds("what was installed runs", story.running()[0] != before, str(story.running()))
    story.holds("the same authority", story.fingerprint() == authority)
    story.holds("no phones", PHONE not in story.vm.must("block66 phones list").lower())
    story.holds("no name, and an address of DHCP", story.vm.must("hostname") == "block66")
    story.wait("ip -4 -o addr show eth0 | grep -q 192.168.66.66", 120, "the fallback address")
    story.holds("with nobody to give it an address, it is at 192.168.66.66", True)
    story.leases.clear()
    story.name = "block66"


def early_panic(story, sticks):
    """A version whose kernel panics before it has a root is left for the one that runs; here an older one, on which somebody insists."""
    before = story.running()
    install(story, "older", insist="--older")
    story.vm.off()
    story.vm = Vm(story.ground.work, story.lan.namespace, story.disk, sticks)
    story.vm.wait_for_console("Kernel panic", 240)
    # It restarts by itself, which here is an end.
    story.vm.wait_off(120)
    story.power_on(sticks)
    story.wait_up()
    story.holds("after a kernel panic the version before runs again", story.running() == before, str(story.running()))
    story.leases_hold("with all leases")
    story.wait_confirmed()


STICK_SETTINGS = f"""setup-code = "{SETUP_CODE}"
organisation = "Second closet"
host-name = "block66-stick"
phones = '''
mac,name,extension,password,server
80:5e:c0:66:00:02,Workshop,202,very-secret-too,pbx.example.net
'''
[address]
address = "{ADDRESS}/20"
{OFFICE}lease-time = "6h"
"""


def usb_stick(story, sticks):
    """Settings on a USB stick are taken once; rubbish, and settings that are wrong, are told on page and console."""
    rubbish = f"{story.ground.work}/rubbish"
    with open(rubbish, "wb") as file:
        file.write(os.urandom(64 * 1024))
    wrong = usb_stick_of(story, "wrong", ("block66-setup.toml", "setup-code = 12\nsetup-cod = 'x'\n"),
                   ("block66-factory-reset.txt", "wipe all 001122334455\n"), ("block66-rubbish.raucb", "no bundle\n" * 500))
    good = usb_stick_of(story, "settings", ("block66-setup.toml", STICK_SETTINGS))
    story.vm.off()
    bring(story, "2.1.0", "newest")
    bundle = f"{story.ground.work}/stick/newest.raucb"
    update = usb_stick_of(story, "update", size=os.path.getsize(bundle) // 1024 * 11 // 10 + 8192)
    run("mcopy", "-i", update, bundle, "::block66-2.1.0-x86_64.raucb")
    others = [*sticks, rubbish, wrong, good, update]
    story.power_on(others)
    story.wait_up()
    # The distribution's kernel for clouds knows no USB: what udev would start for a stick is started by hand.
    for device in ("vdc", "vdd"):
        story.vm.must(f"systemctl start block66-usb@{device}.service", 120)
    notices = story.vm.must("cat /run/block66-boot/notices")
    story.holds("a stick with rubbish is told of", "could not be read" in notices, notices)
    story.holds("settings that are wrong are refused, and said to be", "cannot be taken" in notices and "setup-cod" in notices, notices)
    story.holds("another box's factory reset is refused", "words that do not fit this box" in notices, notices)
    story.holds("a bundle of rubbish is refused", "was refused" in notices, notices)
    told = [line for line in notices.splitlines() if "cannot be taken" in line]
    story.holds("in one sentence, and with nothing of what stands there", len(told) == 1 and "'x'" not in notices, notices)
    story.wait("block66 events | grep -q 'cannot be taken'", 90, "the page tells of the stick")
    story.holds("the page tells the same", True)
    story.vm.shell.sendall(b"systemctl start --no-block block66-usb@vde.service\n")
    story.vm.wait_off(120)
    story.power_on(others)
    story.wait_up()
    story.name = "block66-stick"
    story.holds("the name on the stick is in force", story.vm.must("hostname") == story.name)
    story.holds("its network is in force", struct.unpack("!I", story.lease()[1][51])[0] == 6 * 3600)
    story.wait("block66 phones list | grep -qi 80:5e:c0:66:00:02", 60, "its phones are on the list")
    story.holds("its phones are on the list, beside those before", PHONE in story.vm.must("block66 phones list").lower())
    story.vm.must("systemctl start block66-usb@vde.service", 120)
    story.holds("left in the box, it is taken once", "taken already" in story.vm.must("cat /run/block66-boot/notices"))
    slot = story.running()[0]
    story.vm.must("systemctl start block66-usb@vdf.service", 300)
    notices = story.vm.must("cat /run/block66-boot/notices")
    story.holds("a signed bundle on a stick is installed", "was installed" in notices, notices)
    story.vm.off()
    story.power_on(others)
    story.wait_up()
    story.holds("and runs after the next start", story.running() == ["B" if slot == "A" else "A", "2.1.0"], str(story.running()))
    for _ in range(2):
        story.vm.must("systemctl start block66-usb@vdf.service", 300)
    notices = story.vm.must("cat /run/block66-boot/notices; grub-editenv /efi/grub/grubenv list")
    story.holds("left in the box, the way back stays, and is told of once",
                notices.count("runs already") == 1 and "refused" not in notices and f"{slot}_GOOD=1" in notices, notices)
    story.wait_confirmed()


ALL = [early_panic, power.cut_without_sync, full_data, damaged_data, no_cable, two_boxes, usb_stick, address_trial, watchdog, corrupted_data, factory_reset]
