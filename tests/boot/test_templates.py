# SPDX-License-Identifier: ISC
"""The templates, as a user meets them: built, run and tested by make on every machine."""
import re
import shlex
import time

from guests import *

# Templates that serve until they are ended, and the machines that they can be reached on: their own tests run them.
SERVERS = dict.fromkeys(("echo", "selftest", "sensor", "web"), ("process", "microvm", "q35", "pc", "virt", "cubieboard", "bpim2u"))
SERVERS["acme"] = ("process", "microvm", "virt") # which have a disk
SERVERS["mtls"] = ("process", "microvm", "q35", "virt") # its keys are on a disk
SERVERS["selftest"] = tuple(MACHINES) # which without a network runs as well
GREETINGS = {"hello": ("^Hello, world!$", "^fiber 3 of 3 greets world$"), "bare": ("^It runs.$",)}


def matrix(template, machine):
    built(template, MACHINES[machine])
    choice = (f"BSP={MACHINES[machine]}", f"ON={machine}")
    make(made(template), "run", *choice, f"TIMEOUT={BOOT_S}").want(0, *GREETINGS.get(template, ()), last="fata: exit 0")


def matrix_test(template, machine):
    built(template, MACHINES[machine])
    make(made(template), "test", f"BSP={MACHINES[machine]}", f"ON={machine}").want(0)


for template in sorted(set(TEMPLATES) - set(SERVERS)):
    for machine in MACHINES:
        suite.test(f"template {template}: make run ON={machine}", template, machine)(matrix)
for template in TEMPLATES:
    for machine in SERVERS.get(template, MACHINES):
        suite.test(f"template {template}: make test ON={machine}", template, machine)(matrix_test)


HTTPS_BYTES_MAX = {"xen-x86_64": 600_000, "cubieboard2": 420_000, "unix": 1_000_000}  # of the image, without its site


@each(TYPICAL)("web with TLS=1 on {}: the site by HTTPS, HTTP is sent there; the image is small")
def _(machine):
    board = MACHINES[machine]
    with build_lock:
        folder = f"{work}/https-{board}" # its certificates are made by the build
        run([FATA, "new", "web", folder]).want(0)
        make(folder, "TLS=1", f"BSP={board}").want(0)
    make(folder, "test", "TLS=1", f"BSP={board}", f"ON={machine}").want(0)
    site = sum(os.path.getsize(f"{where}/{name}") for where, _, names in os.walk(f"{folder}/www") for name in names)
    size = os.path.getsize(f"{folder}/build/{board}/https-{board}") - site
    check(size <= HTTPS_BYTES_MAX[board], f"the image has {size:,} bytes without its site, over {HTTPS_BYTES_MAX[board]:,}")
    return f"{size:,} bytes without its site"


@suite.test("the port that a Makefile always asks for is left out on a machine without ports; one that the user asks for is not")
def _():
    built("web", "cubieboard2")
    choice = ("run", "BSP=cubieboard2", "ON=dom0less", f"TIMEOUT={BOOT_S}")
    make(made("web"), *choice).want(2, "dom0less has no ports: the project's default, port 8080, is left out$", "^fata: exit 1$")
    make(made("web"), *choice, "PORT=8080").want(2, "--port: not on dom0less: without a dom0, a guest has no network")


@each(TYPICAL)("arguments reach {} through make and its shell as they were quoted")
def _(machine):
    built("hello", MACHINES[machine])
    for arguments, whom in (("--whom='big world'", "big world"), ("--whom=\"it's \\\"it\\\"\"", "it's \"it\""),
                            ("--whom 'a\\b  c'", "a\\b  c")):
        done = make(made("hello"), "run", f"BSP={MACHINES[machine]}", f"ON={machine}", f"ARGS={arguments}")
        check(f"Hello, {whom}!" in done.want(0).lines, f"ARGS={arguments}\n{done.shown()}")


@on_every_machine("what main returns is the exit status of fata run on {}")
def _(machine):
    for status in (1, 77, 255):
        boot("hello", machine, f"--status={status}", "--count=1").want(status, last=f"fata: exit {status}")


@each(TYPICAL)("main's failure on {} is make's")
def _(machine):
    built("hello", MACHINES[machine])
    make(made("hello"), "run", f"BSP={MACHINES[machine]}", f"ON={machine}", "ARGS=--status=7").want(2, "Error 7")


@each(TYPICAL)("a wrong parameter on {} is status 2 and a message that lists the valid ones")
def _(machine):
    for arguments, message in ((["--whim=x"], "unknown parameter '--whim=x'"), (["--count=0"], "from 1 to 100"),
                               (["--count=many"], "not a whole number"), (["--count"], "--count needs a value"),
                               (["word"], "unexpected word 'word'"), (["--status=-1"], "not a whole number")):
        boot("hello", machine, *arguments).want(2, re.escape(message), "takes:.* --whom", "takes:.* --count",
                                                "takes:.* --status", last="fata: exit 2")


@each(TYPICAL)("--help on {} is status 0 and the list of parameters")
def _(machine):
    boot("hello", machine, "--help").want(0, "--whom=TEXT +whom to greet", "1 to 100, default: 3", "--help",
                                          last="fata: exit 0")


@each((*TYPICAL, "q35", "pc"))("hello knows today's date on {}")
def _(machine):
    days = {time.strftime("%Y-%m-%d", time.gmtime())}
    done = boot("hello", machine, "--count=1").want(0)
    days.add(time.strftime("%Y-%m-%d", time.gmtime()))
    check(any(f"it is {day} " in done.output for day in days), done.shown())


@each(sorted(set(MACHINES.values()) - {"unix"}))("one image file of {} boots on all of its machines")
def _(board):
    image = built("hello", board)
    before = sha256(image)
    for machine in (machine for machine in GUESTS if MACHINES[machine] == board):
        if machine != "dom0less":  # whose command line only a run has
            line = run([FATA, "run", "--image", image, "--on", machine, "--dry-run"]).want(0).output
            words = shlex.split(line)
            check(words[words.index("-kernel") + 1] == image, f"{machine} does not start {image}: {line}")
        boot("hello", machine, "--count=1").want(0, "^Hello, world!$")
        check(sha256(image) == before, f"{image} has changed")


for machine, memory in (("microvm", "2M"), ("microvm", "1G"), ("q35", "1G"), ("q35", "5G"), ("pc", "5G"),
                        ("virt", "2M"), ("virt", "3M"), ("virt", "1G"), ("virt", "3G"), ("cubieboard", "512M"), ("cubieboard", "1G")):
    @suite.test(f"hello boots in {memory} on {machine}", machine, memory)
    def _(machine, memory):
        boot("hello", machine, options=("--memory", memory)).want(0, "^Hello, world!$", "^fiber 3 of 3", last="fata: exit 0")


@each(("microvm", "virt"))("make run MEMORY=2M boots hello on {}")
def _(machine):
    built("hello", MACHINES[machine])
    make(made("hello"), "run", f"ON={machine}", "MEMORY=2M").want(0, "^Hello, world!$", last="fata: exit 0")
