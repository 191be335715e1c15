# The target host: the machine's own compiler and C library, for Linux programs (the `unix` board, the tools, the tests).
# Sets the same variables as x86_64.mk and armv7a.mk do, for as = HOST unless the includer chose another prefix.
# SPDX-License-Identifier: ISC

as ?= HOST
include $(dir $(lastword $(MAKEFILE_LIST)))common.mk

$(as)_CC        := $(ccache) gcc
$(as)_AR        := ar
$(as)_STRIP     := strip
$(as)_OBJCOPY   := objcopy
$(as)_ADDR2LINE := addr2line
$(as)_CFLAGS    := $(tc_common) $(tc_maps)
$(as)_LIBGCC    := $(shell gcc -print-libgcc-file-name)
