# The target armv7a: compiler, tools and flags for a 32-bit ARM board without an operating system. See bare.mk for what it
# sets.
# SPDX-License-Identifier: ISC

tc_cross := arm-none-eabi-

# Thumb-2 for what Cortex-A7 and Cortex-A8 both have: VFPv3 with 16 double registers, no NEON, no divide instruction.
tc_machine := -mthumb -march=armv7-a+fp -mfloat-abi=hard
# A large frame touches every page, so that it meets the guard page instead of stepping over it (x86_64.mk; gcc 12 and 14
# do so for Thumb-2 too).
tc_machine += -fstack-clash-protection

# GCC's Thumb-2 code has no chain of frame pointers (r7 points below a function's variables): a crash report walks the stack
# by the ABI's tables (sdk/cpu/armv7a/unwind.c), so the pointer is free for better use.
tc_walk := -fomit-frame-pointer -funwind-tables

include $(dir $(lastword $(MAKEFILE_LIST)))bare.mk
