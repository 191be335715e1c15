# SPDX-License-Identifier: ISC
# The unix board: the program as a Linux process. `fata boards` reads the lines KEY := value.
BOARD_DESCRIPTION := a Linux process on the developer's machine, with gdb and sanitizers
BOARD_CPU := host
BOARD_MACHINES := process
BOARD_ROOMS := sdk/cpu/dma_coherent.c sdk/cpu/host sdk/cpu/x86_64/crypto.c sdk/cpu/x86_64/switch.S sdk/cpu/x86_64/unwind.c sdk/drivers/dma sdk/drivers/host sdk/drivers/none
