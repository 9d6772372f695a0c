"""Which slot starts, and with which configuration, when no start was confirmed for a while."""

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
