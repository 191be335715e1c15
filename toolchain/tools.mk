# Builds the host's programs: build/fata, the tool (sdk/cli), and build/fata-embed, which programs' builds use
# (rootfs-free/embed.c). Run by the top Makefile as `make -f toolchain/tools.mk`.
# SPDX-License-Identifier: ISC

.DEFAULT_GOAL := tools
as := HOST
include toolchain/host.mk
host_flags := $(HOST_CFLAGS) $(WARNINGS) -D_GNU_SOURCE -MMD -MP

tool_objects := $(patsubst %.c,build/host/%.o,$(wildcard sdk/cli/*.c))
embed_objects := build/host/rootfs-free/embed.o

tools: build/fata build/fata-embed
	@:

build/fata: $(tool_objects)
build/fata-embed: $(embed_objects)
build/fata build/fata-embed:
	@$(HOST_CC) $(HOST_CFLAGS) -o $@ $^

build/host/%.o: %.c $(wildcard toolchain/*.mk)
	@mkdir -p $(@D)
	@echo "  CC  host $<"
	@$(HOST_CC) $(host_flags) -c $< -o $@

-include $(tool_objects:.o=.d) $(embed_objects:.o=.d)
.PHONY: tools
.DELETE_ON_ERROR:
