#!/bin/sh
# After all packages are installed: the same script as for the image that is tested makes the box of it.
set -eu
board=$2
here=$(cd "$(dirname "$0")/../.." && pwd)
fragments="$here/board/common/linux.fragment $here/board/$board/linux.fragment"
# shellcheck disable=SC2086
"$here/check-kernel" "$(ls -d "$BUILD_DIR"/linux-[0-9]*)/.config" $fragments

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)
"$here/../image/install-root" "$TARGET_DIR" "$board" "$version" "${BLOCK66_KEYRING:?whose updates the box accepts}"

# The kernel stands in its slot: an update changes both or neither.
mkdir -p "$TARGET_DIR/boot"
for kernel in bzImage Image; do
    if [ -e "$BINARIES_DIR/$kernel" ]; then cp "$BINARIES_DIR/$kernel" "$TARGET_DIR/boot/vmlinuz"; fi
done
# Of the boot loader the box needs nothing, and its variables are written by our own tool.
rm -rf "$TARGET_DIR/boot/grub" "$TARGET_DIR/etc/chrony.conf" "$TARGET_DIR/etc/unbound"
