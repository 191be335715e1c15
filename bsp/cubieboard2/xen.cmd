# Starts Xen on a card, and by it the program, as guests that need no dom0: U-Boot's commands, which rootfs-free/card makes
# boot.scr of. xen.dtb is the board's device tree with the guests in it, and their options: U-Boot's shell would take quotes
# off what it put there. Their image waits at 0x50000000: within the 512 MiB of a small board, apart from where U-Boot and Xen
# put themselves.
setenv from ${devtype} ${devnum}:${distro_bootpart}
# Xen begins in HYP mode.
setenv bootm_boot_mode nonsec
if load ${from} 0x43000000 ${prefix}xen.dtb && load ${from} 0x42000000 ${prefix}xen && load ${from} 0x50000000 ${prefix}zImage; then
	bootz 0x42000000 - 0x43000000
	echo "xen or xen.dtb on this card is damaged: write it again."
else
	echo "This card lacks xen, xen.dtb or zImage: write it again."
fi
