# SPDX-License-Identifier: ISC
"""Disks: what a guest writes is in the host's file, and a later guest finds it."""
import json
import socket

from disks import *
from guests import *

def good(done):
    check("not ok" not in done.output, done.shown())
    return done.want(0, "^ok - ", last="fata: exit 0")


WITH_DISKS = ("process", "microvm", "q35", "pc", "virt")
WITH_CARDS = ("cubieboard", "bpim2u")
for machine, debug in [*((machine, "") for machine in WITH_DISKS), ("process", "1"), ("microvm", "1"), ("virt", "1")]:
    @suite.test(f"disk: written, flushed, discarded, found in a second boot on {machine}{', debug' if debug else ''}", machine, debug)
    def _(machine, debug):
        path = new_disk(f"{machine}{debug}")
        good(boot("disk", machine, debug=debug, options=("--disk", path)))
        with open(path, "rb") as file:
            found = file.read()
        wrong = next((at for at in range(0, DISK_BYTES, 512) if found[at:at + 512] != expected()[at:at + 512]), None)
        check(wrong is None, f"the file is wrong at {wrong}")
        # What was discarded takes no room; the file system may round.
        taken = os.stat(path).st_blocks * 512
        check(taken < DISK_BYTES - (1 << 19), f"the file takes {taken} bytes")
        good(boot("disk", machine, "--mode=read", debug=debug, options=("--disk", path)))
        before = sha256(path)
        good(boot("disk", machine, "--mode=ro", debug=debug, options=("--disk", f"{path},ro")))
        check(sha256(path) == before, "a guest wrote to a disk that is only to be read")


# Cards, which discard nothing. QEMU has them in sizes that are powers of two.
for machine, debug in [(machine, debug) for machine in WITH_CARDS for debug in ("", "1")]:
    @suite.test(f"disk: an SD card is written, and read in a second boot on {machine}{', debug' if debug else ''}", machine, debug)
    def _(machine, debug):
        path = new_disk(f"{machine}{debug}")
        good(boot("disk", machine, debug=debug, options=("--disk", path))).want(0, "^sd: 16384 sectors of 512 bytes$")
        with open(path, "rb") as file:
            found = file.read()
        wrong = next((at for at in range(0, DISCARDED[0], 512) if found[at:at + 512] != expected()[at:at + 512]), None)
        check(wrong is None and len(found) == DISK_BYTES, f"the card is wrong at {wrong}, it has {len(found)} bytes")
        good(boot("disk", machine, "--mode=read", debug=debug, options=("--disk", path)))


for debug in ("", "1"):
    @suite.test(f"disk: one at the SATA port is written, and read in a second boot on cubieboard{', debug' if debug else ''}", debug)
    def _(debug):
        card, path = new_disk(f"beside-sata{debug}"), new_disk(f"sata{debug}")
        both = ("--disk", card, "--disk", path)
        before = sha256(card)
        good(boot("disk", "cubieboard", "--number=1", debug=debug, options=both)).want(0, "^sata: 16384 sectors of 512 bytes$")
        with open(path, "rb") as file:
            found = file.read()
        wrong = next((at for at in range(0, DISCARDED[0], 512) if found[at:at + 512] != expected()[at:at + 512]), None)
        check(wrong is None and len(found) == DISK_BYTES, f"the disk is wrong at {wrong}, it has {len(found)} bytes")
        good(boot("disk", "cubieboard", "--number=1", "--mode=read", debug=debug, options=both))
        check(sha256(card) == before, "the card was written to")


@each(("process", "microvm", "q35", "virt", "cubieboard", "bpim2u"))("disk: none on {} is said, not met with a crash")
def _(machine):
    boot("disk", machine, "--mode=none").want(0, "^ok - there is no disk$", last="fata: exit 0")


@suite.test("disk: sectors of 4,096 bytes on microvm")
def _():
    path = new_disk("4096")
    started = qemu_run("microvm", path, "--mode=write", lambda word: word.replace("virtio-blk-device,", "virtio-blk-device,logical_block_size=4096,physical_block_size=4096,"))
    output = started.communicate(timeout=BOOT_S)[0].decode().replace("\r\n", "\n")
    end(started)
    check("2048 sectors of 4096 bytes" in output and "not ok" not in output and output.endswith("fata: exit 0\n"), output)
    with open(path, "rb") as file:
        check(file.read() == expected(), "the file is wrong")


@each(WITH_DISKS)("disk: seven at a time on {}, numbered in their order")
def _(machine):
    paths = [new_disk(f"many-{machine}-{i}") for i in range(7)]
    options = [word for path in paths for word in ("--disk", path)]
    good(boot("disk", machine, "--mode=many", options=options)).want(0, "^ok - 7 disks are open at a time$")
    for number, path in enumerate(paths):
        with open(path, "rb") as file:
            check(file.read(4096) == bytes([number]) * 4096, f"disk {number} has not what was written to it")


def qemu_run(machine, path, argument, change=lambda word: word, *more):
    """QEMU itself, by the command line that fata would run."""
    image = built("disk", MACHINES[machine])
    line = run([FATA, "run", "--image", image, "--on", machine, "--disk", path, "--dry-run", "--", argument]).want(0)
    return start([change(word) for word in shlex.split(line.output)] + list(more), stdin=subprocess.DEVNULL)


@each(("microvm", "q35", "virt"))("disk: one that grows is told on {}")
def _(machine):
    path, monitor = new_disk(f"grows-{machine}"), f"{work}/monitor-{machine}"
    guest = qemu_run(machine, path, "--mode=grows", lambda word: word, "-qmp", f"unix:{monitor},server=on,wait=off")
    output = b""
    try:
        while b"the disk may grow" not in output:
            data = guest.stdout.read1(65536)
            check(data, f"the guest ended early:\n{output.decode()}")
            output += data
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(BOOT_S)
            client.connect(monitor)
            answers = client.makefile("rw")
            answers.readline()
            for command, arguments in (("qmp_capabilities", {}), ("block_resize", {"node-name": "disk0", "size": 2 * DISK_BYTES})):
                answers.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
                answers.flush()
                while "return" not in (answer := json.loads(answers.readline())):
                    check("event" in answer, f"{command}: {answer}")
        while data := guest.stdout.read1(65536):
            output += data
    finally:
        end(guest)
        guest.stdout.close()
    text = output.decode().replace("\r\n", "\n")
    check("ok - the new last sector can be read" in text and "not ok" not in text and text.endswith("fata: exit 0\n"), text)
