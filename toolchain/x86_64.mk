# The target x86_64: compiler, tools and flags for a 64-bit PC without an operating system. See bare.mk for what it sets.
# The compiler is the machine's own gcc, told that it does not compile for Linux.
# SPDX-License-Identifier: ISC

tc_cross :=

# Baseline x86-64 (SSE2). No red zone below the stack pointer, since an interrupt would write into it. Everything is below
# 2 GB. No CET landing pads: nothing turns that on.
tc_machine := -march=x86-64 -mno-red-zone -mcmodel=small -fcf-protection=none
# A large frame touches every page, so that it meets the guard page instead of stepping over it.
tc_machine += -fstack-clash-protection
tc_machine += -U__linux__ -U__linux -Ulinux -U__gnu_linux__ -U__unix__ -U__unix -Uunix

include $(dir $(lastword $(MAKEFILE_LIST)))bare.mk
