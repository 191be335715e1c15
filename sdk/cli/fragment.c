/* SPDX-License-Identifier: ISC */
/*
 * The files by which Xen on ARM starts a guest by itself, without a dom0: a fragment of the machine's device tree (Xen:
 * docs/misc/arm/device-tree/booting.txt), as an overlay, and U-Boot's commands that put it there.
 */
#include "cli.h"
#include "package.h"

#include <inttypes.h>
#include <string.h>

/* Where the image waits for Xen, which moves it into the guest: 256 MiB into the RAM of an Allwinner board and of
 * QEMU's, out of the way of all that U-Boot and Xen put below. */
#define MODULE PACKAGE_DOM0LESS_ADDRESS
#define COMMAND_LINE_BYTES_MAX 1023 /* Xen: BOOTMOD_MAX_CMDLINE */

/* A string of a device tree's source. */
static void add_string(struct text *text, const char *string)
{
    text_add(text, "\"");
    for (; *string != '\0'; string++) {
        unsigned char c = (unsigned char)*string;

        if (c < ' ' || c > '~' || c == '"' || c == '\\') {
            text_addf(text, "\\x%02x", c);
        } else {
            text_add_bytes(text, string, 1);
        }
    }
    text_add(text, "\"");
}

void package_dom0less(const struct package *package, struct text *out)
{
    if (strlen(package->command_line) > COMMAND_LINE_BYTES_MAX) {
        cli_usage("the guest's arguments take %zu bytes, quoted; without a dom0, Xen passes on at most %d",
                  strlen(package->command_line), COMMAND_LINE_BYTES_MAX);
    }
    text_addf(out,
              "/dts-v1/;\n"
              "/plugin/;\n\n"
              "/* %s as a guest that Xen starts by itself, without a dom0: an overlay for the machine's device tree.\n"
              " * Compile it by: dtc -@ -I dts -O dtb -o %s.dtbo %s.dtso\n"
              " * Xen's console is where that tree's stdout-path leads. */\n"
              "/ {\n"
              "    fragment@0 {\n"
              "        target-path = \"/\";\n"
              "        __overlay__ {\n"
              "            chosen {\n"
              "                #address-cells = <2>;\n"
              "                #size-cells = <2>;\n"
              "                xen,xen-bootargs = \"console=dtuart bootscrub=0 guest_loglvl=all\";\n\n"
              "                domU1 {\n"
              "                    compatible = \"xen,domain\";\n"
              "                    #address-cells = <2>;\n"
              "                    #size-cells = <2>;\n"
              "                    cpus = <1>;\n"
              "                    memory = <0x0 0x%" PRIx64 ">; /* KiB */\n"
              "                    vpl011; /* a console */\n"
              "                    xen,enhanced = \"no-xenstore\"; /* the guest may know of Xen */\n\n"
              "                    module@" MODULE " { /* where the image is loaded, and its size */\n"
              "                        compatible = \"multiboot,kernel\", \"multiboot,module\";\n"
              "                        reg = <0x0 0x" MODULE " 0x0 0x%" PRIx64 ">;\n"
              "                        bootargs = ",
              package->name, package->name, package->name, package->memory_mib * 1024,
              (uint64_t)package->image->zimage.len);
    add_string(out, package->command_line);
    text_add(out, ";\n"
                    "                    };\n"
                    "                };\n"
                    "            };\n"
                    "        };\n"
                    "    };\n"
                    "};\n");
}

void package_dom0less_script(const struct package *package, struct text *out)
{
    text_addf(out,
              "# Boots Xen and its guest %s, without a dom0.\n"
              "# Compile it by: mkimage -A arm -T script -C none -d %s.cmd boot.scr\n"
              "# Beside boot.scr: `xen`, for the board's CPU (in Debian, /boot/xen-*-armhf of xen-hypervisor-*-armhf);\n"
              "# the board's device tree, which ${fdtfile} names, or board.dtb; %s and %s.dtbo.\n"
              "test -n \"${fdtfile}\" || setenv fdtfile board.dtb\n"
              "setenv from ${devtype} ${devnum}:${distro_bootpart}\n"
              "load ${from} ${kernel_addr_r} ${prefix}xen\n"
              "load ${from} 0x" MODULE " ${prefix}%s\n"
              "load ${from} ${fdt_addr_r} ${prefix}${fdtfile}\n"
              "load ${from} ${ramdisk_addr_r} ${prefix}%s.dtbo\n"
              "fdt addr ${fdt_addr_r}\n"
              "fdt resize 0x2000\n"
              "fdt apply ${ramdisk_addr_r}\n"
              "# Xen begins in HYP mode.\n"
              "setenv bootm_boot_mode nonsec\n"
              "bootz ${kernel_addr_r} - ${fdt_addr_r}\n",
              package->name, package->name, package->name, package->name, package->name, package->name);
}
