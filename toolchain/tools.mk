# Builds the host's programs: build/fata, the tool (sdk/cli), and build/fata-embed, which programs' builds use
# (rootfs-free/embed.c); build/fata-cert on demand (sdk/cli/cert); and build/dtb/*.dtb, the boards' device trees (bsp/*/dts), which the tool hands to machines. Run by
# the top Makefile as `make -f toolchain/tools.mk`.
# SPDX-License-Identifier: ISC

.DEFAULT_GOAL := tools
as := HOST
include toolchain/host.mk
# The SDK's version, which programs have from its header.
version := $(shell sed -n 's/^\#define FA_VERSION "\(.*\)"/\1/p' sdk/include/fata/base.h)
host_flags := $(HOST_CFLAGS) $(WARNINGS) -D_GNU_SOURCE -DFATA_VERSION='"$(version)"' -MMD -MP

tool_objects := $(patsubst %.c,build/host/%.o,$(wildcard sdk/cli/*.c))
embed_objects := $(patsubst %.c,build/host/%.o,$(wildcard rootfs-free/*.c))

device_trees := $(patsubst %.dts,build/dtb/%.dtb,$(notdir $(wildcard bsp/*/dts/*.dts)))

tools: build/fata build/fata-embed $(device_trees)
	@:

build/fata: $(tool_objects)
build/fata-embed: $(embed_objects)
build/fata build/fata-embed:
	@$(HOST_CC) $(HOST_CFLAGS) -o $@ $^

# `fata cert`, which holds mbedTLS: built when it is asked for. Its rules are the images' own (sdk/tls).
cert_objects := $(patsubst %.c,build/host/%.o,$(wildcard sdk/cli/cert/*.c) $(addprefix sdk/cli/,cli.c text.c files.c suggest.c) \
	$(addprefix sdk/tls/,check.c read.c name_hash.c fast_gcm.c fast_hash.c fast_ec.c fast_rsa.c) sdk/cpu/x86_64/crypto.c)
cert_third := build/third-party/host
cert_libraries := mbedtls ring bearssl
cert_ok := $(cert_libraries:%=$(cert_third)/%.ok)
cert-tool: build/fata-cert
	@:
build/fata-cert: $(cert_objects)
	@$(HOST_CC) $(HOST_CFLAGS) -o $@ $^ $(foreach lib,$(cert_libraries),$(cert_third)/$(lib)/lib/lib$(lib).a)
$(filter-out $(tool_objects),$(cert_objects)): $(cert_ok)
$(filter-out $(tool_objects),$(cert_objects)): host_flags += -Isdk/include $(cert_libraries:%=-isystem $(cert_third)/%/include)
$(cert_ok): $(cert_third)/%.ok: toolchain/third-party/pins toolchain/third-party/build/% \
		$(wildcard toolchain/*.mk toolchain/third-party/ours/*/* toolchain/third-party/patches/*/*)
	@mkdir -p $(@D)
	@toolchain/third-party/need $* host $(@:.ok=)
	@touch $@

build/host/%.o: %.c $(wildcard toolchain/*.mk)
	@mkdir -p $(@D)
	@echo "  CC  host $<"
	@$(HOST_CC) $(host_flags) -c $< -o $@

# A warning of dtc's is an error.
vpath %.dts $(wildcard bsp/*/dts)
build/dtb/%.dtb: %.dts $(wildcard bsp/*/dts/*.dtsi) toolchain/tools.mk
	@mkdir -p $(@D)
	@echo "  DTC $<"
	@said=$$(dtc -I dts -O dtb -o $@ $< 2>&1) && [ -z "$$said" ] || { echo "$$said" >&2; exit 1; }

build/host/sdk/cli/main.o build/host/sdk/cli/flashreport.o: sdk/include/fata/base.h

-include $(tool_objects:.o=.d) $(embed_objects:.o=.d) $(cert_objects:.o=.d)
.PHONY: tools cert-tool
.DELETE_ON_ERROR:
