# SPDX-License-Identifier: ISC
"""Guests under QEMU's emulation, with the plugin that counts their instructions: starts one, waits
until it has said or done enough, ends it, and reads the counts. Used by `run`."""

import dataclasses
import os
import re
import selectors
import shutil
import subprocess
import time


class Failed(Exception):
    """What went wrong, in words for a person."""


def command(words, what, **options):
    """Runs a command to its end and returns what it printed; an error ends with its last words."""
    try:
        done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", check=False, **options)
    except OSError as error:
        raise Failed(f"{what}: cannot start {words[0]}: {error.strerror}") from error
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise Failed(f"{what}: {words[0]} ended with status {done.returncode}:\n{last}")
    return done.stdout


# x86: ret. ARM: pop {..., pc}, also as a load with write-back, and bx lr.
RETURN = re.compile(r"\tret$|\t(?:pop|ldmia)\b.*\bpc\}|\tldr(?:\.w)?\s+pc, \[sp\]|\tbx\s+lr")


def by_instructions(name, program, folder, words=""):
    """The environment for a `fata run` in whose QEMU each instruction takes a nanosecond, so that its guests' clocks do not depend
    on this machine, and idling takes no time: before what it knows as `name` stands `program` with these and other `words`."""
    found = shutil.which(program)
    if found is None:
        raise Failed(f"{program} is not installed")
    folder.mkdir(exist_ok=True)
    wrapper = folder / name
    wrapper.write_text(f"#!/bin/sh\nexec '{found}' \"$@\" -icount shift=0,sleep=off {words}\n")
    wrapper.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


class Symbols:
    """The addresses of an ELF file's functions; `prefix` is that of the binutils for its CPU."""

    def __init__(self, elf, prefix=""):
        self.elf, self.prefix = elf, prefix
        self.table = {}
        for line in command([f"{prefix}nm", elf], "reading symbols").splitlines():
            words = line.split()
            if len(words) == 3:
                self.table[words[2]] = int(words[0], 16)

    def address(self, name):
        if name not in self.table:
            raise Failed(f"{self.elf} has no function '{name}': was it renamed? tests/bench names it too")
        return self.table[name]

    def returns(self, name):
        """The addresses of a function's return instructions."""
        self.address(name)
        text = command([f"{self.prefix}objdump", "-d", "--no-show-raw-insn", f"--disassemble={name}", self.elf], "disassembling")
        found = [int(line.split(":")[0], 16) for line in text.splitlines() if RETURN.search(line)]
        if not found:
            raise Failed(f"{self.elf}: '{name}' has no return instruction")
        return found


class Result:
    """What a guest said, and the counts: (address, instructions before it), in order."""

    def __init__(self, text, status, counts):
        self.text, self.status, self.counts = text, status, counts

    def first(self, address, after=0):
        """The count when an address was first reached, not before `after` instructions."""
        for at, count in self.counts:
            if at == address and count >= after:
                return count
        raise Failed(f"the guest never came to {address:#x}; it said:\n{self.text[-1000:]}")


def read_counts(path):
    counts = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if len(words) == 2 and line.endswith("\n"): # the last line may be cut
                counts.append((int(words[0], 16), int(words[1])))
    return counts


@dataclasses.dataclass
class Kind:
    """A machine as `fata run` starts it, the board whose images it boots, and how to read those."""
    name: str
    board: str
    program: str
    words: tuple
    entry: object           # where an image is entered: a function's name, or the address where QEMU puts the image
    binutils: str = ""


QUIET = ("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio", "-monitor", "none")
KINDS = {kind.name: kind for kind in (
    Kind("microvm", "xen-x86_64", "qemu-system-x86_64",
         ("-M", "microvm,acpi=off,isa-serial=on", "-cpu", "max", "-accel", "tcg", *QUIET,
          "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"), "x86_entry"),
    Kind("virt", "cubieboard2", "qemu-system-arm", ("-M", "virt", "-cpu", "cortex-a7", "-accel", "tcg", *QUIET),
         0x40010000, "arm-none-eabi-"),
)}


class Machine:
    """Guests on a kind of machine. QEMU=PROGRAM in the environment takes another QEMU for the first kind."""

    def __init__(self, kind, plugin, counts_path):
        self.kind = KINDS[kind]
        self.name, self.board = self.kind.name, self.kind.board
        self.program = os.environ.get("QEMU", self.kind.program) if kind == "microvm" else self.kind.program
        self.plugin, self.counts_path = plugin, counts_path

    def version(self):
        return command([self.program, "--version"], "looking for QEMU").splitlines()[0]

    def symbols(self, elf):
        return Symbols(elf, self.kind.binutils)

    def entry(self, symbols):
        entry = self.kind.entry
        return symbols.address(entry) if isinstance(entry, str) else entry

    def run(self, image, memory="64M", arguments=(), marks=(), limit_s=60, until=None):
        """Runs a guest until it ends or has said `until`. In the result the status is None when QEMU
        had to be ended, after `until` or after `limit_s` seconds."""
        words = [self.program, *self.kind.words, "-m", memory, "-kernel", str(image), *map(str, arguments)]
        if marks:
            if os.path.exists(self.counts_path):
                os.unlink(self.counts_path)
            words += ["-plugin", ",".join([str(self.plugin), f"out={self.counts_path}",
                                           *(f"mark={mark:#x}" for mark in marks)])]
        text, status = converse(words, limit_s, until)
        if marks and not os.path.exists(self.counts_path):
            raise Failed(f"QEMU did not load the plugin: {text[-1000:]}")
        return Result(text, status, read_counts(self.counts_path) if marks else [])


def converse(words, limit_s, until):
    """Starts a process of its own and returns what it printed, and its status as above."""
    try:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        raise Failed(f"cannot start {words[0]}: {error.strerror}") from error
    said = b""
    deadline = time.monotonic() + limit_s
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0 and not (until and until.encode() in said):
                if selector.select(left):
                    some = os.read(process.stdout.fileno(), 65536)
                    if not some:
                        process.wait(max(left, 1))
                        break
                    said += some
    except subprocess.TimeoutExpired:
        pass
    finally:
        status = process.poll()
        if status is None:
            process.kill()
            process.wait()
        process.stdout.close()
    return said.decode(errors="replace").replace("\r", ""), status


def least(low, high, works):
    """The least number for which `works`, which does for `high`, and for every number above the result."""
    while low < high:
        middle = (low + high) // 2
        if works(middle):
            high = middle
        else:
            low = middle + 1
    return high
