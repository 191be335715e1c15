# SPDX-License-Identifier: ISC
"""Guests of a real Xen: how long hello takes from `xl create` to its first line, beside a Linux guest that prints one line,
in one dom0. Used by `run`. The Linux is the dom0's own kernel as Debian ships it, with an initramfs of one program. An
instruction of the whole machine takes a nanosecond. Most of hello's time is xl's own, which Linux's includes."""

import pathlib
import subprocess

from guest import Failed, by_instructions, command

RATIO_MAX = 0.1 # README.md says why
ARCHITECTURE = {"xen-x86_64": "x86_64", "cubieboard2": "arm64"} # of the dom0
EMULATOR = {"xen-x86_64": "x86_64", "cubieboard2": "aarch64"}
LIMIT_S = 900


def measure(figures, machine, root, out, image):
    board = machine.board
    name = f"qemu-system-{EMULATOR[board]}"
    environment = by_instructions(name, machine.program if name == machine.kind.program else name, out / "bin-xen")
    folder = command([root / "toolchain/xen", ARCHITECTURE[board]], "fetching Xen", timeout=LIMIT_S).split()[-1]
    with open(pathlib.Path(__file__).with_name("xen.sh"), encoding="utf-8") as script:
        done = subprocess.run([root / "build/fata", "run", "--on", "xen", "--image", image, "--shell", "--memory=160",
                               f"--timeout={LIMIT_S}", f"--file={folder}/vmlinuz"], stdin=script, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=2 * LIMIT_S,
                              env=environment)
    seconds = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] in ("hello", "linux", "xl"):
            seconds[words[0]] = min(seconds.get(words[0], LIMIT_S), float(words[1]))
    if done.returncode != 0 or len(seconds) != 3 or min(seconds.values()) <= 0:
        raise Failed(f"the guests of Xen did not do what they should:\n{done.stdout[-2000:]}")
    figures.heading(f"From xl create to the first line ({board} on a real Xen, in QEMU; instructions are its ns)")
    figures.add("hello, the best of 3", seconds["hello"] * 1e3, "ms", RATIO_MAX * seconds["linux"] * 1e3,
                f"Linux: {seconds['linux'] * 1e3:,.0f}; ours is {seconds['hello'] / seconds['linux']:.3f} of that")
    figures.add("xl by itself: a guest created, but not started", seconds["xl"] * 1e3, "ms")
