# SPDX-License-Identifier: ISC
"""Projects, their builds, and debugging what they made."""
import json
import os
import re
import shutil
import subprocess

from guests import *

@each(TEMPLATES + PROGRAMS)("the stub board links {}")
def _(name):
    built(name, "stub")


def watch(folder, *arguments):
    """What make prints, and whether it has made the image anew."""
    image = f"{folder}/build/xen-x86_64/hello"
    before = os.stat(image).st_mtime_ns
    done = make(folder, *arguments).want(0)
    return done.output, os.stat(image).st_mtime_ns != before


@suite.test("a build with nothing to do prints nothing and does nothing; a touched file alone is compiled")
def _():
    folder = f"{work}/incremental"
    with build_lock:
        run([FATA, "new", "hello", folder]).want(0)
        with open(f"{folder}/Makefile", encoding="utf-8") as file:
            text = file.read()
        with open(f"{folder}/Makefile", "w", encoding="utf-8") as file:
            file.write(re.sub("^(NAME := ).*", r"\1hello", text.replace("main.c", "main.c other.c"), flags=re.MULTILINE))
        with open(f"{folder}/other.c", "w", encoding="utf-8") as file:
            file.write("int other(void);\nint other(void)\n{\n    return 1;\n}\n")
        make(folder).want(0)
        output, anew = watch(folder)
        check(output == "" and not anew, f"nothing to do, but: {output!r}, image made anew: {anew}")
        os.utime(f"{folder}/main.c")
        output, anew = watch(folder)
        check(output == "  CC  main.c\n" and anew, f"main.c is newer, but: {output!r}, image made anew: {anew}")
        output, anew = watch(folder, "CFLAGS=-DOTHER")
        check("main.c" in output and "other.c" in output and anew, f"other flags, but: {output!r}")


@suite.test("a site that cannot be packed: the build names the file and says what to do; a thousand long names are no problem")
def _():
    folder = f"{work}/site"
    with build_lock:
        run([FATA, "new", "web", folder]).want(0)
        make(folder, "BSP=unix").want(0)
        bad = {
            "gone.html": (lambda path: os.symlink("nowhere", path), "a link to nowhere: .*; remove the link, or make what"),
            "guide/up": (lambda path: os.symlink("..", path), "a link to a folder that it lies in itself: .*; remove it"),
            "pipe": (os.mkfifo, "neither a file nor a folder: .*; remove it"),
            "tab\t.txt": (lambda path: open(path, "w", encoding="utf-8").close(), "a control character .*; rename it"),
            "huge": (lambda path: open(path, "w", encoding="utf-8").truncate(5 << 30), "with this file .* more than 1 GiB .*: leave it out"),
        }
        for name, (spoil, want) in bad.items():
            spoil(f"{folder}/www/{name}")
            done = make(folder, "BSP=unix")
            check(done.status != 0 and re.search(f"^fata-embed: www/{name}: {want}", done.output, re.MULTILINE),
                  f"no word of {name!r}\n{done.shown()}")
            os.remove(f"{folder}/www/{name}")
        for number in range(1500):
            with open(f"{folder}/www/{'long-' * 20}{number}.txt", "w", encoding="utf-8") as file:
                file.write("x")
        make(folder, "BSP=unix").want(0)


@suite.test("compile_commands.json is JSON that names each file")
def _():
    built("hello", "xen-x86_64")
    with open(f"{made('hello')}/compile_commands.json", encoding="utf-8") as file:
        entries = json.load(file)
    check([(entry["directory"], entry["file"]) for entry in entries] == [(made("hello"), "main.c")], str(entries))
    done = run(["/bin/sh", "-c", entries[0]["command"] + " -o /dev/null"], made("hello"))
    check(done.status == 0, f"its command fails\n{done.shown()}")


@suite.test("in a fresh copy of the SDK two projects build at once; their images are those that were built elsewhere")
def _():
    """Both make the tool, the library and the third-party libraries, which a fresh copy lacks."""
    sdk = f"{work}/copy/sdk"
    image = built("hello", "xen-x86_64")
    make(made("hello")).want(0)  # as the SDK is now: somebody may be at work on it
    expected = sha256(image), sha256(f"{image}.elf")
    files = run(["git", "ls-files", "-co", "--exclude-standard", "-z"], ROOT).want(0).output.split("\0")
    for name in filter(None, files):
        if os.path.exists(f"{ROOT}/{name}"):
            os.makedirs(os.path.dirname(f"{sdk}/{name}"), exist_ok=True)
            shutil.copy2(f"{ROOT}/{name}", f"{sdk}/{name}")
    makes = []
    for name in ("one", "two"):
        folder = f"{work}/copy/{name}"
        shutil.copytree(made("hello"), folder, ignore=shutil.ignore_patterns("build", "compile_commands.json"))
        makes.append(start(["make", "--no-print-directory", f"FATA={sdk}"], folder, stdin=subprocess.DEVNULL))
    outputs = [process.communicate(timeout=BUILD_S)[0].decode("utf-8", "replace") for process in makes]
    for process, output in zip(makes, outputs):
        started.discard(process)
        check(process.returncode == 0, "a build failed; both outputs:\n" + "\n--\n".join(outputs))
    for name in ("one", "two"):
        image = f"{work}/copy/{name}/build/xen-x86_64/hello"
        check((sha256(image), sha256(f"{image}.elf")) == expected, f"the image of {name} has other bytes, or its .elf")


def snapshot(folder):
    """What is in a folder: paths, with sizes and times. What `fata run` notes down, where it fetched a newer QEMU, is left out."""
    paths = (os.path.join(where, name) for where, folders, files in os.walk(folder) for name in folders + files)
    return {(path, os.lstat(path).st_size, os.lstat(path).st_mtime_ns) for path in paths
            if not path.endswith(("/build", "/build/qemu"))}


@suite.test("an installed SDK makes the same card, and writes it, and nothing into its own folder")
def _():
    image = built("hello", "cubieboard2")
    with build_lock:  # for one board: what all would take is not what is tested
        make(ROOT, "install", "boards=cubieboard2", f"DESTDIR={work}/installed", "PREFIX=/opt/fata").want(0)
    home, tool = f"{work}/installed/opt/fata/lib/fata", f"{work}/installed/opt/fata/bin/fata"
    before, folder = snapshot(home), f"{work}/by-installed/hello"
    os.mkdir(os.path.dirname(folder))
    run([tool, "new", "hello", folder]).want(0)
    run(["make", "--no-print-directory", "BSP=cubieboard2"], folder).want(0)
    for board in ("cubieboard", "cubieboard2"):
        for suffix in ("img", "bmap"):
            name = f"build/cubieboard2/hello-{board}.{suffix}"
            check(sha256(f"{folder}/{name}") == sha256(f"{image}-{board}.{suffix}"), f"another {name}")
    run([tool, "flash", "--file", f"{work}/flashed.img"], folder).want(0, "all read back and the same$")
    run([tool, "inspect", f"{work}/flashed.img"]).want(0, "^  Cubieboard2 +yes$")
    run(["make", "--no-print-directory", "run", "BSP=cubieboard2", "ON=cubieboard", f"TIMEOUT={BOOT_S}"], folder).want(
        0, "^U-Boot SPL 2023", "^Hello, world!$", last="fata: exit 0")
    run(["make", "--no-print-directory", "card-xen", "BSP=cubieboard2"], folder).want(0, "^build/cubieboard2/hello-cubieboard2-xen.img$")
    check(snapshot(home) == before, f"its folder has changed: {sorted(snapshot(home) ^ before)[:5]}")


# Debugging.

DEBUGGERS = {"microvm": "gdb", "virt": "gdb-multiarch"}


@each(tuple(DEBUGGERS))("fata run --gdb on {} waits for gdb, which stops at main by name")
def _(machine):
    debugger = DEBUGGERS[machine]
    if shutil.which(debugger) is None:
        raise tap.Skip(f"{debugger} is not installed")
    image, port = built("hello", MACHINES[machine]), free_port()
    guest = start([FATA, "run", "--image", image, "--on", machine, "--gdb", str(port)], stdin=subprocess.DEVNULL)
    try:
        line = guest.stdout.readline().decode()
        check("waits for a debugger" in line, line)
        done = run([debugger, "-nx", "-batch", f"{image}.elf", "-ex", f"target remote 127.0.0.1:{port}", "-ex", "break main",
                    "-ex", "continue", "-ex", "print whom", "-ex", "set backtrace past-main on", "-ex", "backtrace",
                    "-ex", "delete", "-ex", "continue"], made("hello"), 2 * BOOT_S)
        check("Breakpoint 1, main " in done.output and "No such file" not in done.output and
              '"world"' in done.output and re.search(r"#1 .* run_main ", done.output), done.shown())
        output = guest.communicate(timeout=BOOT_S)[0].decode()
        check(guest.returncode == 0 and "Hello, world!" in output, f"status {guest.returncode}\n{output}")
    finally:
        end(guest)
