# SPDX-License-Identifier: ISC
"""The peer: a Linux guest that says the line that hello says, and what that takes. Its kernel is
Debian's for virtual machines, as it is packaged; all that runs on it is one small static program
(linux-init.c). Used by `run`."""

import dataclasses
import gzip
import pathlib

from guest import Failed, Symbols, command, least

KERNEL_START = 0x100000 # where a bzImage's 32-bit code is loaded and entered (Linux: Documentation/x86/boot.rst)
COMMAND_LINE = "console=ttyS0 quiet panic=-1 reboot=t"
LINE = "Hello, world!"
MEMORY_MIB_MAX = 512
BOOT_LIMIT_S = 120


@dataclasses.dataclass
class Linux:
    kernel: pathlib.Path
    init: pathlib.Path
    initramfs: pathlib.Path


@dataclasses.dataclass
class Costs:
    to_line: int
    from_power_on: int
    bytes: int
    memory_mib: int


def cpio(files):
    """An archive of (name, mode, content), in the format that Linux takes ("newc": cpio(5))."""
    archive = b""
    for number, (name, mode, content) in enumerate([*files, ("TRAILER!!!", 0, b"")]):
        fields = [number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        archive += b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        archive += bytes(-len(archive) % 4) + content
        archive += bytes(-len(archive) % 4)
    return archive


def prepare(root, out):
    """Gets the kernel and builds the initramfs; raises Failed when there is no kernel to be had."""
    here = root / "tests" / "bench"
    kernel = pathlib.Path(command([here / "linux-kernel"], "getting a Linux kernel").strip())
    init, initramfs = out / "linux-init", out / "linux-initramfs.gz"
    # An address of its own, so that the marked one is not met before, in the kernel or the firmware.
    command(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-s", "-static", "-no-pie", "-Wl,-Ttext-segment=0x60000000",
             "-o", init, here / "linux-init.c"], "building the Linux guest's program")
    initramfs.write_bytes(gzip.compress(cpio([("init", 0o100755, init.read_bytes())]), 9, mtime=0))
    command(["gcc", "-O2", "-static", "-no-pie", "-Wl,-Ttext-segment=0x60000000", "-o", str(init) + ".elf",
             here / "linux-init.c"], "building the Linux guest's program")
    return Linux(kernel, init, initramfs)


def measure(machine, linux, out):
    arguments = ["-initrd", linux.initramfs, "-append", COMMAND_LINE]
    mark = Symbols(str(linux.init) + ".elf").address("bench_mark")
    got = machine.run(linux.kernel, f"{MEMORY_MIB_MAX}M", arguments, [KERNEL_START, mark], BOOT_LIMIT_S)
    if LINE not in got.text:
        raise Failed(f"the Linux guest did not say its line; it said:\n{got.text[-1000:]}")
    from_power_on = got.first(mark)

    def works(mib):
        return LINE in machine.run(linux.kernel, f"{mib}M", arguments, limit_s=BOOT_LIMIT_S, until=LINE).text

    return Costs(to_line=from_power_on - got.first(KERNEL_START), from_power_on=from_power_on,
                 bytes=linux.kernel.stat().st_size + linux.initramfs.stat().st_size,
                 memory_mib=least(8, MEMORY_MIB_MAX, works))
