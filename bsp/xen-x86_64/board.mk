# SPDX-License-Identifier: ISC
# The x86_64 board. `fata boards` reads the lines KEY := value.
BOARD_DESCRIPTION := x86_64 by PVH: QEMU microvm, q35 and pc; Firecracker, Cloud Hypervisor, Xen
BOARD_CPU := x86_64
BOARD_MACHINES := microvm q35 pc xen
BOARD_ROOMS := sdk/cpu/stacks.c sdk/cpu/dma_coherent.c sdk/cpu/x86_64 sdk/drivers/pc sdk/drivers/uart sdk/drivers/dma sdk/drivers/virtio sdk/drivers/xen sdk/posix sdk/drivers/none
BOARD_LINK_SCRIPT := link.ld
