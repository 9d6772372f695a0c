"""A box in QEMU: with a serial console that is kept, and a root shell on the second serial port.

The shell is the one thing that a test image has and the shipped one has not.
"""

import ctypes
import os
import signal
import socket
import subprocess
import time

FIRMWARE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"


def ends_with_parent():
    """A box must not outlive the test that started it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Late(Exception):
    """Something did not come in time."""


TCG = ["-accel", "tcg,thread=multi", "-cpu", "max"]
KVM = ["-accel", "kvm", "-cpu", "host"]


def fastest(kernel):
    """KVM where a kernel really starts by it; a file of that name alone says nothing."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return TCG
    words = ["qemu-system-x86_64", "-nodefaults", *KVM, "-m", "256", "-machine", "q35", "-display", "none", "-no-reboot",
             "-serial", "stdio", "-kernel", kernel, "-append", "console=ttyS0 panic=-1"]
    try:
        said = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=10).stdout
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
    # Without a root it gets as far as this.
    return KVM if b"Kernel panic" in said and b"Unable to mount root" in said else TCG


class Vm:
    """One run of the box, from power on to power off."""

    serials = 0
    accelerator = TCG

    def __init__(self, work, namespace, disk, extra=(), cable=True):
        Vm.serials += 1
        self.log = f"{work}/console-{Vm.serials}.log"
        self.shell_path = f"{work}/shell-{Vm.serials}"
        self.monitor_path = f"{work}/monitor-{Vm.serials}"
        self.buffer = b""
        self.started = time.monotonic()
        variables = f"{work}/firmware-variables.fd"
        if not os.path.exists(variables):
            subprocess.run(["cp", VARIABLES, variables], check=True)
        drives = [disk, *extra]
        command = ["qemu-system-x86_64", "-nodefaults", *self.accelerator,
                   "-smp", os.environ.get("BOOT_TEST_CPUS", "2"), "-m", "256", "-machine", "q35",
                   "-display", "none", "-no-reboot",
                   "-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}",
                   "-drive", f"if=pflash,format=raw,file={variables}",
                   "-serial", f"file:{self.log}",
                   "-serial", f"unix:{self.shell_path},server=on,wait=off",
                   "-monitor", f"unix:{self.monitor_path},server=on,wait=off",
                   "-device", "i6300esb", "-action", "watchdog=reset",
                   "-object", "rng-random,filename=/dev/urandom,id=rng", "-device", "virtio-rng-pci,rng=rng"]
        for drive in drives:
            command += ["-drive", f"if=virtio,format=raw,file={drive}"]
        command += ["-netdev", "tap,id=lan,ifname=tap0,script=no,downscript=no",
                    "-device", "virtio-net-pci,netdev=lan,mac=52:54:00:66:00:01"]
        command = ["ip", "netns", "exec", namespace, *command]
        with open(f"{work}/qemu.log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                                            preexec_fn=ends_with_parent)
        self.shell = None
        if not cable:
            self.cable(False)

    def cable(self, plugged):
        """Puts the network cable in, or pulls it out."""
        end = time.monotonic() + 20
        while True:
            monitor = socket.socket(socket.AF_UNIX)
            try:
                monitor.connect(self.monitor_path)
                break
            except OSError:
                monitor.close()
                if time.monotonic() > end:
                    raise Late("QEMU does not run") from None
                time.sleep(0.02)
        monitor.settimeout(10)
        monitor.recv(4096)
        monitor.sendall(f"set_link lan {'on' if plugged else 'off'}\n".encode())
        # It shows the prompt when it is done.
        said = b""
        while b"(qemu)" not in said.split(b"set_link", 1)[-1][3:]:
            said += monitor.recv(4096)
        monitor.close()

    def seconds(self):
        """Since power on."""
        return time.monotonic() - self.started

    def console(self):
        """What the serial console showed so far."""
        with open(self.log, "rb") as file:
            return file.read().decode(errors="replace")

    def wait_for_console(self, text, limit):
        """Waits until the console shows a text."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if os.path.exists(self.log) and text in self.console():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise Late(f"the console does not show {text!r}; its end: {self.tail()}")

    def tail(self):
        """The end of the console, for a report."""
        return self.console()[-1500:] if os.path.exists(self.log) else ""

    def connect(self, limit=240):
        """Waits for the shell."""
        end = time.monotonic() + limit
        while self.shell is None:
            try:
                shell = socket.socket(socket.AF_UNIX)
                shell.connect(self.shell_path)
                self.shell = shell
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise Late(f"QEMU does not run; its end: {self.tail()}") from None
                time.sleep(0.05)
        self.shell.settimeout(0.5)
        while time.monotonic() < end:
            try:
                self.shell.sendall(b"\necho READ''Y\n")
                if self._until(b"READY", 1.0) is not None:
                    self._drain()
                    return self.seconds()
            except OSError:
                pass
            if self.process.poll() is not None:
                raise Late(f"the box went off before its shell came; its end: {self.tail()}")
        raise Late(f"no shell after {limit} s; the console's end: {self.tail()}")

    def _until(self, mark, limit):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if mark in self.buffer:
                before, self.buffer = self.buffer.split(mark, 1)
                return before
            try:
                data = self.shell.recv(65536)
                if not data:
                    return None
                self.buffer += data
            except TimeoutError:
                pass
        return None

    def _drain(self):
        """Earlier questions that were answered late."""
        self.run("true", 10)
        self.buffer = b""

    def run(self, command, limit=60):
        """Runs a command in the box and gives its exit code and what it said."""
        mark = f"{time.monotonic_ns():x}"
        self.shell.sendall(f"{{ {command}\n}} 2>&1 </dev/null; echo EN''D{mark}:$?:\n".encode())
        said = self._until(f"END{mark}:".encode(), limit)
        code = self._until(b":", 5) if said is not None else None
        if code is None:
            raise Late(f"no end of {command!r} in {limit} s; console: {self.tail()}")
        return int(code), said.decode(errors="replace").replace("\r", "").strip()

    def must(self, command, limit=60):
        """The same, for a command that must do well."""
        code, said = self.run(command, limit)
        if code != 0:
            raise AssertionError(f"{command!r} in the box: exit code {code}: {said}")
        return said

    def hears(self, mark, seconds):
        """Whether something that was left running says this within so many seconds; takes all of them if it does not."""
        return self._until(mark, seconds) is not None

    def off(self, limit=60):
        """Shuts the box down as its page would, and waits until it is off."""
        self.shell.sendall(b"\nsystemctl --no-block reboot\n")
        self.wait_off(limit)

    def wait_off(self, limit):
        """Waits until it went off by itself."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Late(f"the box does not go off; its end: {self.tail()}") from None
        self._close()

    def cut(self):
        """Pulls the plug."""
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self):
        if self.shell:
            self.shell.close()
        for path in [self.shell_path, self.monitor_path]:
            if os.path.exists(path):
                os.remove(path)
