# The target armv7a: compiler, tools and flags for a 32-bit ARM board without an operating system. See bare.mk for what it
# sets.
# SPDX-License-Identifier: ISC

tc_cross := arm-none-eabi-

# Thumb-2 for what Cortex-A7 and Cortex-A8 both have: VFPv3 with 16 double registers, no NEON, no divide instruction.
tc_machine := -mthumb -march=armv7-a+fp -mfloat-abi=hard

include $(dir $(lastword $(MAKEFILE_LIST)))bare.mk
