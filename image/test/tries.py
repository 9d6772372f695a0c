"""Which slot starts, and with which configuration, when starts come to nothing or are not confirmed."""

import os
import shutil

from scenes import MOUNTED, install
from vm import Vm


def untouched_slot(story, sticks):
    """Many starts in a row that nobody confirms, and a slot that nothing was installed to: the configuration stays."""
    slot, version = story.running()
    # The boot menu gives a version that was good five tries, and has counted one when it starts the kernel.
    for _ in range(6):
        story.vm.cut()
        story.vm = Vm(story.ground.work, story.lan.namespace, story.disk, sticks)
        story.vm.wait_for_console("Booting", 120)
    story.vm.cut()
    story.power_on(sticks)
    story.wait_up()
    story.holds("after six starts in a row that ended at once, the same slot runs", story.running() == [slot, version], str(story.running()))
    story.holds("with its configuration", story.vm.must("hostname") == "block66-closet")
    story.leases_hold("and its leases")
    story.wait_confirmed()
    other = "B" if slot == "A" else "A"
    # As after a newer version that failed its one try, and a good one that was cut off in each of its five.
    story.vm.must(f"grub-editenv /efi/grub/grubenv set 'ORDER={other} {slot}' {other}_OK=1 {other}_TRY=1 {other}_GOOD=0 {slot}_TRY=5")
    for turn in ("the good one gets new tries", "and the one that failed gets none, now or later"):
        story.vm.off()
        story.power_on(sticks)
        story.wait_up()
        story.holds(f"with no try left, {turn}", story.running() == [slot, version], str(story.running()))
        story.wait_confirmed()
    # As after a root that cannot be read any more.
    story.vm.must(f"grub-editenv /efi/grub/grubenv set 'ORDER={other} {slot}' {other}_OK=1 {other}_TRY=0")
    story.vm.off()
    story.power_on(sticks)
    story.wait_up()
    story.holds("the slot that nothing was installed to starts", story.running()[0] == other, str(story.running()))
    story.holds("with the configuration of the one that ran", story.vm.must("hostname") == "block66-closet")
    story.leases_hold("and its leases")
    story.wait_confirmed()


def busy(story, _sticks):
    """RAUC has something else to do when a start has shown that it is healthy: the start is confirmed after that."""
    vm = story.vm
    vm.must(MOUNTED)
    # A bundle that is refused after a while.
    vm.must("printf '#!/bin/sh\\n: >/run/slow.begun\\nsleep 60\\nexit 1\\n' >/run/slow; chmod 755 /run/slow; mount --bind /run/slow /usr/lib/block66/pre-install")
    vm.must("systemctl stop block66-confirm.service; rm -f /run/block66-boot/confirmed")
    # By a shell of its own: this one would tell when it ends, in the midst of something else.
    vm.must("(rauc install /run/stick/newer.raucb >/run/slow.log 2>&1 &)")
    story.wait("[ -e /run/slow.begun ]", 60, "RAUC is busy")
    vm.must("systemctl start block66-confirm.service")
    said = "journalctl -b -o cat --no-pager -u block66-confirm.service | grep 'not confirmed yet'"
    story.wait(said, 50, "RAUC has no time")
    story.holds(f"RAUC has no time: {vm.must(said)}", vm.run("test -e /run/block66-boot/confirmed")[0] != 0)
    story.wait_confirmed(120)
    vm.must("umount /usr/lib/block66/pre-install")
    story.holds("when it has, the start is confirmed", "is confirmed" in vm.must("journalctl -b -o cat --no-pager -u block66-confirm.service"))


LATE = """
mkdir -p /run/late/there /run/late/facts /run/late/look
for name in cfgA cfgB data; do
    truncate -s 12M /run/late/$name
    mkfs.ext4 -q -F /run/late/$name
    mount -o loop /run/late/$name /run/late/look
    case $name in cfg*) echo 1 >/run/late/look/form ;; esac
    echo $name >/run/late/look/name
    umount /run/late/look
    losetup -f --show /run/late/$name >/run/late/$name.device
done
sed 's,^partition() .*,partition() { echo "/run/late/there/$1"; },' /usr/lib/block66/common >/run/late/common
cat >/run/late/start <<'S'
mount --make-rprivate /
mount --bind /run/late/common /usr/lib/block66/common
mount --bind /run/late/facts /run/block66-boot
umount /config
: >/run/late/facts/notices
/usr/lib/block66/storage >/run/late/log 2>&1
cat /config/name
findmnt -no FSTYPE /config
cat /run/late/facts/notices
S
appear() { for name; do ln -sfn $(cat /run/late/$name.device) /run/late/there/$name; done; }
"""


def late_partition(story, _sticks):
    """A partition's name comes late, or never: what is on it stays, and the box serves the branch."""
    vm = story.vm
    slot = story.running()[0]
    vm.must(LATE, 120)
    vm.must("rm -f /run/late/there/*; appear data; ({ sleep 8; appear cfgA cfgB; } >/dev/null 2>&1 &)")
    said = vm.must("unshare -m sh /run/late/start", 120).splitlines()
    story.holds("a configuration that comes late is waited for", said == [f"cfg{slot}", "ext4"], str(said))
    other = "B" if slot == "A" else "A"
    vm.must(f"rm -f /run/late/there/*; appear data cfg{other}")
    said = vm.must("unshare -m sh /run/late/start", 120).splitlines()
    story.holds("one that never comes is taken from the other, for this start", said[:2] == [f"cfg{other}", "tmpfs"], str(said))
    story.holds("and that is said", "cannot be kept" in " ".join(said), str(said))
    vm.must("rm -f /run/late/there/*; appear cfgA cfgB; ({ sleep 8; appear data; } >/dev/null 2>&1 &)")
    said = vm.must("unshare -m sh /run/late/start", 120).splitlines()
    story.holds("data that come late are waited for", said == [f"cfg{slot}", "ext4"], str(said))
    for name in ("cfgA", "cfgB", "data"):
        held = vm.must(f"mount -o ro $(cat /run/late/{name}.device) /run/late/look; cat /run/late/look/name; umount /run/late/look")
        story.holds(f"{name} holds what it held", held == name, held)
    vm.must("for name in cfgA cfgB data; do losetup -d $(cat /run/late/$name.device); done; rm -r /run/late")


def unmountable(story, sticks):
    """A version that cannot mount its data ends by itself, and the one before runs again."""
    def change(root):
        with open(f"{root}/etc/fstab") as file:
            table = file.read()
        assert "errors=remount-ro,x-systemd.growfs" in table
        with open(f"{root}/etc/fstab", "w") as file:
            file.write(table.replace("errors=remount-ro,x-systemd.growfs", "no-such-option"))

    before = story.running()
    story.vm.off()
    bring(story, "2.5.0", "unmountable", change)
    story.power_on(sticks)
    story.wait_up()
    story.wait_confirmed()
    install(story, "unmountable")
    story.vm.off()
    story.vm = Vm(story.ground.work, story.lan.namespace, story.disk, sticks)
    story.vm.wait_for_console("starts anew in a minute", 240)
    story.holds("what cannot start says so, and that it starts anew", "cannot start" in story.vm.console())
    # It does, which here is an end.
    story.vm.wait_off(180)
    story.power_on(sticks)
    story.wait_up()
    story.holds("the version before runs again", story.running() == before, str(story.running()))
    story.leases_hold("with all leases")
    story.wait_confirmed()


def left_for_the_one_before(story, sticks, name, version, change, meanwhile):
    """A version that comes up, and is not healthy: it has a minute, and then ends by itself for the one before."""
    def impatient(root):
        place = f"{root}/etc/systemd/system/block66-confirm.service.d"
        os.makedirs(place, exist_ok=True)
        with open(f"{place}/impatient.conf", "w") as file:
            file.write("[Service]\nExecStart=\nExecStart=/usr/lib/block66/confirm 4 60\n")
        change(root)

    before = story.running()
    story.vm.off()
    bring(story, version, name, impatient)
    story.power_on(sticks)
    story.wait_up()
    story.wait_confirmed()
    install(story, name)
    story.vm.off()
    story.power_on(sticks)
    story.wait_up()
    story.holds(f"version {version} runs", story.running()[1] == version, str(story.running()))
    story.vm.must("echo changed-in-the-new-one >/config/hostname; sync")
    meanwhile()
    story.vm.wait_off(180)
    story.power_on(sticks)
    story.wait_up()
    story.holds("it was never confirmed, and the version before runs again", story.running() == before, str(story.running()))
    story.is_itself()
    story.leases_hold("with all leases")
    story.wait("block66 events | grep -q 'runs again'", 60, "what happened is an event")
    story.wait_confirmed()


def unhealthy(story, sticks):
    """A version whose page does not answer is left; the configuration of the one before and the leases given meanwhile hold."""
    def change(root):
        rules = f"{root}/etc/block66-firewall.nft"
        with open(rules) as file:
            text = file.read()
        assert "        iif lo accept\n" in text
        with open(rules, "w") as file:
            file.write(text.replace("        iif lo accept\n", "        tcp dport 443 drop\n        iif lo accept\n"))

    def meanwhile():
        story.lease()
        # Whoever asks gets no answer: it is not waited for without an end.
        why = story.vm.run("block66 health", 60)
        story.holds("its health is told to be bad", why[0] != 0 and "The page does not answer over HTTPS" in why[1], str(why))

    left_for_the_one_before(story, sticks, "unhealthy", "2.6.0", change, meanwhile)


def lost_interface(story, sticks):
    """A version that has no driver for the network is left, though its page answers on the box itself."""
    def change(root):
        place = f"{root}/etc/systemd/network"
        os.makedirs(place, exist_ok=True)
        # As good as none: the kernel's name of it is gone.
        with open(f"{place}/10-lost.link", "w") as file:
            file.write("[Match]\nOriginalName=eth0\n[Link]\nName=lost0\n")

    def meanwhile():
        why = story.vm.run("block66 health", 60)
        story.holds("its health is told to be bad", why[0] != 0 and "There is no interface eth0" in why[1], str(why))

    left_for_the_one_before(story, sticks, "lost-interface", "2.7.0", change, meanwhile)


def bring(story, version, name, change=None):
    """Makes one more version, and puts its bundle beside the others on the stick; the box is off."""
    squashfs, root = story.ground.root(version, change)
    shutil.rmtree(root)
    story.ground.bundle(squashfs, version, name)
    os.remove(squashfs)
    os.remove(story.ground.stick_image)
    story.ground.stick()


ALL = [busy, late_partition, unmountable, unhealthy, lost_interface]
