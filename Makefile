# Fata: `make help` says what can be made. A fresh Debian 12 or 13 machine needs nothing before `make run` or `make check`:
# they install what is missing.
# SPDX-License-Identifier: ISC

BSP ?= xen-x86_64
as := HOST
include toolchain/host.mk
host_flags := $(HOST_CFLAGS) $(WARNINGS) -D_GNU_SOURCE -MMD -MP

cli_objects := $(patsubst %.c,build/host/%.o,$(wildcard sdk/cli/*.c))

tool: build/fata build/fata-embed

build/fata: $(cli_objects)
	@$(HOST_CC) $(HOST_CFLAGS) -o $@ $^

build/fata-embed: build/host/rootfs-free/embed.o
	@$(HOST_CC) $(HOST_CFLAGS) -o $@ $^

build/host/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC  host $<"
	@$(HOST_CC) $(host_flags) -c $< -o $@

# The SDK's library for one board.
library:
	@$(MAKE) --no-print-directory -f toolchain/library.mk BSP=$(BSP) DEBUG=$(DEBUG) LIBS='$(LIBS)'

-include $(cli_objects:.o=.d) build/host/rootfs-free/embed.d
.PHONY: tool library
.DELETE_ON_ERROR:
