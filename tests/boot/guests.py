# SPDX-License-Identifier: ISC
"""What the tests of this folder share: projects that are made and built once, in a temporary folder outside of the
repository, and guests that are run and talked to. `from guests import *` is for the test modules beside this one.
"""
import atexit
import contextlib
import functools
import hashlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

# The machines and their boards. A test says on which it runs: on every one, on those that stand for a CPU and a board
# (TYPICAL), or by name.
MACHINES = {"process": "unix", "microvm": "xen-x86_64", "q35": "xen-x86_64", "pc": "xen-x86_64", "virt": "cubieboard2",
            "cubieboard": "cubieboard2", "bpim2u": "cubieboard2", "dom0less": "cubieboard2"}
GUESTS = tuple(machine for machine in MACHINES if machine != "process")
TYPICAL = ("process", "microvm", "virt")
# And with the debug build where that has much to say, for programs that exercise the SDK.
WHERE = (*((machine, debug) for machine in TYPICAL for debug in ("", "1")), ("q35", ""), ("cubieboard", ""), ("bpim2u", ""))

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{ROOT}/ci")
import tap
from tap import check

FATA = f"{ROOT}/build/fata"
BOOT_S = 60      # what a guest may take, on a busy machine
BUILD_S = 300
END_S = 20       # from a signal to its end
HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = sorted(name for name in os.listdir(HERE) if os.path.exists(f"{HERE}/{name}/main.c"))
TEMPLATES = sorted(name for name in os.listdir(f"{ROOT}/templates") if os.path.exists(f"{ROOT}/templates/{name}/main.c"))

work = tempfile.mkdtemp(prefix="fata-boot.")
suite = tap.Suite(workers=3)
started = set()  # processes that run now
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "BSP", "ON", "DEBUG", "ARGS", "FATA", "TIMEOUT", "MEMORY"):
    os.environ.pop(name, None)
os.environ["LC_ALL"] = "C.UTF-8"


# Processes.

class Done:
    def __init__(self, status, output):
        self.status, self.output = status, output
        self.lines = output.splitlines()

    def shown(self):
        """The end of the output, for a failure's message."""
        return f"exit status {self.status}, output:\n" + "\n".join(self.lines[-40:])

    def want(self, status, *patterns, last=None):
        check(self.status == status, f"exit status {self.status} instead of {status}\n{self.shown()}")
        for pattern in patterns:
            check(re.search(pattern, self.output, re.MULTILINE), f"no match for {pattern!r}\n{self.shown()}")
        if last is not None:
            check(self.lines and self.lines[-1] == last, f"the last line is not {last!r}\n{self.shown()}")
        return self


def start(argv, folder=None, **options):
    process = subprocess.Popen(argv, cwd=folder or work, start_new_session=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, **options)
    started.add(process)
    return process


def end(process):
    """Ends a process and the rest of its session's group, by their ids."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            try:
                os.killpg(process.pid, number)
                process.wait(END_S)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
    started.discard(process)


def run(argv, folder=None, limit_s=BUILD_S, stdin=subprocess.DEVNULL):
    process = start(argv, folder, stdin=stdin)
    try:
        output = process.communicate(timeout=limit_s)[0]
    except subprocess.TimeoutExpired:
        raise tap.Failed(f"not done after {limit_s} s: {shlex.join(argv)}") from None
    finally:
        end(process)
    return Done(process.returncode, output.decode("utf-8", "replace").replace("\r\n", "\n"))


def make(folder, *arguments):
    return run(["make", "--no-print-directory", f"FATA={ROOT}", *arguments], folder)


@atexit.register
def tidy():
    for process in list(started):
        end(process)
    shutil.rmtree(work, ignore_errors=True)


def stop(number, frame):
    """A signal: end what runs, tidy up, and end (a test's thread may still wait for its process)."""
    del frame
    tidy()
    os._exit(128 + number)


for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, stop)


# Projects.

build_lock = threading.Lock()


def copy_project(name, folder):
    """A program of this folder, as a project elsewhere."""
    shutil.copytree(f"{HERE}/{name}", folder, ignore=shutil.ignore_patterns("build", "compile_commands.json"))


@functools.lru_cache(maxsize=None)
def made(name):
    """The folder of a project, made once."""
    folder = f"{work}/{name}"
    if name in TEMPLATES:
        run([FATA, "new", name, folder]).want(0)
    else:
        copy_project(name, folder)
    return folder


@functools.lru_cache(maxsize=None)
def built_once(name, board, debug):
    folder = made(name)
    flavour = board + ("-debug" if debug else "")
    done = make(folder, f"BSP={board}", f"DEBUG={debug}")
    check(done.status == 0, f"{name} does not build for {flavour}\n{done.shown()}")
    return f"{folder}/build/{flavour}/{name}"


def built(name, board, debug=""):
    """The image of a project, built once; one build at a time."""
    with build_lock:
        return built_once(name, board, debug)


def card(name, debug="", board="cubieboard"):
    """The SD card of a project for a board."""
    return f"{built(name, 'cubieboard2', debug)}-{board}.img"


def boot(name, machine, *arguments, debug="", options=(), image=None):
    image = image or built(name, MACHINES[machine], debug)
    return run([FATA, "run", "--image", image, "--on", machine, "--timeout", str(BOOT_S), *options, "--", *arguments],
               limit_s=2 * BOOT_S)


def free_port():
    """A TCP port of this host that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def stand_still(tool, ended):
    """Stops the tool's machine now and then, as a busy computer does."""
    while not ended.wait(0.05):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            with open(f"/proc/{tool.pid}/task/{tool.pid}/children", encoding="ascii") as file:
                children = [int(word) for word in file.read().split()]
            for child in children:
                os.kill(child, signal.SIGSTOP)
                ended.wait(0.1)
                os.kill(child, signal.SIGCONT)


def converse(name, machine, mode, *steps, end_input=False, stalls=False, image=None):
    """Runs a guest; each step is a text to wait for and what to type then."""
    image = image or built(name, MACHINES[machine])
    guest = start([FATA, "run", "--image", image, "--on", machine, "--timeout", str(BOOT_S), "--", f"--mode={mode}"],
                  stdin=subprocess.PIPE)
    output = b""
    ended = threading.Event()
    staller = threading.Thread(target=stand_still, args=(guest, ended)) if stalls else None
    try:
        if staller:
            staller.start()
        for wanted, typed in steps:
            while wanted.encode() not in output:
                data = guest.stdout.read1(65536)
                check(data, f"the guest ended before it printed {wanted!r}:\n{output.decode('utf-8', 'replace')}")
                output += data
            guest.stdin.write(typed.encode())
            guest.stdin.flush()
        if end_input:
            guest.stdin.close()
        while data := guest.stdout.read1(65536):
            output += data
        guest.wait(BOOT_S)
    finally:
        ended.set()
        if staller:
            staller.join()
        end(guest)
        guest.stdin.close()
        guest.stdout.close()
    return Done(guest.returncode, output.decode("utf-8", "replace").replace("\r\n", "\n"))


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def each(names):
    """For @each(names)(title): the test for every one of `names`, its title with {} filled in."""
    def decorate(title):
        def add(function):
            for name in names:
                suite.test(title.format(name), name)(function)
            return function
        return add
    return decorate


on_every_machine = each(MACHINES)
