"""What the boot test boots: a root of distribution packages with our units, configuration, boot menu and disk layout.

The kernel and the libraries are the distribution's; all that is ours comes by the same install-root, make-disk and
make-bundle as in the shipped image.
"""

import glob
import hashlib
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BOARD = "x86_64"

TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "mmdebstrap": "mmdebstrap", "mksquashfs": "squashfs-tools",
         "genimage": "genimage", "mcopy": "mtools", "mkfs.vfat": "dosfstools", "mkfs.ext4": "e2fsprogs", "rauc": "rauc",
         "grub-mkimage": "grub-common", "busybox": "busybox-static", "depmod": "kmod", "cpio": "cpio", "ip": "iproute2",
         "openssl": "openssl", "curl": "curl", "udhcpc": "udhcpc", "strip": "binutils"}

# Of the distribution; the shipped image has the same programs by Buildroot.
INCLUDE = ["systemd-sysv", "systemd-resolved", "dbus", "udev", "kmod", "iproute2", "nftables", "chrony", "unbound", "rauc",
           "rauc-service", "e2fsprogs", "qrencode", "busybox", "libnss-myhostname"]

# Parts of the distribution's kernel that the box needs; a tenth of all.
MODULES = ["kernel/fs/squashfs", "kernel/fs/ext4", "kernel/fs/jbd2", "kernel/fs/mbcache.ko", "kernel/fs/fat", "kernel/fs/nls",
           "kernel/drivers/block/virtio_blk.ko", "kernel/drivers/block/loop.ko", "kernel/drivers/virtio",
           "kernel/drivers/net/virtio_net.ko", "kernel/drivers/net/net_failover.ko", "kernel/net/core/failover.ko",
           "kernel/drivers/md", "kernel/drivers/char/hw_random", "kernel/drivers/watchdog", "kernel/net/netfilter",
           "kernel/net/ipv4/netfilter", "kernel/net/ipv6/netfilter", "kernel/net/packet", "kernel/lib", "kernel/crypto",
           "kernel/net/bridge/netfilter", "kernel/drivers/block/nbd.ko"]

# Of these, what the shipped kernel has built in: there before anything waits for it.
AT_ONCE = ["virtio_pci", "virtio_blk", "squashfs", "virtio_net", "virtio_rng", "ext4", "vfat", "nls_cp437", "nls_ascii",
           "nf_tables", "nft_ct", "dm_mod", "loop"]

# What a distribution brings along and the shipped image has not.
TRIM = ["var", "root", "usr/share/zoneinfo", "usr/share/perl", "usr/share/perl5", "usr/share/bash-completion", "usr/share/info",
        "usr/share/common-licenses", "usr/share/python3", "usr/lib/python3", "usr/lib/python3.11", "usr/lib/udev/hwdb.d",
        "usr/lib/udev/hwdb.bin", "usr/lib/x86_64-linux-gnu/perl", "usr/lib/x86_64-linux-gnu/perl-base", "etc/apt",
        "usr/lib/x86_64-linux-gnu/libperl*", "usr/bin/perl*", "usr/bin/python3*",
        "usr/sbin/unbound-checkconf", "usr/sbin/unbound-control", "usr/lib/x86_64-linux-gnu/libdb-5*", "usr/bin/grub-*"]

GRUB_MODULES = ("part_gpt fat squash4 normal configfile loadenv test echo linux regexp search serial terminal reboot halt "
                "efi_gop ls cat sleep true minicmd gzio xzio").split()


INIT = """#!/bin/busybox sh
# Finds the slot's root and goes there. The shipped kernel needs none of this: its drivers are built in.
/bin/busybox --install -s /bin
mount -t devtmpfs devices /dev; mount -t proc processes /proc; mount -t sysfs system /sys
for module in $(cat /modules.list); do insmod /modules/$module; done
for word in $(cat /proc/cmdline); do case $word in root=PARTLABEL=*) label=${word#root=PARTLABEL=} ;; esac; done
n=0
while [ $n -lt 100 ] && [ -z "$device" ]; do
    for block in /sys/class/block/*; do grep -qx "PARTNAME=$label" $block/uevent 2>/dev/null && device=/dev/${block##*/}; done
    n=$((n + 1)); [ -n "$device" ] || sleep 0.1
done
# What goes wrong from here on ends the kernel, which then restarts.
mount -t squashfs -o ro $device /new || exit 1
[ -L /new/sbin/init ] || exit 1
mount --move /dev /new/dev; umount /proc /sys
exec switch_root /new /sbin/init
"""


def run(*words, limit=300, **more):
    """Runs a program; its words are shown only when it fails."""
    done = subprocess.run(words, capture_output=True, timeout=limit, **more)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")[-3000:]
        raise SystemExit(f"{' '.join(words)}: exit code {done.returncode}\n{said}")
    return done.stdout.decode(errors="replace")


def missing_tools():
    """Debian packages that have to be installed first."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = {package for tool, package in TOOLS.items() if not shutil.which(tool, path=path)}
    if not os.path.exists("/usr/share/OVMF/OVMF_CODE_4M.fd"):
        missing.add("ovmf")
    if not os.path.exists("/usr/lib/grub/x86_64-efi/squash4.mod"):
        missing.add("grub-efi-amd64-bin")
    return sorted(missing)


def sources():
    """The machine's own sources of the distribution's packages, and nobody else's."""
    listed = ["/etc/apt/sources.list", *glob.glob("/etc/apt/sources.list.d/*")]
    found = [path for path in listed if os.path.isfile(path) and "/debian" in open(path).read()]
    if not found:
        raise SystemExit("boot-test: no Debian package sources on this machine")
    return sorted(found)


def distribution_root(cache):
    """A tar of the distribution's root with its kernel in it, made once for a list of packages."""
    name = hashlib.sha256(repr((INCLUDE, MODULES, AT_ONCE, TRIM, INIT, [open(path).read() for path in sources()])).encode()).hexdigest()[:16]
    tar = f"{cache}/root-{name}.tar"
    if os.path.exists(tar):
        return tar
    os.makedirs(cache, exist_ok=True)
    for old in glob.glob(f"{cache}/root-*"):
        os.remove(old)
    work = f"{cache}/making"
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(f"{work}/kernel")
    codename = run("sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME").strip()
    run("mmdebstrap", "--variant=essential", "--mode=root", f"--include={','.join(INCLUDE)}",
        "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/i18n/*",
        codename, f"{work}/root.tar", *sources(), limit=600)
    root = f"{work}/root"
    os.makedirs(root)
    run("tar", "-C", root, "-xpf", f"{work}/root.tar")
    depends = run("apt-cache", "depends", "linux-image-cloud-amd64")
    kernel = next(line.split()[1] for line in depends.splitlines() if "linux-image-" in line and "Depends" in line)
    # The sandbox user of apt may not write there, and need not.
    run("apt-get", "download", "-o", "APT::Sandbox::User=root", kernel, cwd=f"{work}/kernel", limit=300)
    run("dpkg", "-x", glob.glob(f"{work}/kernel/*.deb")[0], f"{work}/kernel/root")
    version = os.listdir(f"{work}/kernel/root/lib/modules")[0]
    source, target = f"{work}/kernel/root/lib/modules/{version}", f"{root}/usr/lib/modules/{version}"
    for part in MODULES + ["modules.builtin", "modules.builtin.modinfo", "modules.order"]:
        if os.path.isdir(f"{source}/{part}"):
            shutil.copytree(f"{source}/{part}", f"{target}/{part}")
        elif os.path.exists(f"{source}/{part}"):
            os.makedirs(os.path.dirname(f"{target}/{part}"), exist_ok=True)
            shutil.copy(f"{source}/{part}", f"{target}/{part}")
    run("depmod", "-b", f"{root}/usr", version) if os.path.islink(f"{root}/lib") else run("depmod", "-b", root, version)
    os.makedirs(f"{root}/boot", exist_ok=True)
    shutil.copy(f"{work}/kernel/root/boot/vmlinuz-{version}", f"{root}/boot/vmlinuz")
    initramfs(root, version, f"{work}/initramfs")
    for path in [path for pattern in TRIM for path in glob.glob(f"{root}/{pattern}")]:
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)
    for path in ["var", "root"]:
        os.makedirs(f"{root}/{path}")
    run("tar", "-C", root, "-cf", f"{tar}.new", ".")
    os.rename(f"{tar}.new", tar)
    shutil.rmtree(work)
    return tar


def initramfs(root, version, work):
    """The few modules between a distribution's kernel and a squashfs."""
    for folder in ["bin", "modules", "proc", "sys", "dev", "new"]:
        os.makedirs(f"{work}/{folder}")
    shutil.copy(shutil.which("busybox"), f"{work}/bin/busybox")
    names = []
    for wanted in AT_ONCE:
        for line in run("modprobe", "-d", root, "-S", version, "--show-depends", wanted).splitlines():
            if line.startswith("insmod ") and line.split()[1] not in names:
                names.append(line.split()[1])
    for name in names:
        shutil.copy(name, f"{work}/modules/")
    with open(f"{work}/modules.list", "w") as file:
        file.write("\n".join(os.path.basename(name) for name in names))
    with open(f"{work}/init", "w") as file:
        file.write(INIT)
    os.chmod(f"{work}/init", 0o755)
    run("sh", "-c", f"cd {work} && find . | LC_ALL=C sort | cpio -o -H newc --quiet | gzip -n9 >{root}/boot/initrd.gz")


def squash(root, out):
    """A squashfs that the boot loader reads, made quickly rather than small."""
    run("mksquashfs", root, out, "-comp", "gzip", "-Xcompression-level", "2", "-noappend", "-quiet", "-no-progress")


SHELL_UNIT = """[Unit]
Description=Shell for the boot test
DefaultDependencies=no
After=systemd-udevd.service

[Service]
ExecStartPre=-/bin/stty -F /dev/ttyS1 115200 -echo -onlcr
ExecStart=/bin/sh
Environment="PS1=" "PS2=" LC_ALL=C SYSTEMD_COLORS=0
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
Restart=always

[Install]
WantedBy=sysinit.target
"""


class Ground:
    """Everything that the scenes need on disk."""

    def __init__(self, work, cache, binary, settle=None):
        self.work = work
        # Seconds that a start must be healthy before it is confirmed, instead of the usual ones.
        self.settle = settle
        self.binary = binary
        # Where the bundles are, as a disk.
        self.stick_image = f"{work}/stick.ext4"
        self.tar = distribution_root(cache)
        os.environ.setdefault("SOURCE_DATE_EPOCH", "1790000000")
        self.keys()

    def keys(self):
        """An authority of updates with a signer under it, and a stranger with one of his own."""
        for name in ["ours", "stranger"]:
            run(f"{HERE}/development-keys", f"{self.work}/{name}")

    def root(self, version, change=None):
        """A squashfs of the root in this version; `change` may do something to it first."""
        root = f"{self.work}/root-{version}"
        os.makedirs(root)
        run("tar", "-C", root, "-xpf", self.tar)
        shutil.copy(self.binary, f"{root}/usr/bin/block66")
        run("strip", f"{root}/usr/bin/block66")
        run(f"{HERE}/install-root", root, BOARD, version, f"{self.work}/ours/authority.pem")
        run("systemd-sysusers", f"--root={root}")
        units = f"{root}/usr/lib/systemd/system"
        with open(f"{units}/test-shell.service", "w") as file:
            file.write(SHELL_UNIT)
        os.makedirs(f"{root}/etc/systemd/system/sysinit.target.wants", exist_ok=True)
        os.symlink("/usr/lib/systemd/system/test-shell.service",
                   f"{root}/etc/systemd/system/sysinit.target.wants/test-shell.service")
        if self.settle:
            place = f"{root}/etc/systemd/system/block66-confirm.service.d"
            os.makedirs(place)
            with open(f"{place}/boot-test.conf", "w") as file:
                file.write(f"[Service]\nExecStart=\nExecStart=/usr/lib/block66/confirm {self.settle}\n")
        if change:
            change(root)
        out = f"{self.work}/root-{version}.squashfs"
        squash(root, out)
        return out, root

    def ours(self, name):
        """The bytes of a squashfs of only what is ours: what is laid over a root, whoever made that."""
        root, out = f"{self.work}/ours-{name}", f"{self.work}/ours-{name}.squashfs"
        os.makedirs(root)
        run(f"{HERE}/install-root", root, BOARD, "1.0.0", f"{self.work}/ours/authority.pem")
        squash(root, out)
        with open(out, "rb") as file:
            return file.read()

    def boot_partition(self, setup):
        """What stands on the boot partition: the boot loader, what is special to this board, and the settings."""
        esp = f"{self.work}/esp"
        os.makedirs(f"{esp}/EFI/BOOT", exist_ok=True)
        os.makedirs(f"{esp}/grub", exist_ok=True)
        run("grub-mkimage", "-O", "x86_64-efi", "-o", f"{esp}/EFI/BOOT/BOOTX64.EFI", "-p", "/EFI/BOOT", *GRUB_MODULES)
        shutil.copy(f"{HERE}/boot/x86_64/board.cfg", f"{esp}/grub/board.cfg")
        # An emulated timer is late on a busy machine, and a kernel that looks for it then panics; one that counts on one-shot
        # timers has stood still for good after one of them was lost: no fault of the box.
        with open(f"{esp}/grub/board.cfg", "a") as file:
            file.write('set arguments="$arguments no_timer_check nohz=off highres=off"\n')
        with open(f"{esp}/block66-setup.toml", "w") as file:
            file.write(setup)
        return esp

    def set_at_once(self, number):
        """How many of so many variables of the boot loader are there after each was set by a program of its own."""
        tool, file = f"{HERE}/root/usr/bin/grub-editenv", f"{self.work}/variables"
        run(tool, file, "create")
        setting = [subprocess.Popen([tool, file, "set", f"V{one}={one}"]) for one in range(number)]
        for one in setting:
            one.wait(60)
        return len(run(tool, file, "list").split())

    def disk(self, squashfs, setup, out):
        """The disk as it is flashed."""
        run(f"{HERE}/make-disk", squashfs, self.boot_partition(setup), out)
        return out

    def bundle(self, squashfs, version, name, signer="ours", board=BOARD):
        """A signed update."""
        out = f"{self.work}/stick/{name}.raucb"
        os.makedirs(f"{self.work}/stick", exist_ok=True)
        run(f"{HERE}/make-bundle", squashfs, board, version, f"{self.work}/{signer}/signer.pem", f"{self.work}/{signer}/signer.key", out)
        return out

    def stick(self):
        """The bundles as a second disk."""
        size = sum(os.path.getsize(f"{self.work}/stick/{name}") for name in os.listdir(f"{self.work}/stick"))
        run("mkfs.ext4", "-q", "-F", "-d", f"{self.work}/stick", self.stick_image, f"{size // 1024 * 11 // 10 + 16384}k")
        return self.stick_image
