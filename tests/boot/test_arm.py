# SPDX-License-Identifier: ISC
"""What only ARM has: loaders that put the image anywhere, CPUs and modes that it is entered in, and instructions that the
oldest of its CPUs lacks."""
import os
import re
import shlex
import struct
import time

from guests import *

RAM = 0x40000000
RAM_END = RAM + 0x2000000  # of virt's default memory
KERNEL = RAM + 0x10000  # where QEMU puts what -kernel names


def qemu(name, machine, *arguments):
    """QEMU's command line for a program, as words, and its image."""
    image = built(name, "cubieboard2")
    line = run([FATA, "run", "--image", image, "--on", machine, "--dry-run", "--", *arguments]).want(0).output
    return shlex.split(line), image


def virt(*arguments):
    return qemu("hello", "virt", "--count=1", *arguments)


def newer_qemu(words):
    """The same with the QEMU that `fata run` takes for bpim2u."""
    boot("hello", "bpim2u", "--count=1").want(0)  # fetches it where it has to
    fetched = f"{ROOT}/build/qemu/{words[0]}"
    return [fetched if os.path.exists(fetched) else words[0], *words[1:]]


def with_option(words, option, value):
    words = list(words)
    words[words.index(option) + 1] = value
    return words


def greets(words):
    """Runs a guest that ends itself."""
    run(words, limit_s=BOOT_S).want(0, "^Hello, world!$", "^fiber 1 of 1 greets world$", last="fata: exit 0")


def greets_and_rests(words):
    """Runs a guest that cannot turn its machine off."""
    guest, output = start(words, stdin=subprocess.DEVNULL), b""
    try:
        while b"fata: exit 0" not in output:
            data = guest.stdout.read1(65536)
            check(data, f"the guest ended:\n{output.decode('utf-8', 'replace')}")
            output += data
    finally:
        end(guest)
        guest.stdout.close()
    Done(0, output.decode("utf-8", "replace").replace("\r\n", "\n")).want(0, "^Hello, world!$", last="fata: exit 0")


def jump_to(image_at, tree_at=None):
    """A program that QEMU starts as a kernel, r2 being the device tree: it goes on at an image elsewhere, with the tree
    there or elsewhere."""
    words = [0xe59f3000 + 4 * (tree_at is not None), 0xe12fff13, image_at]   # ldr r3, image_at; bx r3
    if tree_at is not None:
        words = [0xe59f2004, *words[:2], tree_at, image_at]                  # ldr r2, tree_at
    return struct.pack(f"<{len(words)}I", *words)


def move_to(image_at, source, size):
    """A program that moves an image and goes on at it: where QEMU would not load both programs and image."""
    return struct.pack("<11I", 0xe59f3018, 0xe59f4018, 0xe59f5018,              # ldr r3, source; r4, image_at; r5, size
                       0xe4936004, 0xe4846004, 0xe2555004, 0x1afffffb,          # the loop
                       0xe59ff000, source, image_at, size)                      # ldr pc, image_at


def trim(tree):
    """Takes the room off a device tree's end: QEMU makes it a MiB long."""
    with open(tree, "r+b") as file:
        data = file.read()
        structure, strings = struct.unpack_from(">2I", data, 8)
        strings_len, structure_len = struct.unpack_from(">2I", data, 32)
        file.truncate(size := max(structure + structure_len, strings + strings_len))
        file.seek(4)
        file.write(struct.pack(">I", size))


def own_tree(words, path):
    """Has virt write the device tree that it would hand over to a file."""
    run([*with_option(words, "-M", f"virt,dumpdtb={path}")], limit_s=BOOT_S).want(0)


def loaded(path, at, data=None):
    """QEMU's words for a file at an address; it is written first where its content is given."""
    if data is not None:
        with open(path, "wb") as file:
            file.write(data)
    return "-device", f"loader,file={path},addr={at:#x},force-raw=on"


def placed(image_at, tree_at=None):
    words, image = virt()
    path = tempfile.mkdtemp(dir=work)
    mover_at, source, size = RAM + 0x1800000, RAM + 0x1400000, os.path.getsize(image)
    if image_at is None:
        image_at = RAM_END - size
    if image_at < KERNEL + 64 and image_at + size > KERNEL:
        first = jump_to(mover_at)
        words += [*loaded(f"{path}/mover", mover_at, move_to(image_at, source, size)), *loaded(image, source)]
    else:
        first = jump_to(image_at, tree_at)
        words += loaded(image, image_at)
    if tree_at is not None:
        own_tree(words, f"{path}/tree")
        trim(f"{path}/tree")
        words += loaded(f"{path}/tree", tree_at)
    loaded(f"{path}/first", KERNEL, first)
    greets(with_option(words, "-kernel", f"{path}/first"))


# The image's own place is 16 KiB into the RAM.
for title, offset in (("a page before its own place", 0x3000), ("at its own place", 0x4000),
                      ("a little above its own place", 0x4800), ("at an odd multiple of 4", 0x654324),
                      ("where U-Boot puts it", 0x1800000), ("close to the end of the RAM", 0x1ff0000)):
    suite.test(f"virt: the image is put {title} and boots", RAM + offset)(placed)
suite.test("virt: the image is put so that it ends with the RAM and boots", None)(placed)
for title, offset in (("in the first page", 0x100), ("where the image will be", 0x6000),
                      ("where the image's .bss will be", 0x18000), ("behind the image", 0x120000),
                      ("at the end of the RAM", 0x1f00000)):
    suite.test(f"virt: the device tree is put {title} and the image boots", RAM + 0x100000, RAM + offset)(placed)


@suite.test("virt: the image starts in HYP mode, and ends by PSCI's smc")
def _():
    words, _ = virt()
    greets(with_option(words, "-M", "virt,virtualization=on"))


@suite.test("virt: the image starts in secure SVC mode")
def _():
    words, _ = virt()
    greets_and_rests(with_option(words, "-M", "virt,secure=on"))


@each(("cortex-a15", "max"))("virt: the image starts on a {}")
def _(cpu):
    words, _ = virt()
    greets(with_option(words, "-cpu", cpu))


@suite.test("virt: the device tree's frequency of the timer comes before the CPU's")
def _():
    words, _ = virt()
    tree = f"{work}/slow-timer"
    own_tree(words, tree)
    run(["fdtput", "-t", "u", tree, "/timer", "clock-frequency", "6250"]).want(0)  # it is 62.5 MHz: 0.1 ms become 1 s
    output = run([*words, "-dtb", tree], limit_s=BOOT_S).output  # its deadline of 10 s may pass: that is 1 ms
    stamp = re.search(r"^\[ *(\d+)\.\d+\]", output, re.M)
    check(stamp and int(stamp[1]) >= 1, output)


@suite.test("virt: prints to a PL011 that is only as much as Xen's")
def _():
    words, _ = virt()
    tree = f"{work}/sbsa-uart"
    own_tree(words, tree)
    run(["fdtput", "-t", "s", tree, "/pl011@9000000", "compatible", "arm,sbsa-uart"]).want(0)
    greets([*words, "-dtb", tree])


@suite.test("bpim2u: boots with the Cubieboard2's device tree, which has the same devices")
def _():
    words, _ = qemu("hello", "bpim2u", "--count=1")
    tree = f"{os.path.dirname(words[words.index('-dtb') + 1])}/sun7i-a20-cubieboard2.dtb"
    greets(with_option(newer_qemu(words), "-dtb", tree))


@suite.test("GMAC: its driver, in a program of this machine, on registers, rings and wire of QEMU's npcm-gmac")
def _():
    out = f"{ROOT}/build/tests/unit"
    os.makedirs(out, exist_ok=True)
    run(["flock", f"{out}/lock", "make", "-s", "-f", "tests/unit/Makefile", "build/tests/unit/sunxi_gmac_qemu"], ROOT).want(0)
    run([f"{out}/sunxi_gmac_qemu", *newer_qemu(["qemu-system-arm"])], limit_s=BOOT_S).want(0, r"PASSED *\] 8 test")


@suite.test("bpim2u: where a tree takes the GMAC, and none answers, the EMAC does its work, by the tree's address")
def _():
    words, _ = qemu("netif", "bpim2u")
    tree = f"{work}/gmac.dtb"
    shutil.copy(f"{os.path.dirname(words[words.index('-dtb') + 1])}/sun7i-a20-cubieboard2.dtb", tree)
    gmac = run(["fdtget", tree, "/aliases", "ethernet0"]).want(0, "^/soc/ethernet@1c50000$").output.strip()
    run(["fdtput", "-t", "bx", tree, gmac, "local-mac-address", *"02 12 34 56 78 9a".split()]).want(0)
    capture = f"{work}/gmac.pcap"
    words = with_option(newer_qemu(words), "-dtb", tree)
    nic = next(i for i, word in enumerate(words) if word.endswith("model=allwinner-emac"))
    words[nic] = "user,id=n0,model=allwinner-emac"
    run([*words, "-object", f"filter-dump,id=d0,netdev=n0,file={capture}"], limit_s=BOOT_S).want(
        0, "no GMAC answers at its address", "^ok - it offers 10.0.2.15$", "^ok - every ping is answered$", last="fata: exit 0")
    with open(capture, "rb") as file:
        check(bytes.fromhex("0212 3456 789a") in file.read(), "the tree's address is not on the wire")


@each((("PSCI", "virt"), ("PSCI", "bpim2u"), ("the watchdog", "cubieboard")))("a reboot by {0[0]} ends {0[1]}")
def _(case):
    words, _ = qemu("console", case[1], "--mode=reboot")
    run(newer_qemu(words), limit_s=BOOT_S).want(0, "^once more$", last="fata: exit 0")


@suite.test("cubieboard: a hung program is reset by its watchdog, which was fed as long as it was not")
def _():
    words, _ = qemu("console", "cubieboard", "--mode=hang")
    run(newer_qemu(words), limit_s=BOOT_S).want(0, "^fed so far$", last="spinning")


@suite.test("cubieboard: LEDs, pins, the time of day, and no serial number")
def _():
    done = boot("console", "cubieboard", "--mode=board").want(
        0, "^serial: no such thing *$", "^led: success, another: no such thing$", "^pin: success, output: success$", "^watchdog: success$", last="fata: exit 0")
    told = int(re.search(r"^time: (\d+)$", done.output, re.M)[1])
    check(abs(told - time.time()) < 2 * BOOT_S, f"it is {time.time():.0f}, and the board says {told}")


@each(("process", "microvm", "virt"))("{}: what a board has is said to be missing")
def _(machine):
    boot("console", machine, "--mode=board").want(
        0, "^serial: not supported *$", "^led: not supported, another: not supported$", "^pin: not supported, output: not supported$",
        "^watchdog: not supported$", last="fata: exit 0")


@suite.test("virt: what QEMU calls errors of the guest does not occur")
def _():
    words, _ = virt()
    log = f"{work}/guest-errors"
    greets([*words, "-d", "guest_errors,unimp", "-D", log])
    with open(log, encoding="utf-8", errors="replace") as file:
        check((text := file.read()) == "", text[:2000])


# What the Cortex-A8 does not have: integer division, VFPv4 and half precision (Cortex-A8 TRM 1.2.2 and 13.1), what came
# with ARMv8. The kernel of the check is that the disassembler names them, which an object file made for it shows.
LACKING = re.compile(r"\t([us]div|vfn?m[as]|vcvt[bt]|vrint|vsel|vm(?:ax|in)nm|vcvt[amnp]|lda(?:ex)?[bhd]?|stl(?:ex)?[bhd]?|crc32)(?:\.|\t|eq|ne|$)")


def lacking(elf):
    text = run(["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", elf]).want(0).output
    check(text.count("\n") > 10, "there is nothing to disassemble")
    return [line for line in text.splitlines() if LACKING.search(line)]


@suite.test("ARM images have no instruction that a Cortex-A8 lacks")
def _():
    source = f"{work}/divides.c"
    with open(source, "w", encoding="utf-8") as file:
        file.write("int divide(int a, int b)\n{\n    return a / b;\n}\n\ndouble fuse(double a, double b, double c)\n"
                   "{\n    return __builtin_fma(a, b, c);\n}\n")
    run(["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-a7", "-mfpu=vfpv4", "-mfloat-abi=hard", "-O2", "-c", source,
         "-o", f"{source}.o"]).want(0)
    check(len(lacking(f"{source}.o")) == 2, "the check itself is broken: a Cortex-A7's instructions are not found")
    for name in (*TEMPLATES, *PROGRAMS):
        found = lacking(f"{built(name, 'cubieboard2')}.elf")
        check(not found, f"{name}:\n" + "\n".join(found[:20]))
