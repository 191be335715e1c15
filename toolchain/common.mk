# What all targets share: ccache, the flags that every C file gets, and the warnings for our own C.
# SPDX-License-Identifier: ISC

tc_root := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))..)

# `make ccache=` builds without it.
ccache ?= $(if $(wildcard /usr/bin/ccache),ccache)

# What a crash report walks the stack by: frame pointers, unless the target's file says otherwise.
tc_walk ?= -fno-omit-frame-pointer

# -O2, with debug information. Sections for the linker to drop what nobody uses.
tc_common := -O2 -g $(tc_walk) -ffunction-sections -fdata-sections -fstack-protector-strong

# No path of the machine that builds gets into an image, so that the same sources make the same bytes everywhere.
# (-fdebug-prefix-map is part of -ffile-prefix-map, but gcc 12 gives only the former to the assembler.)
tc_map = -ffile-prefix-map=$(1) -fdebug-prefix-map=$(1)
# Of two maps that match, the last holds: a project inside the SDK's own tree (a test) is a project.
tc_maps := $(call tc_map,$(tc_root)=fata) $(if $(filter-out $(tc_root),$(CURDIR)),$(call tc_map,$(CURDIR)=.))

# For our own C only: neither for third-party sources nor for users' code.
WARNINGS := -std=c11 -pedantic -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
