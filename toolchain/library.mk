# Compiles the SDK for one board into libfata.a: see sdk.mk for what goes in. Run by the top Makefile as
# `make -f toolchain/library.mk BSP=... [DEBUG=1]`.
# SPDX-License-Identifier: ISC

.DEFAULT_GOAL := library
include toolchain/sdk.mk

lib_rooms := sdk/core sdk/fiber sdk/flow sdk/packet sdk/block sdk/net sdk/tls sdk/http sdk/acme sdk/boot $(BOARD_ROOMS) bsp/$(BSP)
lib_files := $(foreach room,$(lib_rooms),$(if $(filter %.c %.S,$(room)),$(room),$(wildcard $(room)/*.c $(room)/*.S)))
# NAME_debug.c and NAME_release.c define the same symbols: a build has one of them.
lib_files := $(filter-out %_$(if $(DEBUG),release,debug).c,$(lib_files))
lib_objects := $(lib_files:%=$(sdk_out)/%.o)

library: $(sdk_out)/libfata.a $(sdk_need_ok)
	@:

# A file that is gone leaves the library too: the list of members is a prerequisite.
$(sdk_out)/libfata.a: $(lib_objects) $(sdk_out)/members
	@rm -f $@
	@$(TARGET_AR) rcs $@ $(lib_objects)

$(sdk_out)/members: FORCE
	@mkdir -p $(@D)
	@echo '$(lib_objects)' | cmp -s - $@ || echo '$(lib_objects)' > $@

# What runs once or on demand (the boot, the search for devices, crash reports, parameters, addresses and names by DHCP and
# DNS, what certificates and settings of TLS are read and judged by) is compiled for size on the
# targets where size matters: those without an operating system. Drivers that move data are not among it.
lib_cold := sdk/boot/% sdk/cpu/% sdk/posix/% $(patsubst %,sdk/drivers/%/%,arm dt pc sunxi uart) $(patsubst %,sdk/drivers/xen/%.c,console control power xen xenstore xenstore_ring xenbus netfront) bsp/% $(patsubst %,sdk/core/%.c,err file log param ranges words) sdk/fiber/stop.c
lib_cold += $(patsubst %,sdk/net/%.c,dhcp dhcp_wire dns dns_tcp dns_wire linklocal settings sntp sntp_run)
lib_cold += $(patsubst %,sdk/tls/%.c,bundle check config identity server trust)
# Nothing there is aligned that is only jumped to: that padding is 4% of an image on x86, and loops and functions keep theirs.
lib_size = $(if $(DEBUG)$(filter host,$(BOARD_CPU)),,-fno-align-jumps $(if $(filter $(lib_cold),$<),-Os))

lib_flags = $(TARGET_CFLAGS) $(lib_size) $(sdk_includes) -MMD -MP
lib_makefiles := $(wildcard toolchain/*.mk) bsp/$(BSP)/board.mk

$(sdk_out)/%.c.o: %.c $(lib_makefiles) $(sdk_need_ok)
	@mkdir -p $(@D)
	@echo "  CC  $(sdk_flavour) $<"
	@$(TARGET_CC) $(lib_flags) $(WARNINGS) -D_GNU_SOURCE -c $< -o $@

$(sdk_out)/%.S.o: %.S $(lib_makefiles) $(sdk_need_ok)
	@mkdir -p $(@D)
	@echo "  AS  $(sdk_flavour) $<"
	@$(TARGET_CC) $(lib_flags) -c $< -o $@

-include $(lib_objects:.o=.d)
.PHONY: library FORCE
.DELETE_ON_ERROR:
