# Starts the program on a card: U-Boot's commands, which rootfs-free/card makes boot.scr of. They need no more than what
# U-Boot's own environment for these boards has, so that the card boots without uboot.env, too.
setenv from ${devtype} ${devnum}:${distro_bootpart}
setenv bootargs
# Not to be taken for commands: what is imported is a value.
load ${from} ${pxefile_addr_r} ${prefix}options.txt && env import -t -r ${pxefile_addr_r} ${filesize} bootargs
# The highest of U-Boot's addresses: nothing lies behind it, however large the image is. And in secure state: without it, the
# A20's U-Boot would start the program in HYP mode.
setenv bootm_boot_mode sec
if load ${from} ${fdt_addr_r} ${prefix}${fdtfile} && load ${from} ${ramdisk_addr_r} ${prefix}zImage; then
	bootz ${ramdisk_addr_r} - ${fdt_addr_r}
	echo "zImage or ${fdtfile} on this card is damaged: write it again."
else
	echo "This card lacks zImage or ${fdtfile}: write it again."
fi
