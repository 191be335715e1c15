# SPDX-License-Identifier: ISC
"""What Xen's network costs a guest: ours and a Linux guest with nginx serve the same site to a client in the dom0 that both are
guests of, in turns. Used by `run`; what runs in the dom0 and in the guests is in xennet/."""

import pathlib
import random
import subprocess

import peer
from guest import Failed, command

HERE = pathlib.Path(__file__).with_name("xennet")
PAGE, PAGE_BYTES = "small.html", 600
FILE, FILE_BYTES = "large.bin", 4_000_000
REQUESTS, FILES, SINK_BYTES = 1000, 10, 40_000_000
MEMORY_MIB = 400 # of both guests
LIMIT_S = 1200
# README.md says why.
FIRST_RATIO_MAX, REQUEST_RATIO_MAX, BULK_RATIO_MIN = 0.2, 0.25, 1.0


def site():
    """The files of both sites. The large one cannot be packed, so it is sent as it is by whoever would."""
    page = "<!doctype html><title>small</title>".ljust(PAGE_BYTES - 1, ".") + "\n"
    return {PAGE: page.encode(), FILE: random.Random(1).randbytes(FILE_BYTES)}


def program(name, out):
    path = out / name
    command(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-s", "-static", "-o", path,
             HERE / f"{name}.c"], f"building {name}")
    return path


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


def run(root, out, web, work):
    """The dom0's lines, {what: {who: [(bytes, seconds, CPU seconds)]}}."""
    xen = command([root / "toolchain/xen", "x86_64"], "fetching Xen", timeout=LIMIT_S).split()[-1]
    settings = out / "settings"
    settings.write_text(f"requests={REQUESTS} files={FILES} bytes={SINK_BYTES}\n")
    files = [program("client", out), linux_initramfs(out), f"{xen}/kernel", work, settings]
    with open(HERE / "dom0.sh", encoding="utf-8") as script:
        done = subprocess.run([root / "build/fata", "run", "--on", "xen", "--image", web, "--shell", f"--memory={MEMORY_MIB}",
                               f"--timeout={LIMIT_S}", *(f"--file={path}" for path in files)], stdin=script,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=2 * LIMIT_S)
    lines = done.stdout.splitlines()
    got = {}
    for words in (line.split() for line in lines):
        if len(words) == 5 and words[1] in ("fata", "linux"):
            got.setdefault(words[0], {}).setdefault(words[1], []).append((int(words[2]), float(words[3]), float(words[4])))
    if done.returncode != 0 or "end" not in lines:
        raise Failed(f"the guests of Xen did not do what they should:\n{done.stdout[-2000:]}")
    (out / "xennet.txt").write_text(done.stdout)
    return got


def best(runs, wanted_bytes):
    """The least seconds and CPU seconds, for something that was done several times."""
    if any(done != wanted_bytes for done, _, _ in runs):
        raise Failed(f"bytes are missing: {runs}")
    return min(seconds for _, seconds, _ in runs), min(cpu for _, _, cpu in runs)


def measure(figures, root, out, web, work):
    """`web` and `work` are images."""
    got = run(root, out, web, work)
    figures.heading("Beside a Linux guest with nginx, in one dom0 (xen-x86_64 on a real Xen, in QEMU)")
    first = {who: best(runs, PAGE_BYTES)[0] for who, runs in got["first"].items()}
    figures.add("xl create to the first 200", first["fata"], "s", None, f"Linux: {first['linux']:.2f} s")
    figures.add("that part of Linux's", round(first["fata"] / first["linux"], 3), "", FIRST_RATIO_MAX)
    request = {who: best(runs, REQUESTS * PAGE_BYTES)[1] / REQUESTS for who, runs in got["request"].items()}
    figures.add(f"CPU for a request, page of {PAGE_BYTES} bytes", request["fata"] * 1e6, "us", None,
                f"Linux: {request['linux'] * 1e6:,.0f} us")
    figures.add("that part of Linux's", round(request["fata"] / request["linux"], 3), "", REQUEST_RATIO_MAX)
    for what, name, count in (("send", "TCP, sent", FILES * FILE_BYTES), ("receive", "TCP, received", SINK_BYTES)):
        bulk(figures, name, got[what], count)


def bulk(figures, name, runs, count):
    rate, cost = {}, {}
    for who in runs:
        seconds, cpu = best(runs[who], count)
        rate[who], cost[who] = count / 1e6 / seconds, cpu / (count / 1e6)
    figures.add(name, rate["fata"], "MB/s", None, f"Linux: {rate['linux']:,.1f} MB/s")
    figures.add("Linux's part of that", round(rate["linux"] / rate["fata"], 3), "", 1 / BULK_RATIO_MIN)
    figures.add(f"{name}: CPU", cost["fata"] * 1e3, "ms/MB", None, f"Linux: {cost['linux'] * 1e3:,.1f} ms/MB")
