#!/bin/sh
# From the root file system to what is shipped: a disk to flash and a signed update.
set -eu
board=$2
here=$(cd "$(dirname "$0")/../.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)
esp=$BINARIES_DIR/esp
rm -rf "$esp"
mkdir -p "$esp/grub"
cp -R "$BINARIES_DIR/efi-part/EFI" "$esp/"
cp "$here/../image/boot/$board/board.cfg" "$esp/grub/board.cfg"
case $board in
rpi4)
    cp "$BINARIES_DIR"/rpi-firmware/*4*.elf "$BINARIES_DIR"/rpi-firmware/*4*.dat "$BINARIES_DIR/u-boot.bin" "$esp/"
    cp "$BINARIES_DIR"/bcm2711-*.dtb "$esp/"
    # The firmware asks for the module's under its own name, whatever board it sits on.
    cp "$BINARIES_DIR/bcm2711-rpi-cm4-io.dtb" "$esp/bcm2711-rpi-cm4.dtb"
    cp "$here/board/rpi4/config.txt" "$esp/config.txt"
    ROOT_TYPE=aarch64
    ;;
aarch64) ROOT_TYPE=aarch64 ;;
*) ROOT_TYPE=x86_64 ;;
esac
export ROOT_TYPE PATH="$HOST_DIR/bin:$HOST_DIR/sbin:$PATH"
"$here/../image/make-disk" "$BINARIES_DIR/rootfs.squashfs" "$esp" "$BINARIES_DIR/block66-$version-$board.img"
if [ -n "${BLOCK66_SIGNING_KEY:-}" ]; then
    "$here/../image/make-bundle" "$BINARIES_DIR/rootfs.squashfs" "$board" "$version" \
        "$BLOCK66_SIGNING_CERTIFICATE" "$BLOCK66_SIGNING_KEY" "$BINARIES_DIR/block66-$version-$board.raucb"
fi
size=$(stat -c %s "$BINARIES_DIR/rootfs.squashfs")
echo "kernel and root: $size bytes of $((64 * 1024 * 1024))"
[ "$size" -le $((64 * 1024 * 1024)) ] || { echo "kernel and root are larger than 64 MB" >&2; exit 1; }
