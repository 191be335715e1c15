# SPDX-License-Identifier: ISC
"""Devices that nobody here wrote: DMA by QEMU's fw_cfg."""
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
