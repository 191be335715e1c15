# SPDX-License-Identifier: ISC
"""Devices that nobody here wrote: DMA by QEMU's fw_cfg; network devices, without the stack."""
import re

from guests import *

DMA = [(machine, debug) for machine in ("microvm", "q35", "virt") for debug in ("", "1")]
for machine, debug in DMA:
    title = f"{machine}{', debug' if debug else ''}"

    @suite.test(f"dma: a device's items are what it says they are on {title}", machine, debug)
    def _(machine, debug):
        boot("dma", machine, debug=debug).want(0, "^ok - the directory$", "^ok - the largest file$", last="fata: exit 0")

    @suite.test(f"dma: static objects and the heap can be mapped, the stack cannot, on {title}", machine, debug)
    def _(machine, debug):
        boot("dma", machine, "--mode=refused", debug=debug).want(0, "^ok - no bytes are refused$", last="fata: exit 0")

    @suite.test(f"dma: memory that the CPU and a device share on {title}", machine, debug)
    def _(machine, debug):
        boot("dma", machine, "--mode=shared", debug=debug).want(
            0, "^ok - shared with a device that sees memory only$", last="fata: exit 0")

    @suite.test(f"dma: who looks before the unmap sees {'poison' if debug else 'the item'} on {title}", machine, debug)
    def _(machine, debug):
        boot("dma", machine, "--mode=forget", debug=debug).want(
            0, f"^before the unmap: {'da da da da' if debug else '51 45 4d 55'}$", "^after the unmap: 51 45 4d 55$")

for machine, debug in [(machine, debug) for machine in ("microvm", "q35", "pc", "virt", "cubieboard", "bpim2u") for debug in ("", "1")]:
    @suite.test(f"netif: DHCP, ARP and pings through QEMU's user network on {machine}{', debug' if debug else ''}", machine, debug)
    def _(machine, debug):
        boot("netif", machine, debug=debug).want(
            0, "^ok - it offers 10.0.2.15$", "^ok - every ping is answered$", "^ok - an answer wakes who waits$",
            "^ok - and all pages come back again$", last="fata: exit 0")

@each(("microvm", "q35", "virt"))("netif: none on {} is said, not met with a crash")
def _(machine):
    boot("netif", machine, "--mode=none", options=("--no-network",)).want(0, "^ok - there is no device$", last="fata: exit 0")

# In a network namespace of its own, which nobody has to be root for.
for machine, debug in [(machine, debug) for machine in ("microvm", "q35", "virt") for debug in ("", "1")]:
    @suite.test(f"netif: segments of up to 64 KiB go in and out behind a tap on {machine}{', debug' if debug else ''}", machine, debug)
    def _(machine, debug):
        image = built("netif", MACHINES[machine], debug)
        run(["unshare", "-rn", f"{HERE}/netif/mirror.py", FATA, "run", "--image", image, "--on", machine, "--timeout", str(BOOT_S),
             "--tap", "tap0", "--", "--mode=mirror"], limit_s=2 * BOOT_S).want(
            0, "^ok - 65481 bytes come back", "^12 packets, the largest of 65535 bytes$", last="fata: exit 0")
