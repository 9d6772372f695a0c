"""The plug is pulled: no acknowledged lease may be lost, and the box comes up as the one that it was."""

import base64
import threading
import time

from ground import run
from scenes import MOUNTED


def cut_while_running(story, number, sticks):
    """The plug is pulled while clients get leases."""
    pulled = threading.Event()
    faults = []

    def load():
        try:
            while not pulled.is_set():
                story.lease(given_up=pulled)
        except (AssertionError, OSError) as error:
            if not pulled.is_set():
                faults.append(str(error))

    wanted = len(story.leases) + story.random.randint(1, 15)
    loading = [threading.Thread(target=load, daemon=True) for _ in range(3)]
    for thread in loading:
        thread.start()
    end = time.monotonic() + 90
    while len(story.leases) < wanted and not faults and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(story.random.uniform(0.0, 1.0))
    given = len(story.leases)
    story.vm.cut()
    pulled.set()
    for thread in loading:
        thread.join(40)
    if given < wanted and not faults:
        raise AssertionError(f"the load is too small to say anything: {given} leases, {wanted} wanted")
    if faults:
        raise AssertionError(faults[0])
    story.power_on(sticks)
    story.wait_up()
    story.leases_hold(f"power cut {number} under DHCP load: up again, no acknowledged lease lost")
    story.is_itself()


def cut_while_updating(story, number, sticks):
    """The plug is pulled while an update is written."""
    vm = story.vm
    vm.must(MOUNTED)
    vm.shell.sendall(b"{ block66 update install /run/stick/newer.raucb >/dev/null 2>&1; echo IN''STALLED; } &\n")
    # Beyond the end of the usual one, so that some are cut just after it.
    moment = story.random.uniform(0.2, 1.1 * story.install_seconds)
    cut_at = time.monotonic() + moment
    done = vm.hears(b"INSTALLED", moment)
    time.sleep(max(0.0, cut_at - time.monotonic()))
    vm.cut()
    story.power_on(sticks)
    story.wait_up()
    slot, version = story.running()
    story.leases_hold(f"power cut {number}, {moment:.1f} s into an update{' that was done' if done else ''}: {version} in {slot} is up, "
                      "no acknowledged lease lost")
    story.is_itself()
    # The next cut may find a start that was not confirmed yet: it counts as a try, and that must do no harm.
    if story.random.random() < 0.5:
        story.wait_confirmed()


UNSYNCED = """
int fsync(int file) { return 0; }
int fdatasync(int file) { return 0; }
int sync_file_range(int file, long from, long many, unsigned int how) { return 0; }
int msync(void *from, unsigned long many, int how) { return 0; }
"""


def cut_without_sync(story, sticks):
    """The control of the power cuts: with fdatasync left out, acknowledged leases must be lost."""
    source, library = f"{story.ground.work}/unsynced.c", f"{story.ground.work}/unsynced.so"
    with open(source, "w") as file:
        file.write(UNSYNCED)
    run("cc", "-shared", "-fPIC", "-O1", "-o", library, source)
    vm = story.vm
    vm.must("sync")
    with open(library, "rb") as file:
        code = base64.b64encode(file.read()).decode()
    vm.must("rm -f /tmp/unsynced")
    for start in range(0, len(code), 2000):
        vm.must(f"echo {code[start:start + 2000]} >>/tmp/unsynced")
    vm.must("base64 -d /tmp/unsynced >/run/unsynced.so; mkdir -p /run/systemd/system/block66.service.d")
    vm.must("printf '[Service]\\nEnvironment=LD_PRELOAD=/run/unsynced.so\\n' >/run/systemd/system/block66.service.d/unsynced.conf")
    vm.must("systemctl daemon-reload; systemctl restart block66.service", 180)
    story.holds("the program runs without syncing", "unsynced" in vm.must("cat /proc/$(systemctl show -P MainPID block66)/maps"))
    kept = dict(story.leases)
    for _ in range(8):
        story.lease()
    vm.cut()
    story.power_on(sticks)
    story.wait_up()
    lost = [number for number in story.leases_lost() if number not in kept]
    story.holds(f"without syncing, {len(lost)} of 8 acknowledged leases are lost: the power cuts would show it", bool(lost))
    story.leases = kept
    story.wait_confirmed()
