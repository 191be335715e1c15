# SPDX-License-Identifier: ISC
"""The console, and how a run ends."""
import re
import shlex
import time

from guests import *

@each((*TYPICAL, "q35", "cubieboard", "bpim2u", "dom0less"))("console: lines that are typed on {} arrive")
def _(machine):
    long = "x" * 200
    done = converse("console", machine, "echo", ("ready\n", "one\n"), ("got 3: one\n", f"\n{long}\n"),
                    (f"got 200: {long}\n", "bye\n"))
    done.want(0, "^got 0: $", "^3 lines$", last="fata: exit 0")


@each((*TYPICAL, "q35", "cubieboard", "bpim2u"))("console: 200 lines at once on {}, and none is lost")
def _(machine):
    lines = [f"{number:03} {'abcdefgh' * 8}" for number in range(200)]
    done = converse("console", machine, "echo", ("ready\n", "\n".join(lines) + "\nbye\n")).want(0, "^200 lines$")
    got = [line[len("got 68: "):] for line in done.lines if line.startswith("got ")]
    check(got == lines, f"{sum(a != b for a, b in zip(got, lines))} of them differ\n{done.shown()}")


@suite.test("console: 6 lines at once on dom0less, before it boots and while it stands still now and then")
def _():
    lines = [f"{number} " + "".join(f"{count:03}." for count in range(45)) for number in range(6)]
    done = converse("console", "dom0less", "echo", ("", "\n".join(lines) + "\nbye\n"), stalls=True).want(0, "^6 lines$")
    got = [line[len("got 182: "):] for line in done.lines if line.startswith("got ")]
    check(got == lines, done.shown())


@suite.test("console: the input's end, after a last line without a line end, on process")
def _():
    converse("console", "process", "echo", ("ready\n", "one\ntwo"), end_input=True).want(0, "^got 3: two$", "^2 lines$")


@each(("microvm", "q35", "virt", "cubieboard", "bpim2u", "dom0less"))("console: other fibers run while one waits for input on {}")
def _(machine):
    converse("console", machine, "tick", ("tick 5\n", "one\nbye\n")).want(0, "^got 3: one$", "^1 lines$")


ENDING = r"(?s)registered second\nregistered first\ndestroyed\nfata: exit {}\n\Z"


@each((*TYPICAL, "q35", "cubieboard", "bpim2u", "dom0less"))("ends: what atexit() and destructors print comes before the record on {}")
def _(machine):
    for how, status in ("return", 4), ("exit", 5):
        done = boot("ends", machine, f"--how={how}").want(status)
        check(re.search(ENDING.format(status), "\n".join(done.lines) + "\n"), done.shown())


@each(("microvm", "q35", "virt", "cubieboard", "bpim2u", "dom0less"))("ends: a partial line by write() and _exit() on {}")
def _(machine):
    boot("ends", machine, "--how=write").want(6, "^a line$", "^partial$", last="fata: exit 6")


@each((*TYPICAL, "dom0less"))("ends: much output to a slow reader on {}")
def _(machine):
    image = built("ends", MACHINES[machine])
    done = run(["sh", "-c", '{ "$@"; echo "status $?"; } | { sleep 3; cat; }', "sh", FATA, "run", "--image", image,
                "--on", machine, "--timeout", str(BOOT_S), "--", "--how=flood"], limit_s=2 * BOOT_S)
    done.want(0, "^line 0 of", "^line 5999 of", "^fata: exit 4$", last="status 4")
    check(sum(line.startswith("line ") for line in done.lines) == 6000, "not all lines arrived")


@on_every_machine("console: a last line without its end is printed before the record on {}")
def _(machine):
    done = boot("console", machine, "--mode=partial").want(3)
    check(done.lines == ["unfinished business", "fata: exit 3"], done.shown())


def ends_in_time(mode, machine):
    image = built("console", MACHINES[machine])
    for limit_s in 2, 20:  # a busy machine takes its time to begin
        begin = time.monotonic()
        done = run([FATA, "run", "--image", image, "--on", machine, "--timeout", str(limit_s), "--", f"--mode={mode}"])
        check(time.monotonic() - begin < limit_s + BOOT_S, "that took too long")
        if re.search("^(asleep|spinning)$", done.output, re.M):
            break
    done.want(124, "^(asleep|spinning)$")


for mode in ("sleep", "spin"):
    for machine in TYPICAL:
        suite.test(f"a program that {mode}s for ever is ended by --timeout, with status 124, on {machine}", mode,
                   machine)(ends_in_time)


def qemu_ends(machine, mode, last):
    """By QEMU itself, without the device by which `fata run` ends it."""
    line = run([FATA, "run", "--image", built("console", "xen-x86_64"), "--on", machine, "--dry-run", "--",
                f"--mode={mode}"]).want(0).output
    words = shlex.split(line)
    at = next(i for i, word in enumerate(words) if word.startswith("isa-debug-exit"))
    del words[at - 1:at + 1]
    run(words, limit_s=BOOT_S).want(0, last=last)


for machine in ("microvm", "q35", "pc"):
    suite.test(f"power-off ends {machine} without the debug-exit device", machine, "partial", "fata: exit 3")(qemu_ends)
    suite.test(f"a reboot ends {machine} without the debug-exit device", machine, "reboot", "fata: exit 0")(qemu_ends)
