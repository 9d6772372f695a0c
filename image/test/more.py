"""Ways to go wrong that are too long for every run."""

import glob
import os
import shutil
import time

from lan import Clients, phone_mac
from scenes import PHONE
from vm import Vm

RIVAL = """[Unit]
Description=The plainest DHCP server there is
After=block66-slot.service network.target

[Service]
ExecStartPre=/bin/mkdir -p /var/lib/misc
ExecStart=/usr/bin/busybox udhcpd -f /etc/udhcpd.conf

[Install]
WantedBy=multi-user.target
"""

RIVAL_CONFIG = """start 10.66.0.20
end 10.66.0.250
interface eth0
lease_file /var/lib/misc/udhcpd.leases
option subnet 255.255.255.0
option router 10.66.0.1
"""


def offer_after_kernel_start(story):
    """Seconds from the start of the kernel to the first OFFER."""
    story.vm = Vm(story.ground.work, story.lan.namespace, story.disk)
    clients = Clients()
    clients.ask(phone_mac(250), 1, {2}, limit=120, pace=0.25)
    offered = time.monotonic()
    clients.close()
    story.vm.connect()
    uptime = float(story.vm.must("cut -d' ' -f1 /proc/uptime"))
    return offered - (time.monotonic() - uptime)


def first_offer(story, sticks):
    """How soon a client gets an answer, beside the same image with udhcpd as its only service."""
    story.vm.off()
    ours = offer_after_kernel_start(story)
    story.vm.off()

    def rival(root):
        for name in ("block66", "block66-confirm", "block66-setup", "block66-preset", "block66-resolver", "block66-time",
                     "block66-console@tty1"):
            os.remove(f"{root}/etc/systemd/system/multi-user.target.wants/{name}.service")
        for wants in glob.glob(f"{root}/etc/systemd/system/timers.target.wants/*"):
            os.remove(wants)
        with open(f"{root}/usr/lib/systemd/system/rival.service", "w") as file:
            file.write(RIVAL)
        with open(f"{root}/etc/udhcpd.conf", "w") as file:
            file.write(RIVAL_CONFIG)
        with open(f"{root}/etc/systemd/network/10-eth0.network", "w") as file:
            file.write("[Match]\nName=eth0\n[Network]\nAddress=10.66.0.1/24\n")
        os.symlink("/usr/lib/systemd/system/rival.service", f"{root}/etc/systemd/system/multi-user.target.wants/rival.service")

    squashfs, root = story.ground.root("1.0.0-rival", rival)
    shutil.rmtree(root)
    own_disk, story.disk = story.disk, f"{story.ground.work}/rival.img"
    story.ground.disk(squashfs, "", story.disk)
    offer_after_kernel_start(story)
    story.vm.off()
    theirs = offer_after_kernel_start(story)
    story.vm.cut()
    os.remove(story.disk)
    story.disk = own_disk
    story.power_on(sticks)
    story.wait_up()
    story.figure(f"kernel start to the first OFFER: {ours:.1f} s, udhcpd as the only service {theirs:.1f} s")
    story.holds(f"the first OFFER comes after {ours / theirs:.2f} times udhcpd's time", ours <= 1.2 * theirs, f"{ours} {theirs}")



def full_data(story, sticks):
    """The data partition is full.

    What is stored stays readable, leases that were given hold, and with room everything goes on.
    """
    vm = story.vm
    vm.run("dd if=/dev/zero of=/var/fill bs=1M 2>/dev/null; sync", 120)
    story.wait("block66 status | grep -qi 'full'", 60, "the page says that the disk is full")
    story.holds("the page says that the disk is full", True)
    story.leases_hold("leases hold with a full disk")
    vm.must("rm /var/fill; sync")
    story.wait("! block66 status | grep -qi 'disk is full'", 90, "there is room again")
    story.lease()
    story.leases_hold("and with room new ones are given")


def corrupted_data(story, sticks):
    """The data partition is beyond repair.

    It is made anew from what the configuration partition keeps: authority, phones, and the leases of the last copy.
    """
    vm = story.vm
    authority = vm.must("block66 ca show | head -n 2 | tail -n 1")
    vm.must("systemctl start block66-keep.service")
    kept = dict(story.leases)
    start = int(vm.must("cat /sys/class/block/vda6/start")) * 512
    vm.off()
    with open(story.disk, "r+b") as disk:
        disk.seek(start)
        disk.write(b"\xa5" * (24 * 2**20))
    story.power_on(sticks)
    story.wait_up()
    story.holds("the same authority", story.vm.must("block66 ca show | head -n 2 | tail -n 1") == authority)
    story.holds("the same phones", PHONE in story.vm.must("block66 phones list").lower())
    story.wait("block66 events | grep -qi 'beyond repair'", 60, "it stands on the page")
    story.holds("what happened stands on the page", True)
    del kept
    story.leases.clear()
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
    story.leases_hold("the first superblock was lost: repaired")
    story.wait_confirmed()


def no_cable(story, sticks):
    """The cable is not plugged in at the start."""
    story.vm.off()
    story.power_on(sticks, tap=None, arguments=["-netdev", "socket,id=lan,listen=:0", "-device", "virtio-net-pci,netdev=lan,mac=52:54:00:66:00:01"])
    story.wait_up()
    story.wait_confirmed(200)
    story.holds("a start without a LAN is confirmed, too", True)
    story.vm.off()
    story.power_on(sticks)
    story.wait_up()
    story.wait_confirmed()


def factory_reset(story, sticks):
    """A factory reset keeps the authority and nothing else."""
    authority = story.vm.must("block66 ca show | head -n 2 | tail -n 1")
    story.vm.must("echo keep-authority >/config/reset-pending; sync")
    story.vm.off()
    story.power_on(sticks)
    story.wait_up()
    story.holds("the same authority", story.vm.must("block66 ca show | head -n 2 | tail -n 1") == authority)
    story.holds("no phones", PHONE not in story.vm.must("block66 phones list").lower())
    story.holds("no name, and an address of DHCP", story.vm.must("hostname") == "block66")
    story.wait("ip -4 -o addr show eth0 | grep -q 192.168.66.66", 120, "the fallback address")
    story.holds("with nobody to give it an address, it is at 192.168.66.66", True)
    story.leases.clear()
    time.sleep(0)


def rubbish_stick(story, sticks):
    """A USB stick with rubbish is survived and told."""
    vm = story.vm
    vm.must("dd if=/dev/urandom of=/tmp/rubbish bs=1k count=64 2>/dev/null; losetup /dev/loop7 /tmp/rubbish")
    vm.run("/usr/lib/block66/usb loop7")
    story.holds("rubbish on a stick is told of", "could not be read" in vm.must("cat /run/block66-boot/notices"))
    vm.must("losetup -d /dev/loop7")


ALL = [first_offer, full_data, damaged_data, corrupted_data, no_cable, rubbish_stick, factory_reset]
