# SPDX-License-Identifier: ISC
"""Guests under QEMU's emulation, with the plugin that counts their instructions: starts one, waits
until it has said or done enough, ends it, and reads the counts. Used by `run`."""

import os
import selectors
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


class Symbols:
    """The addresses of an ELF file's functions."""

    def __init__(self, elf):
        self.elf = elf
        self.table = {}
        for line in command(["nm", elf], "reading symbols").splitlines():
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
        text = command(["objdump", "-d", "--no-show-raw-insn", f"--disassemble={name}", self.elf], "disassembling")
        found = [int(line.split(":")[0], 16) for line in text.splitlines() if line.split()[1:2] == ["ret"]]
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


class Machine:
    """QEMU's smallest PC, as `fata run` starts it."""

    def __init__(self, plugin, counts_path):
        self.program = os.environ.get("QEMU", "qemu-system-x86_64")
        self.plugin, self.counts_path = plugin, counts_path

    def version(self):
        return command([self.program, "--version"], "looking for QEMU").splitlines()[0]

    def run(self, image, memory="64M", arguments=(), marks=(), limit_s=60, until=None):
        """Runs a guest until it ends or has said `until`. In the result the status is None when QEMU
        had to be ended, after `until` or after `limit_s` seconds."""
        words = [self.program, "-M", "microvm,acpi=off,isa-serial=on", "-cpu", "max", "-accel", "tcg",
                 "-m", memory, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                 "-serial", "stdio", "-monitor", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
                 "-kernel", str(image), *map(str, arguments)]
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
