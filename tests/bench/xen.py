# SPDX-License-Identifier: ISC
"""Guests of a real Xen: how long hello takes from `xl create` to its first line, beside a Linux guest that prints one line,
in one dom0. Used by `run`. The Linux is the dom0's own kernel as Debian ships it, with an initramfs of one program."""

import pathlib
import subprocess

from guest import Failed, command

# Seconds are this machine's and its neighbours'; both guests have the same, one after the other, so the ratio counts. Most
# of hello's time is xl's own, which Linux's includes.
RATIO_MAX = {"xen-x86_64": 0.1, "cubieboard2": 0.3}  # README.md says why
ARCHITECTURE = {"xen-x86_64": "x86_64", "cubieboard2": "arm64"}
LIMIT_S = 900


def measure(figures, root, board, image):
    figures.heading(f"From xl create to the first line ({board} on a real Xen, in QEMU)")
    folder = command([root / "toolchain/xen", ARCHITECTURE[board]], "fetching Xen", timeout=LIMIT_S).split()[-1]
    with open(pathlib.Path(__file__).with_name("xen.sh"), encoding="utf-8") as script:
        done = subprocess.run([root / "build/fata", "run", "--on", "xen", "--image", image, "--shell", "--memory=160",
                               f"--timeout={LIMIT_S}", f"--file={folder}/vmlinuz"], stdin=script, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=2 * LIMIT_S)
    seconds = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] in ("hello", "linux", "xl"):
            seconds[words[0]] = min(seconds.get(words[0], LIMIT_S), float(words[1]))
    if done.returncode != 0 or len(seconds) != 3 or min(seconds.values()) <= 0:
        raise Failed(f"the guests of Xen did not do what they should:\n{done.stdout[-2000:]}")
    figures.add("hello, the best of 3", seconds["hello"], "s")
    figures.add("of these, xl's: a guest created, but not started", seconds["xl"], "s")
    figures.add("Linux", seconds["linux"], "s")
    figures.add("hello's part of Linux's", round(seconds["hello"] / seconds["linux"], 3), "", RATIO_MAX[board])
