# SPDX-License-Identifier: ISC
"""QEMU's Cubieboard: from U-Boot to the first page, from the SD card; and what the Ethernet controller costs ours and Debian's Linux for
ARM boards. `board.py WORDS...` runs in a network namespace, as root of it, with tap interfaces, as serve.py does, and
prints figures as JSON. Used by `run`, which calls measure()."""

import contextlib
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import peer
from guest import Failed, command
from serve import ANSWER_S, Counted, add_tap

HERE = pathlib.Path(__file__).resolve().parent
PAGE = "small.html"
KERNEL_START = 0x43400000  # where U-Boot enters a zImage: `ramdisk_addr_r` in bsp/cubieboard2/uboot.env
UP_S = 120                 # from power on, on a busy machine: Debian's kernel unpacks itself
WORK_PORT = 9
BULK_BYTES, ROUNDS = 8_000_000, 3
CHUNK_BYTES = 262_144
MEMORY = "512M"
COMMAND_LINE = "console=ttyS0,115200 quiet panic=-1"
EACH = ["each=on"]         # much of what is counted are accesses to a device (insn.c says why)
# README.md says why.
FIRST_200_MAX = 3_000_000
RATIO_MAX = 1.0

# Each has a tap interface and a network of its own; Linux's address is in emac/linux-init.c.
TAPS = {"card": ("board1", "10.9.1.1", "10.9.1.2"), "fata": ("board2", "10.9.2.1", "10.9.2.2"), "linux": ("board3", "10.9.3.1", "10.9.3.2")}


def options(who):
    _, host, guest = TAPS[who]
    return f"--ip={guest}/24 --gateway={host}"


# What is started, by QEMU's words as `fata run` has them.

def need_newer_qemu(root):
    """Only newer ones have a boot ROM that starts cards; `fata run` takes one that was fetched."""
    if "\nbpim2u " not in command(["qemu-system-arm", "-M", "help"], "looking for QEMU"):
        command([root / "toolchain/newer-qemu"], "getting a QEMU that starts SD cards")


def words_of(root, image, who):
    line = command([root / "build/fata", "run", "--image", image, "--on", "cubieboard", "--tap", TAPS[who][0], "--memory", MEMORY,
                    "--dry-run"], "asking fata run for QEMU's words")
    return shlex.split(line)


def linux_init(root, out):
    path = out / "board-init"
    flags = subprocess.run(["sh", "-c", f'eval "$({shlex.quote(str(root))}/toolchain/flags armv7a)"; echo "$CC $CFLAGS"'],
                           capture_output=True, text=True, check=True).stdout.split()
    command([*flags, "-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-ffreestanding", "-fno-stack-protector",
             "-fno-unwind-tables", "-nostdlib", "-static", "-Wl,-Ttext-segment=0x10000,-z,noexecstack", "-o", path,
             HERE / "emac" / "linux-init.c"], "building the program of the board's Linux")
    return path


def linux_words(root, out, words):
    """The same machine with Debian's kernel, its device tree for this board, and an initramfs of one program."""
    folder = pathlib.Path(command([HERE / "emac" / "linux-board"], "getting a Linux for the board").split()[-1])
    files = [("init", 0o100755, linux_init(root, out).read_bytes()), ("modules", 0o40755, b"")]
    for module in sorted((folder / "modules").iterdir()):
        files.append((f"modules/{module.name[:2]}", 0o100644, module.read_bytes()))
    initramfs = out / "board.cpio"
    initramfs.write_bytes(peer.cpio(files))
    words = [word.replace(TAPS["fata"][0], TAPS["linux"][0]) for word in words]
    for option, value in (("-kernel", folder / "kernel"), ("-dtb", folder / "board.dtb")):
        words[words.index(option) + 1] = str(value)
    return [*words, "-initrd", str(initramfs), "-append", COMMAND_LINE]


# In the namespace.

def first_200(plugin, words, counts):
    guest = Counted(words, plugin, counts, [KERNEL_START], EACH)
    try:
        if not guest.wait(f"/{PAGE}", UP_S, TAPS["card"][2]):
            raise Failed(f"the card serves no /{PAGE}; it said:\n{guest.text()}")
        return guest.count() - guest.first()
    finally:
        guest.end()


def connect(guest, address):
    """A connection to its worker, once it answers."""
    until, wrong = time.monotonic() + UP_S, None
    while time.monotonic() < until and guest.process.poll() is None:
        try:
            return socket.create_connection((address, WORK_PORT), ANSWER_S)
        except OSError as error:
            wrong = error
        time.sleep(0.1)
    ended = guest.process.poll()
    why = f"takes no connection for {UP_S} s ({wrong})" if ended is None else f"has ended, QEMU with status {ended}"
    raise Failed(f"the guest with {address} {why}; it said:\n{guest.text()}")


def bulk(guest, address, what):
    """Has bytes sent to the guest (sink) or by it (source); instructions of the guest, and seconds, each for a MB."""
    with connect(guest, address) as connection:
        connection.settimeout(ANSWER_S)
        before, start = guest.count(), time.monotonic()
        connection.sendall(f"{what} {BULK_BYTES}\n".encode())
        if what == "sink":
            some = bytes(CHUNK_BYTES)
            for at in range(0, BULK_BYTES, CHUNK_BYTES):
                connection.sendall(some[:BULK_BYTES - at])
        left = BULK_BYTES if what == "source" else 0
        answer = b""
        while not answer.endswith(b"\n"):
            got = connection.recv(CHUNK_BYTES)
            if not got:
                raise Failed(f"{what}: the connection ended {left} bytes early; the guest said:\n{guest.text()}")
            taken = min(left, len(got))
            left -= taken
            answer += got[taken:]
        end, after = time.monotonic(), guest.count()
    if left or not answer.startswith(b"done"):
        raise Failed(f"{what}: the guest answers {answer!r}")
    return (after - before) * 1e6 / BULK_BYTES, (end - start) * 1e6 / BULK_BYTES


def beside_linux(plugin, words, folder):
    """{what: {who: (the least of instructions, the least of seconds, for a MB)}}, in turns, while both run."""
    with contextlib.ExitStack() as stack:
        guests = {}
        for who, line in words.items():
            guests[who] = Counted(line, plugin, f"{folder}/{who}", options=EACH)
            stack.callback(guests[who].end)
        got = {what: {who: [] for who in guests} for what in ("source", "sink")}
        for who, guest in guests.items():
            connect(guest, TAPS[who][2]).close()
        for _ in range(ROUNDS):
            for what, runs in got.items():
                for who, guest in guests.items():
                    runs[who].append(bulk(guest, TAPS[who][2], what))
    return {what: {who: [min(figure) for figure in zip(*runs)] for who, runs in of.items()} for what, of in got.items()}


def main(plugin, words):
    for name, host, _ in TAPS.values():
        add_tap(name, host)
    words = json.loads(words)
    with tempfile.TemporaryDirectory(prefix="fata-bench.") as folder:
        first = first_200(plugin, words.pop("card"), os.path.join(folder, "counts"))
        print(json.dumps({"first": first, "bulk": beside_linux(plugin, words, folder)}))


# Outside.

def version(words):
    return command([words[0], "--version"], "looking for QEMU").splitlines()[0]


def measure(figures, machine, root, out, web, work):
    """`web` and `work` are images of ours; machine is any that has the plugin."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        raise Failed("unshare or ip is not installed")
    need_newer_qemu(root)
    command([root / "rootfs-free/card", out / "board-card", "cubieboard", web, "", options("card")], "making a card")
    words = {"card": words_of(root, out / "board-card.img", "card"), "fata": words_of(root, work, "fata")}
    words["linux"] = linux_words(root, out, words["fata"])
    words["fata"] += ["-append", options("fata")]
    said = command(["unshare", "--map-root-user", "--net", sys.executable, __file__, machine.plugin, json.dumps(words)],
                   "the board's network")
    got = json.loads(said.splitlines()[-1])
    figures.heading(f"QEMU's Cubieboard, from the SD card ({version(words['card'])})")
    figures.add("from U-Boot's last instruction to the first 200", got["first"], "instructions", FIRST_200_MAX)
    figures.heading(f"Its Ethernet, beside Debian's Linux for ARM boards on the same machine ({version(words['fata'])})")
    for what, name in (("source", "TCP, a MB sent"), ("sink", "TCP, a MB received")):
        (ours, seconds), (theirs, their_seconds) = (got["bulk"][what][who] for who in ("fata", "linux"))
        figures.add(f"{name}: the guest's own", ours, "instructions", round(RATIO_MAX * theirs),
                    f"Linux: {theirs:,.0f}; ours is {ours / theirs:.3f} of that")
        figures.add(f"{name}: time", seconds * 1e3, "ms", round(RATIO_MAX * their_seconds * 1e3, 1),
                    f"Linux: {their_seconds * 1e3:,.0f}; {1 / seconds:.1f} MB/s against {1 / their_seconds:.1f}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    try:
        main(*sys.argv[1:])
    except Failed as failure:
        sys.exit(str(failure))
