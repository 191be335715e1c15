# What the targets without an operating system (x86_64.mk, armv7a.mk) share: the names of the tools and the flags that
# every C file gets, ours, a user's and a third party's. The target's file sets tc_cross (the tools' prefix) and tc_machine
# (its own flags), then includes this one, which sets, for as = TARGET (the includer may choose another prefix):
#   TARGET_CC TARGET_AR TARGET_STRIP TARGET_OBJCOPY TARGET_ADDR2LINE TARGET_CFLAGS TARGET_LIBGCC
# Set TARGET_LIBC to picolibc's prefix (the link that third-party/need makes) before the include: its headers join
# TARGET_CFLAGS.
# SPDX-License-Identifier: ISC

as ?= TARGET
include $(dir $(lastword $(MAKEFILE_LIST)))common.mk

tc_include := $(shell $(tc_cross)gcc -print-file-name=include)
tc_include += $(wildcard $(addsuffix -fixed,$(tc_include)))

# No header of the machine that builds: the C library's first, then gcc's own (stdarg.h, limits.h, intrinsics). In the
# other order gcc's stdint.h wins and does not fit picolibc's inttypes.h. System headers keep the name they were found by
# (not their canonical one, which is a path in somebody's home), so that the maps in common.mk catch them.
tc_headers := -nostdinc -fno-canonical-system-headers
tc_headers += $(if $($(as)_LIBC),-isystem $($(as)_LIBC)/include)
tc_headers += $(addprefix -idirafter ,$(tc_include)) $(call tc_map,$(firstword $(tc_include))=gcc)

# The image is linked at a fixed address. No tables to unwind the stack by from any instruction: what a crash report needs
# is tc_walk (common.mk).
# The stack protector's canary is the variable __stack_chk_guard.
tc_code := -fno-pic -fno-pie -fno-asynchronous-unwind-tables -mstack-protector-guard=global

$(as)_CC        := $(ccache) $(tc_cross)gcc
$(as)_AR        := $(tc_cross)ar
$(as)_STRIP     := $(tc_cross)strip
$(as)_OBJCOPY   := $(tc_cross)objcopy
$(as)_ADDR2LINE := $(tc_cross)addr2line
$(as)_CFLAGS    := $(tc_machine) $(tc_code) $(tc_common) $(tc_maps) $(tc_headers)
$(as)_LIBGCC    := $(shell $(tc_cross)gcc $(tc_machine) -print-libgcc-file-name)
