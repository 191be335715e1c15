# SPDX-License-Identifier: ISC
# The stub board: a complete platform that does nothing. `fata boards` reads the lines KEY := value.
BOARD_DESCRIPTION := links every program and does nothing: the contract's proof, the start for a new board
BOARD_CPU := x86_64
BOARD_MACHINES :=
BOARD_ROOMS := sdk/cpu/x86_64/context.c sdk/cpu/x86_64/crypto.c sdk/cpu/x86_64/switch.S sdk/cpu/x86_64/unwind.c sdk/posix
BOARD_ENTRY := plat_start
