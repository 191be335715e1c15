# SPDX-License-Identifier: ISC
"""SD cards on QEMU's Cubieboard: its boot ROM, Debian's SPL and U-Boot, our script, and then the program."""
import urllib.request

from guests import *

FROM_CARD = ("^U-Boot SPL 2023", "^Model: Cubietech Cubieboard$", "^Starting kernel ")


@suite.test("card: make run ON=cubieboard boots it, whose own options hold until others are given")
def _():
    folder = tempfile.mkdtemp(dir=work)
    run([FATA, "new", "hello", f"{folder}/hello"]).want(0)
    choice = ("run", "BSP=cubieboard2", "ON=cubieboard", f"TIMEOUT={BOOT_S}", "CARD_OPTIONS=--whom='the card' --count=1")
    make(f"{folder}/hello", *choice).want(0, *FROM_CARD, "^fiber 1 of 1 greets the card$", last="fata: exit 0")
    before = sha256(f"{folder}/hello/build/cubieboard2/hello-cubieboard.img")
    make(f"{folder}/hello", *choice, "ARGS=--count=2").want(0, "^fiber 2 of 2 greets world$", last="fata: exit 0")
    check(before == sha256(f"{folder}/hello/build/cubieboard2/hello-cubieboard.img"), "a run has changed the card")
    # The tool builds it as well.
    run([FATA, "run", "--on", "cubieboard", "--timeout", str(BOOT_S), "--", "--count=3"], f"{folder}/hello").want(
        0, *FROM_CARD, "^fiber 3 of 3 greets world$", last="fata: exit 0")


@suite.test("card: web, by make run PORT=..., serves every file of www from it, byte for byte")
def _():
    built("web", "cubieboard2")
    port = free_port()
    server = start(["make", "--no-print-directory", f"FATA={ROOT}", "run", "BSP=cubieboard2", "ON=cubieboard", f"PORT={port}",
                    f"TIMEOUT={2 * BOOT_S}"], made("web"), stdin=subprocess.DEVNULL)
    said, count = "", 0
    try:
        while f"http://localhost:{port}/" not in said:
            line = server.stdout.readline().decode("utf-8", "replace")
            check(line, f"it ended:\n{said}")
            said += line
        for folder, _, names in os.walk(f"{made('web')}/www"):
            for name in names:
                path = os.path.relpath(f"{folder}/{name}", f"{made('web')}/www")
                with open(f"{folder}/{name}", "rb") as file, urllib.request.urlopen(f"http://localhost:{port}/{path}", timeout=BOOT_S) as page:
                    check(page.read() == file.read(), f"{path} is another")
                count += 1
    finally:
        end(server)
        server.stdout.close()
    for pattern in (*FROM_CARD, "emac: 100 Mbit/s"):
        check(re.search(pattern, said.replace("\r", ""), re.MULTILINE), f"no {pattern!r} in\n{said}")
    check(count > 2, f"www has {count} files")


@suite.test("card: what boots from it is the same file that boots elsewhere")
def _():
    path = f"{tempfile.mkdtemp(dir=work)}/zImage"
    run(["mcopy", "-i", f"{card('hello')}@@1M", "::zImage", path]).want(0)
    check(sha256(path) == sha256(built("hello", "cubieboard2")), "another image stands on the card")
    run([FATA, "run", "--image", path, "--on", "virt", "--timeout", str(BOOT_S)]).want(0, "^Hello, world!$", last="fata: exit 0")


@suite.test("card: arguments reach the program as they are, which U-Boot would take for commands and escapes")
def _():
    whom = "a\\b \\\\ \"c\" 'd' $prompt ${fdtfile}; reset; # = \\"
    boot("hello", "cubieboard", f"--whom={whom}", "--count=1", image=card("hello")).want(
        0, "^fiber 1 of 1 greets " + re.escape(whom) + "$", last="fata: exit 0")


@suite.test("card: as many arguments as a command line holds")
def _():
    whom = "x" * 3900
    boot("hello", "cubieboard", f"--whom={whom}", "--count=1", image=card("hello")).want(0, f"^fiber 1 of 1 greets {whom}$")
    run([FATA, "run", "--image", card("hello"), "--", "--whom=" + "\\" * 3900]).want(125, "the card's options.txt has room for 4096$")


@suite.test("card: input waits for the program, and none of it stops U-Boot")
def _():
    converse("console", "cubieboard", "echo", ("", "one\n"), ("got 3: one\n", "bye\n"), image=card("console")).want(
        0, "^1 lines$", last="fata: exit 0")


@suite.test("card: on a board with 1 GiB of memory, too")
def _():
    boot("hello", "cubieboard", options=("--memory", "1G"), image=card("hello")).want(0, "^DRAM:  1 GiB$", last="fata: exit 0")


@suite.test("card: a program writes and reads the data partition of the card that it came from, and no run changes the card")
def _():
    before = sha256(card("partition"))
    boot("partition", "cubieboard", image=card("partition")).want(
        0, "^the data partition: success, 6144 sectors from 65536$", "^ok - and holds it$", last="fata: exit 0")
    check(sha256(card("partition")) == before, "the card has changed")


@suite.test("card: the addresses of a crash get their source lines")
def _():
    boot("faults", "cubieboard", "--fault=wild-read", image=card("faults")).want(134, r"^    \w+ at main\.c:\d+$", last="fata: exit 134")


@suite.test("card: a reboot by the watchdog ends the run")
def _():
    boot("console", "cubieboard", "--mode=reboot", image=card("console")).want(0, "^once more$", last="fata: exit 0")


def changed(*command, name="hello"):
    """A copy of a program's card, changed by a command."""
    path = f"{tempfile.mkdtemp(dir=work)}/{name}-cubieboard.img"
    shutil.copy(card(name), path)
    run([word.replace("CARD", path) for word in command]).want(0)
    return path


@suite.test("card: without uboot.env, U-Boot's own environment finds the script")
def _():
    image = changed("mdel", "-i", "CARD@@1M", "::uboot.env")
    boot("hello", "cubieboard", image=image).want(0, "^Found U-Boot script /boot.scr$", "^Hello, world!$", last="fata: exit 0")


@suite.test("card: with Linux's device tree of the board, as U-Boot has it, in the place of ours: console, timer and network")
def _():
    path = f"{tempfile.mkdtemp(dir=work)}/sun4i-a10-cubieboard.dtb"
    with open(f"{run([f'{ROOT}/toolchain/u-boot', 'sunxi']).want(0).lines[-1]}/cubieboard.bin", "rb") as file:
        u_boot = file.read()
    start = u_boot.rindex(bytes.fromhex("d00dfeed"))
    with open(path, "wb") as file:
        file.write(u_boot[start:start + int.from_bytes(u_boot[start + 4:start + 8], "big")])
    run(["fdtget", path, "/soc/ethernet@1c0b000", "compatible"]).want(0, "^allwinner,sun4i-a10-emac$")
    image = changed("mcopy", "-o", "-i", "CARD@@1M", path, "::", name="netif")
    boot("netif", "cubieboard", image=image).want(0, "^ok - every ping is answered$", last="fata: exit 0")


@suite.test("card: a tree whose card detection is inverted twice, as in older ones of Linux, has the card")
def _():
    path = f"{tempfile.mkdtemp(dir=work)}/sun4i-a10-cubieboard.dtb"
    shutil.copy(f"{ROOT}/build/dtb/sun4i-a10-cubieboard.dtb", path)
    slot = "/soc/mmc@1c0f000"
    pin = run(["fdtget", path, slot, "cd-gpios"]).want(0, "^\\d+ 7 1 1$").lines[-1].split()
    run(["fdtput", path, slot, "cd-gpios", *pin[:3], "0"]).want(0)
    run(["fdtput", path, slot, "cd-inverted"]).want(0)
    image = changed("mcopy", "-o", "-i", "CARD@@1M", path, "::", name="partition")
    boot("partition", "cubieboard", image=image).want(0, "^ok - and holds it$", last="fata: exit 0")


@suite.test("card: an owner's editor may end the lines of options.txt in CR LF")
def _():
    with open(f"{work}/options.txt", "wb") as file:
        file.write(b"# mine\r\n\r\nbootargs=--count=1 --whom='an owner'\r\n")
    image = changed("mcopy", "-o", "-i", "CARD@@1M", f"{work}/options.txt", "::")
    boot("hello", "cubieboard", image=image).want(0, "^fiber 1 of 1 greets an owner$", last="fata: exit 0")


def said_on_console(words, *wanted):
    """Runs QEMU until each of the texts has been said in its order, or the guest's time is over."""
    guest, output = start(words, stdin=subprocess.DEVNULL), b""
    timer = threading.Timer(2 * BOOT_S, end, (guest,))
    timer.start()
    try:
        for text in wanted:
            while (at := output.find(text.encode())) < 0:
                data = guest.stdout.read1(65536)
                check(data, f"{text!r} is never said:\n{output.decode('utf-8', 'replace')}")
                output += data
            output = output[at:]
    finally:
        timer.cancel()
        end(guest)
        guest.stdout.close()


@suite.test("card: what a card lacks, and what is damaged, is said on the console, and U-Boot's prompt follows")
def _():
    tree, again = "sun4i-a10-cubieboard.dtb", ": write it again."
    words = shlex.split(run([FATA, "run", "--image", card("hello"), "--on", "cubieboard", "--dry-run"]).want(0).output)
    with open(f"{work}/noise", "wb") as file:
        file.write(b"noise" * 1000)
    for change, message in (
            (("mdel", "-i", "CARD@@1M", "::boot.scr"), "Failed to load '/boot.scr'"),
            (("mdel", "-i", "CARD@@1M", "::zImage"), f"This card lacks zImage or {tree}{again}"),
            (("mdel", "-i", "CARD@@1M", f"::{tree}"), f"This card lacks zImage or {tree}{again}"),
            (("mcopy", "-o", "-i", "CARD@@1M", f"{work}/noise", "::zImage"), f"zImage or {tree} on this card is damaged{again}")):
        image = changed(*change)
        said_on_console([word.replace(card("hello"), image) for word in words], message, "=> ")


@suite.test("card: one whose SPL is damaged is refused, and would not boot")
def _():
    image = changed("sh", "-c", "head -c 32768 /dev/zero | dd of=CARD bs=8192 seek=1 conv=notrunc status=none")
    boot("hello", "cubieboard", image=image).want(125, "does not boot on cubieboard: there is no SPL at 8 KiB")


@suite.test("card: the Cubieboard2's is none for QEMU's Cubieboard")
def _():
    run([FATA, "run", "--image", card("hello", board="cubieboard2"), "--on", "cubieboard"]).want(
        125, "does not boot on cubieboard: its SPL is for sun7i-a20-cubieboard2$")


VIRT = ("qemu-system-arm", "-M", "virt,virtualization=on,gic-version=2,highmem=off", "-cpu", "cortex-a7", "-m", "1024", "-display",
        "none", "-nodefaults", "-serial", "stdio")


@suite.test("card: Xen's starts two guests and no Linux, by its own script, from U-Boot on virt")
def _():
    folder = tempfile.mkdtemp(dir=work)
    disk = f"if=none,id=card,format=raw,snapshot=on,file={folder}/card.img"
    options = "--count=1 --whom='a \\ \"guest\"'"
    image = built("hello", "cubieboard2")
    # Nobody emulates the board: U-Boot, its card as a disk, and the device tree are virt's, all else is the board's.
    run([*VIRT[:2], f"{VIRT[2]},dumpdtb={folder}/virt.dtb", *VIRT[3:]]).want(0)
    run(["env", f"CARD_TREE={folder}/virt.dtb", f"{ROOT}/rootfs-free/card", f"{folder}/card", "cubieboard2", image, "0", options, "2"]).want(0)
    u_boot = run([f"{ROOT}/toolchain/u-boot", "qemu"]).want(0).lines[-1]
    guest, output = start([*VIRT, "-bios", f"{u_boot}/virt.bin", "-drive", disk, "-device", "virtio-blk-device,drive=card"],
                          stdin=subprocess.DEVNULL), b""
    timer = threading.Timer(2 * BOOT_S, end, (guest,))
    timer.start()
    try:
        while output.count(b"fata: exit 0") < 2 and (data := guest.stdout.read1(65536)):
            output += data
    finally:
        timer.cancel()
        end(guest)
        guest.stdout.close()
    text = output.decode("utf-8", "replace").replace("\r", "")
    for number in (1, 2):
        check(f"\n(XEN) DOM{number}: fiber 1 of 1 greets a \\ \"guest\"\n" in text, text[-4000:])
    check("Found U-Boot script /boot.scr" in text and "Linux" not in text.replace("ARM Linux", ""), text[-4000:])
