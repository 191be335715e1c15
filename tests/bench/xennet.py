# SPDX-License-Identifier: ISC
"""What Xen's network costs a guest: ours and a Linux guest with nginx serve the same site to a client in the dom0 that both are
guests of, in turns. Used by `run`; what runs in the dom0 and in the guests is in xennet/."""

import dataclasses
import pathlib
import random
import subprocess

import peer
from guest import Failed, Symbols, by_instructions, command, read_counts

HERE = pathlib.Path(__file__).with_name("xennet")
PAGE, PAGE_BYTES = "small.html", 600
FILE, FILE_BYTES = "large.bin", 4_000_000
REQUESTS, FILES, SINK_BYTES = 1000, 10, 40_000_000
DISK_MIB, LARGE, SMALL = 32, 32, 1000 # calls of 1 MiB and of 4 KiB
MEMORY_MIB = 400 # of both guests
LIMIT_S = 1200
# README.md says why.
FIRST_RATIO_MAX, REQUEST_RATIO_MAX, BULK_RATIO_MAX, DISK_RATIO_MAX = 0.2, 0.25, 1.0, 1.0


@dataclasses.dataclass
class Run:
    bytes: int
    seconds: float
    cpu_s: float # of the guest's CPU, as Xen counts it
    own: int     # what guests have run, in instructions; None: not counted


def site():
    """The files of both sites. The large one cannot be packed, so it is sent as it is by whoever would."""
    page = "<!doctype html><title>small</title>".ljust(PAGE_BYTES - 1, ".") + "\n"
    return {PAGE: page.encode(), FILE: random.Random(1).randbytes(FILE_BYTES)}


def program(name, out):
    """At an address of its own, so that what is marked in it is met in no other."""
    path = out / name
    command(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-static", "-no-pie",
             "-Wl,-Ttext-segment=0x60000000", "-o", path, HERE / f"{name}.c"], f"building {name}")
    return path


def counted(machine, out, mark):
    """The environment for a `fata run` whose QEMU counts, and by whose clock each instruction takes a nanosecond."""
    pathlib.Path(machine.counts_path).unlink(missing_ok=True)
    return by_instructions(machine.kind.program, machine.program, out / "bin-xen-net",
                           f"-plugin '{machine.plugin},out={machine.counts_path},mark={mark:#x},guests=on'")


def linux_initramfs(out):
    """Debian's part, which is cached, and ours: Linux unpacks one after the other (Documentation/driver-api/early-userspace)."""
    folder = pathlib.Path(command([HERE / "linux-guest"], "fetching a Linux guest").split()[-1])
    files = [("init", 0o100755, (HERE / "init").read_bytes()), ("nginx.conf", 0o100644, (HERE / "nginx.conf").read_bytes()),
             ("bin/worker", 0o100755, program("worker", out).read_bytes()),
             ("etc", 0o40755, b""), ("etc/passwd", 0o100644, b"root:x:0:0::/:/bin/sh\n"), ("etc/group", 0o100644, b"root:x:0:\n"),
             ("www", 0o40755, b""), *((f"www/{name}", 0o100644, content) for name, content in site().items())]
    archive = (folder / "initramfs").read_bytes()
    path = out / "linux.cpio"
    path.write_bytes(archive + bytes(-len(archive) % 4) + peer.cpio(files))
    return path


def run(machine, root, out, web, work):
    """What was measured, {what: {who: [Run]}}."""
    xen = command([root / "toolchain/xen", "x86_64"], "fetching Xen", timeout=LIMIT_S).split()[-1]
    settings = out / "settings"
    settings.write_text(f"requests={REQUESTS} files={FILES} bytes={SINK_BYTES} disk={DISK_MIB} large={LARGE} small={SMALL}\n")
    client = program("client", out)
    files = [client, linux_initramfs(out), f"{xen}/kernel", work, settings]
    with open(HERE / "dom0.sh", encoding="utf-8") as script:
        done = subprocess.run([root / "build/fata", "run", "--on", "xen", "--image", web, "--shell", f"--memory={MEMORY_MIB}",
                               f"--timeout={LIMIT_S}", *(f"--file={path}" for path in files)], stdin=script,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=2 * LIMIT_S,
                              env=counted(machine, out, Symbols(client).address("bench_mark")))
    lines = done.stdout.splitlines()
    if done.returncode != 0 or "end" not in lines:
        raise Failed(f"the guests of Xen did not do what they should:\n{done.stdout[-2000:]}")
    counts = [count for _, count in read_counts(machine.counts_path)]
    got = {}
    for words in (line.split() for line in lines):
        if len(words) != 5 or words[1] not in ("fata", "linux"):
            continue
        own = None
        if words[0] != "first":
            begun, ended, *counts = counts if len(counts) >= 2 else [0, 0]
            own = ended - begun
        got.setdefault(words[0], {}).setdefault(words[1], []).append(Run(int(words[2]), float(words[3]), float(words[4]), own))
    if counts:
        raise Failed(f"{len(counts)} counts are nobody's")
    return got


def best(runs, wanted_bytes):
    """Of something that was done several times, the least of each figure."""
    if any(one.bytes != wanted_bytes for one in runs):
        raise Failed(f"bytes are missing: {runs}")
    return Run(wanted_bytes, min(one.seconds for one in runs), min(one.cpu_s for one in runs),
               min(one.own for one in runs) if runs[0].own is not None else None)


def measure(figures, machine, root, out, web, work):
    """`web` and `work` are images."""
    got = run(machine, root, out, web, work)
    figures.heading("Beside a Linux guest with nginx, in one dom0 (xen-x86_64 on a real Xen, in QEMU; instructions are its ns)")

    def add(name, unit, fata, linux, ratio_max=None):
        figures.add(name, fata, unit, None if ratio_max is None else ratio_max * linux,
                    f"Linux: {linux:,.{0 if linux > 1000 else 2}f}; ours is {fata / linux:.3f} of that")

    def both(what, wanted_bytes):
        return [best(got[what][who], wanted_bytes) for who in ("fata", "linux")]

    fata, linux = both("first", PAGE_BYTES)
    add("xl create to the first 200", "ms", fata.seconds * 1e3, linux.seconds * 1e3, FIRST_RATIO_MAX)
    fata, linux = both("request", REQUESTS * PAGE_BYTES)
    add(f"request of {PAGE_BYTES} bytes: the guest's own", "instructions", fata.own / REQUESTS, linux.own / REQUESTS,
        REQUEST_RATIO_MAX)
    add("the guest's CPU, with what Xen does for it", "instructions", fata.cpu_s * 1e9 / REQUESTS, linux.cpu_s * 1e9 / REQUESTS)
    for what, name, count in (("send", "TCP, a MB sent", FILES * FILE_BYTES), ("receive", "TCP, a MB received", SINK_BYTES)):
        fata, linux = both(what, count)
        add(f"{name}: time", "us", fata.seconds * 1e12 / count, linux.seconds * 1e12 / count, BULK_RATIO_MAX)
        add("the guest's own", "instructions", fata.own * 1e6 / count, linux.own * 1e6 / count)
        add("the guest's CPU, with what Xen does for it", "instructions", fata.cpu_s * 1e15 / count, linux.cpu_s * 1e15 / count)
    for what, name, count, size in (("read", "disk, a call of 1 MiB read", LARGE, 1 << 20),
                                    ("write", "disk, a call of 1 MiB written", LARGE, 1 << 20),
                                    ("randread", "disk, 4 KiB read anywhere", SMALL, 4096),
                                    ("randread-many", "disk, 4 KiB read anywhere, 32 at a time", SMALL, 4096),
                                    ("randwrite", "disk, 4 KiB written anywhere", SMALL, 4096),
                                    ("randwrite-many", "disk, 4 KiB written anywhere, 32 at a time", SMALL, 4096)):
        fata, linux = both(what, count * size)
        add(f"{name}: time", "us", fata.seconds * 1e6 / count, linux.seconds * 1e6 / count, DISK_RATIO_MAX)
        add("the guest's own", "instructions", fata.own / count, linux.own / count)
        add("the guest's CPU, with what Xen does for it", "instructions", fata.cpu_s * 1e9 / count, linux.cpu_s * 1e9 / count)
