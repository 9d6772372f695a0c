"""The doors by which people reach the box itself: settings, addresses, resets; and the watchdog, for when nobody does."""

import json
import subprocess

from ground import run
from lan import ADDRESS
from scenes import SERIAL, sign_in
from vm import ends_with_parent


def usb_stick_of(story, name, *files, size=8192):
    """A FAT file system with these files, by name and content."""
    stick = f"{story.ground.work}/{name}.vfat"
    run("mkfs.vfat", "-C", stick, str(size))
    for file, content in files:
        with open(f"{story.ground.work}/{file}", "w") as out:
            out.write(content)
        run("mcopy", "-i", stick, f"{story.ground.work}/{file}", "::")
    return stick


BAD_LIST = """mac,name,extension,password,server,organisation
80:5e:c0:66:00:03,Door,203,hidden-secret,pbx.example.net,Nowhere
"""


def refused_phones(story, _sticks):
    """Phones of the settings that the box refuses are told of once, and kept."""
    vm, place = story.vm, "/var/lib/block66-preset"
    vm.must(f"mkdir -p {place}; cat >{place}/phones.csv <<'L'\n{BAD_LIST}L")
    vm.must("systemctl start block66-preset.service", 60)
    notices = vm.must("cat /run/block66-boot/notices")
    told = [line for line in notices.splitlines() if "are not on the list" in line]
    story.holds("a list that the box refuses is told of, by its row", len(told) == 1 and "row 2, organisation" in told[0], notices)
    story.holds("and nothing of what stands there", "hidden-secret" not in notices, notices)
    story.holds("it is kept, and not tried again", vm.run(f"[ -s {place}/refused.csv ] && [ ! -e {place}/phones.csv ]")[0] == 0)
    vm.must(f"rm {place}/refused.csv")


def address_trial(story, _sticks):
    """Addresses that nobody confirms are taken back after a minute, two as well as one."""
    curl, api = sign_in(story)

    def set_address(own, at):
        setting = {"interface": "eth0", "setting": {"static": {"address": f"{own}/20", "gateway": None}}}
        # The certificate may not name the new address yet, and the answer may not come: the address is another one by then.
        story.lan.run(*curl, "-k", "--max-time", "8", "--connect-to", f"::{at}:", "-X", "PUT", "-H", "Content-Type: application/json",
                      "-d", json.dumps(setting), f"{api}/appliance/address", check=False)
        story.wait(f"ip -4 -o addr show eth0 | grep -q ' {own}/20'", 45, f"the box is at {own}")

    set_address("10.66.0.8", ADDRESS)
    set_address("10.66.0.9", "10.66.0.8")
    story.holds("an address that was set is in force, and then another one", True)
    story.wait(f"ip -4 -o addr show eth0 | grep -q ' {ADDRESS}/20'", 100, "the address before is back")
    notices = story.vm.must("cat /run/block66-boot/notices")
    story.holds("nobody confirmed one: that before both is back, which is told", "was not confirmed" in notices, notices)
    story.lease()
    story.leases_hold("and leases hold there")


def watchdog(story, sticks):
    """The service manager stands still: the watchdog starts the box anew."""
    vm = story.vm
    # The kernel's own: the distribution's for clouds has no driver for one that QEMU has. What is the box's is that it is fed.
    vm.must("modprobe softdog && systemctl daemon-reexec")
    story.wait("ls -l /proc/1/fd | grep -q watchdog", 30, "the service manager feeds the watchdog")
    vm.shell.sendall(b"echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze\n")
    vm.wait_off(120)
    story.holds("what stands still is started anew, by no panic of the kernel", "Kernel panic" not in vm.console())
    story.power_on(sticks)
    story.wait_up()
    story.leases_hold("with all leases")
    story.is_itself()
    story.wait_confirmed()


def resets(story, sticks):
    """The other doors to a factory reset: a USB stick, a kernel argument from the boot menu, and a stick that wipes all."""
    others = [*sticks, usb_stick_of(story, "reset", ("block66-factory-reset.txt", "reset\n")),
              usb_stick_of(story, "wipe", ("block66-factory-reset.txt", f"wipe all {SERIAL}\n"))]
    authority = story.fingerprint()

    def changed():
        story.vm.must("echo changed >/config/hostname; sync")

    def was_reset(by, kept):
        story.power_on(others)
        story.wait_up()
        notices = story.vm.must("cat /run/block66-boot/notices")
        sentence = "The certificate authority was kept." if kept else "Nothing was kept"
        story.holds(f"reset by {by}, and told: {sentence}", f"The box was reset to factory settings. {sentence}" in notices, notices)
        story.holds("its name is forgotten", story.vm.must("hostname") == "block66")
        story.holds("the same authority" if kept else "another authority", (story.fingerprint() == authority) == kept)

    def put_in(device):
        story.vm.shell.sendall(f"systemctl start --no-block block66-usb@{device}.service\n".encode())
        story.vm.wait_off(120)

    story.vm.off()
    story.power_on(others)
    story.wait_up()
    changed()
    put_in("vdc")
    was_reset("a USB stick", True)
    changed()
    story.vm.must("cp /efi/grub/board.cfg /efi/grub/board.cfg.kept; "
                  "echo 'set arguments=\"$arguments block66.factory-reset\"' >>/efi/grub/board.cfg; sync")
    story.vm.off()
    was_reset("an argument of the kernel", True)
    story.vm.must("mv /efi/grub/board.cfg.kept /efi/grub/board.cfg; sync")
    story.wait_confirmed()
    changed()
    put_in("vdd")
    was_reset("a USB stick that wipes all", False)
    story.wait_confirmed()


def time_by_dhcp(story, sticks):
    """Where the LAN's own DHCP server gives the box its address, the time server that it names is asked, too."""
    work, server = story.ground.work, "10.66.0.99"
    with open(f"{work}/udhcpd.conf", "w") as file:
        file.write(f"start 10.66.1.10\nend 10.66.1.20\ninterface tap0\nlease_file {work}/udhcpd.leases\npidfile {work}/udhcpd.pid\n"
                   f"option subnet 255.255.240.0\noption ntpsrv {server}\n")
    open(f"{work}/udhcpd.leases", "w").close()
    story.lan.ip("-n", story.lan.namespace, "addr", "replace", f"{server}/20", "dev", "tap0")
    router = subprocess.Popen(["ip", "netns", "exec", story.lan.namespace, "busybox", "udhcpd", "-f", f"{work}/udhcpd.conf"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              preexec_fn=ends_with_parent)
    try:
        story.wait("ip -4 -o addr show eth0 | grep -q ' 10.66.1.'", 120, "the box has an address by DHCP")
        story.wait(f"chronyc -n sources | grep -q ' {server} '", 60, "the time service asks the server that DHCP names")
        story.holds("the time service asks the server that DHCP names", True)
        story.wait("! ip -4 -o addr show eth0 | grep -q 192.168.66.66", 60, "the fallback address goes")
        story.holds("the fallback address is gone", True)
    finally:
        router.terminate()
        router.wait(30)


# The last two want a box that was reset.
ALL = [resets, time_by_dhcp]
