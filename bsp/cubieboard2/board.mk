# SPDX-License-Identifier: ISC
# The ARM board. `fata boards` reads the lines KEY := value.
BOARD_DESCRIPTION := ARM Cortex-A7 and A8 by device tree: QEMU virt, cubieboard, bpim2u, Xen; made for the Cubieboard2
BOARD_CPU := armv7a
BOARD_MACHINES := virt cubieboard bpim2u dom0less xen
BOARD_IMAGE_FORMAT := zimage
BOARD_CARDS := cubieboard2 cubieboard
BOARD_ROOMS := sdk/cpu/stacks.c sdk/cpu/armv7a sdk/drivers/dma sdk/drivers/dt sdk/drivers/uart sdk/drivers/arm sdk/drivers/sunxi sdk/drivers/xen $(addprefix sdk/drivers/virtio/,virtio.c virtio_queue.c virtio_mmio.c virtio_net.c virtio_blk.c) sdk/posix
BOARD_LIBS := libfdt
BOARD_LINK_SCRIPT := link.ld
