# SPDX-License-Identifier: ISC
"""What a served page costs a guest: `serve.py KIND PLUGIN IMAGE ENTRY PATH WHAT` in a network namespace, as root of it, where
it makes a tap interface; WHAT is `requests` or `memory`. Prints figures as JSON. Used by `run`, which calls in_namespace().

A tap interface and Linux's TCP, because QEMU's own user networking sends other packets than real peers do.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from guest import Failed, Machine, command, least

HOST, GUEST, INTERFACE = "10.9.0.1", "10.9.0.2", "bench0"
WARM_UP, KEPT, CLOSED = 200, 2000, 500
ANSWER_S, UP_S = 10, 60
MEMORY_UP_S = 15
KIB_MAX = 64 * 1024


def in_namespace(kind, plugin, image, entry, path, what):
    """Runs this file in a namespace and returns its figures."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        raise Failed("unshare or ip is not installed")
    said = command(["unshare", "--map-root-user", "--net", sys.executable, __file__, kind, plugin, image, hex(entry), path, what],
                   f"{what} of a served page")
    return json.loads(said.splitlines()[-1])


class Counted:
    """A guest that runs until it is ended, with its instructions counted if there is a file for the counts."""

    def __init__(self, words, plugin=None, counts=None, marks=(), options=()):
        self.counts = counts
        if counts:
            words = [*words, "-plugin", ",".join([plugin, f"out={counts}", *options, *(f"mark={mark:#x}" for mark in marks)])]
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.said, stderr=subprocess.STDOUT)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.said.close()

    def text(self):
        self.said.seek(0)
        return self.said.read().decode(errors="replace")[-1000:]

    def lines(self):
        with open(self.counts, encoding="ascii") as file:
            return [line.split() for line in file if line.endswith("\n")]

    def count(self):
        """Instructions so far."""
        before = sum(line[0] == "signal" for line in self.lines())
        self.process.send_signal(signal.SIGUSR2)
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until:
            signals = [line for line in self.lines() if line[0] == "signal"]
            if len(signals) > before:
                return int(signals[-1][1])
            time.sleep(0.001)
        raise Failed("the plugin does not answer to SIGUSR2")

    def first(self):
        """How many instructions had been run when a mark was first met."""
        return next(int(line[1]) for line in self.lines() if line[0] != "signal")

    def wait(self, path, limit_s, address=GUEST):
        """Until the page is served; False: it is not, within the limit."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError, Failed):
                with socket.create_connection((address, 80), 0.5) as connection:
                    return request(connection, path, "close") > 0
            time.sleep(0.01)
        return False


def serving(machine, image, memory, counts=None, marks=()):
    return Counted([machine.program, *machine.kind.words, "-m", memory, "-kernel", image,
                    "-append", f"--ip={GUEST}/24 --gateway={HOST}",
                    "-netdev", f"tap,id=n0,ifname={INTERFACE},script=no,downscript=no", "-device", "virtio-net-device,netdev=n0"],
                   machine.plugin, counts, marks)


def request(connection, path, kind):
    """Asks for the page and reads the whole answer; the number of its bytes."""
    connection.settimeout(ANSWER_S)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: {kind}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        got = connection.recv(65536)
        if not got:
            raise Failed(f"no answer, but {answer!r}")
        answer += got
    head, body = answer.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), None)
    if not lines[0].startswith("HTTP/1.1 200") or length is None:
        raise Failed(f"not a page with a length, but {lines[0]}")
    while len(body) < length:
        got = connection.recv(65536)
        if not got:
            raise Failed(f"{len(body)} bytes of {length}")
        body += got
    return length


def measure_requests(machine, image, entry, path, counts):
    server = serving(machine, image, "64M", counts, [entry])
    try:
        if not server.wait(path, UP_S):
            raise Failed(f"the guest serves no {path}; it said:\n{server.text()}")
        up = server.count()
        started = server.first()
        with socket.create_connection((GUEST, 80), ANSWER_S) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(WARM_UP):
                size = request(connection, path, "keep-alive")
            before = server.count()
            for _ in range(KEPT):
                request(connection, path, "keep-alive")
            kept = (server.count() - before) / KEPT
        before = server.count()
        for _ in range(CLOSED):
            with socket.create_connection((GUEST, 80), ANSWER_S) as connection:
                request(connection, path, "close")
                if connection.recv(1) != b"":
                    raise Failed("more than one answer")
        closed = (server.count() - before) / CLOSED
        return {"boot": up - started, "kept": kept, "closed": closed, "page_bytes": size}
    finally:
        server.end()


def measure_memory(machine, image, path):
    def works(steps):
        server = serving(machine, image, f"{4 * steps}K")
        try:
            return server.wait(path, MEMORY_UP_S if steps < KIB_MAX // 4 else UP_S)
        finally:
            server.end()

    if not works(KIB_MAX // 4):
        raise Failed(f"the guest does not even serve in {KIB_MAX // 1024} MiB")
    return {"kib": 4 * least(1, KIB_MAX // 4, works)}


def add_tap(name, address):
    for words in (("tuntap", "add", name, "mode", "tap"), ("address", "add", f"{address}/24", "dev", name),
                  ("link", "set", name, "up")):
        command(["ip", *words], "making a tap interface")


def main(kind, plugin, image, entry, path, what):
    command(["ip", "link", "set", "lo", "up"], "making a tap interface")
    add_tap(INTERFACE, HOST)
    with tempfile.TemporaryDirectory(prefix="fata-bench.") as folder:
        counts = os.path.join(folder, "counts")
        machine = Machine(kind, plugin, counts)
        print(json.dumps(measure_requests(machine, image, int(entry, 0), path, counts) if what == "requests"
                         else measure_memory(machine, image, path)))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    try:
        main(*sys.argv[1:])
    except Failed as failure:
        sys.exit(str(failure))
