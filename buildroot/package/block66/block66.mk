################################################################################
#
# block66
#
################################################################################

BLOCK66_VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' $(BR2_EXTERNAL_BLOCK66_PATH)/../Cargo.toml | head -n 1)
BLOCK66_SITE = $(BR2_EXTERNAL_BLOCK66_PATH)/..
BLOCK66_SITE_METHOD = local
BLOCK66_LICENSE = MIT or Apache-2.0
BLOCK66_LICENSE_FILES = LICENSE-MIT LICENSE-APACHE $(BLOCK66_CRATE_LICENSES)

# What is linked in comes with licences of its own, most of which want to be
# told with the binary.
BLOCK66_CRATE_LICENSES = $(patsubst $(BLOCK66_SITE)/%,%,$(wildcard \
	$(foreach name,LICENSE LICENSE-* LICENSE.* license-* COPYING* NOTICE* UNLICENSE,\
		$(BLOCK66_SITE)/VENDOR/*/$(name))))

# The cryptography that is built is the one of the lock file, never one of the
# build machine; its C sources are built by the compiler driver, without CMake.
# The box's memory and flash are small: what is linked as a whole, for size, is
# 22 MB instead of 37. The cryptography is fast by its own assembler.
BLOCK66_CARGO_ENV = \
	AWS_LC_SYS_USE_SYSTEM=0 \
	AWS_LC_SYS_CMAKE_BUILDER=0 \
	CARGO_PROFILE_RELEASE_LTO=fat \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=s

BLOCK66_CARGO_BUILD_OPTS = --bin block66

# A local tree is copied, not downloaded, so nothing has vendored its crates
# yet: image/build puts them beside it. What a developer built there stays out.
BLOCK66_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = \
	--exclude /target --exclude /image --exclude /buildroot --exclude /fuzz/target

# systemd's recipe enables it, after the fragments; no unit of the box wants it.
define BLOCK66_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_DISABLE_OPT,CONFIG_USER_NS)
endef

# cargo install would take every example with it.
define BLOCK66_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 755 $(@D)/target/$(RUSTC_TARGET_NAME)/release/block66 \
		$(TARGET_DIR)/usr/bin/block66
endef

$(eval $(cargo-package))
