# SPDX-License-Identifier: ISC
"""`fata flash --fel`, as far as there are emulators: none has a boot ROM with FEL. What sunxi-fel would write to memory is put
there by QEMU, and Debian's U-Boot imports it as the board's U-Boot does by itself, and starts the program."""
import shutil

from guests import *

VIRT = ("qemu-system-arm", "-M", "virt,highmem=off", "-cpu", "cortex-a7", "-m", "1024", "-display", "none", "-nodefaults", "-serial",
        "stdio", "-no-reboot")


def until(guest, output, mark):
    while mark not in output and (data := guest.stdout.read1(65536)):
        output += data
    check(mark in output, f"no {mark!r} in {bytes(output[-4000:])!r}")
    del output[:output.index(mark) + len(mark)]


@suite.test("FEL: what is written to memory makes U-Boot start the program, with its arguments as they are")
def _():
    folder = tempfile.mkdtemp(dir=work)
    whom = "a\\b \\\\ \"c\" 'd' $prompt ${fdtfile}; reset; # = \\"
    plan = run([FATA, "flash", "--fel", built("hello", "cubieboard2"), "--dry-run", "--", f"--whom={whom}", "--count=1"]).want(0)
    words = shlex.split(plan.lines[0])
    writes = {words[at + 2]: words[at + 1] for at in range(len(words)) if words[at] == "write"}
    environment = plan.output.partition("uEnv.txt is:\n")[2]
    with open(f"{folder}/uEnv.txt", "w", encoding="utf-8") as file:
        file.write(environment)
    check(sum(os.path.exists(path) for path in writes) == 2 and "uEnv.txt" in writes, f"writes of other files: {plan.lines[0]}")
    # The machine's own tree in the place of the board's, and the program's bytes as they are.
    run([*VIRT[:2], f"{VIRT[2]},dumpdtb={folder}/tree", *VIRT[3:]]).want(0)
    command = [*VIRT, "-bios", run([f"{ROOT}/toolchain/u-boot", "qemu"]).want(0).lines[-1] + "/virt.bin"]
    for path, address in writes.items():
        path = {"uEnv.txt": f"{folder}/uEnv.txt"}.get(path, f"{folder}/tree" if path.endswith(".dtb") else path)
        shutil.copy(path, f"{folder}/{address}")
        command += ["-device", f"loader,file={folder}/{address},addr={address},force-raw=on"]
    guest, output = start(command, stdin=subprocess.PIPE), bytearray()
    timer = threading.Timer(BOOT_S, end, (guest,))
    timer.start()
    try:
        until(guest, output, b"stop autoboot")
        guest.stdin.write(b"\r")
        guest.stdin.flush()
        until(guest, output, b"=> ")
        guest.stdin.write(f"env import -t {writes['uEnv.txt']} {len(environment):x}; run bootcmd\r".encode())
        guest.stdin.flush()
        until(guest, output, b"Starting kernel")
        until(guest, output, f"fiber 1 of 1 greets {whom}\r\n".encode())
        until(guest, output, b"fata: exit 0")
    finally:
        timer.cancel()
        end(guest)
        guest.stdin.close()
        guest.stdout.close()
