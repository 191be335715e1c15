# SPDX-License-Identifier: ISC
"""The laboratory of tests/interop: what is built, the namespace's interfaces, guests on them, and reading captures."""
import atexit
import contextlib
import dataclasses
import functools
import ipaddress
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import tap
import tls_certs
from tap import check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
FATA = f"{ROOT}/build/fata"
OUT = f"{ROOT}/build/interop"
# The machines that stand for all: a process over a tap interface, whose stack runs at full speed, and real images.
MACHINES = {"process": "unix", "microvm": "xen-x86_64", "virt": "cubieboard2"}
# And those with a network device of another kind.
DEVICES = {**MACHINES, "cubieboard": "cubieboard2"}
PROJECTS = {"web": None, "echo": None, "asks": f"{HERE}/asks", "fetches": f"{HERE}/fetches", "tls": f"{HERE}/tls",
            "certified": f"{HERE}/certified", "acme": None, "secure": f"{HERE}/secure"}  # templates, and programs of this folder
BOARDS = {"secure": {"xen-x86_64"}}  # of a project, if not all
PEERS = (("chrony", "chronyd"), ("nginx", "nginx"), ("pebble", "pebble"))  # servers that are not installed (toolchain/peer)
SERVER_PORTS = "4500-29999"
UP_S = 60        # from a guest's start to its first answer, on a busy machine
BUILD_S = 600

suite = tap.Suite(workers=3)
long_run = False
work = None
started = []


# Building, outside of the namespace.

def cannot_enter():
    if shutil.which("unshare") is None:
        return "unshare is not installed (util-linux)"
    done = subprocess.run(["unshare", "--map-root-user", "--net", "test", "-w", "/dev/net/tun"], capture_output=True, text=True)
    if done.returncode != 0:
        return "this machine allows no network namespace with tap interfaces: " + (done.stderr.strip() or "no /dev/net/tun")
    return None


def image(project, machine):
    return f"{OUT}/{project}/build/{DEVICES[machine]}/{project}"


def build_all():
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("BSP", "DEBUG", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "ON", "ARGS", "PORT", "TAP")}
    for package, program in PEERS:  # the namespace has no network to fetch them by; a test that misses one is skipped
        subprocess.run([f"{ROOT}/toolchain/peer", package, program], stdout=subprocess.DEVNULL, timeout=BUILD_S)
    for name, source in PROJECTS.items():
        folder = f"{OUT}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(OUT, exist_ok=True)
        if source is None:
            must(FATA, "new", name, folder)
        else:
            shutil.copytree(source, folder, ignore=shutil.ignore_patterns("build"))
        if name == "tls":
            shutil.rmtree(f"{OUT}/tls-certs", ignore_errors=True)
            tls_certs.make(f"{OUT}/tls-certs", f"{folder}/files")
        if name == "certified":  # a CA that it believes
            must(FATA, "cert", "ca", "--dir", f"{folder}/tls")
            os.makedirs(f"{folder}/files")
            shutil.copy(f"{folder}/tls/ca.pem", f"{folder}/files/ca.pem")
        if name == "acme":
            os.makedirs(f"{folder}/tls/trust")
            shutil.copy(f"{OUT}/certified/tls/ca.pem", f"{folder}/tls/trust")
        for board in sorted(set(MACHINES.values())):
            done = subprocess.run(["make", "--no-print-directory", "-C", folder, f"FATA={ROOT}", f"BSP={board}"],
                                  env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=BUILD_S)
            check(done.returncode == 0, f"{name} does not build for {board}:\n" + "\n".join(done.stdout.splitlines()[-20:]))


# The namespace.

def must(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    check(done.returncode == 0, f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def set_up(is_long):
    global long_run, work
    long_run = is_long
    work = tempfile.mkdtemp(prefix="fata-interop.")
    must("ip", "link", "set", "lo", "up")
    # Many connections from one address: as many ports as there are, but those that tests' servers listen at, and again as soon as
    # TCP allows it.
    for name, value in (("ip_local_port_range", "1024 65535"), ("ip_local_reserved_ports", SERVER_PORTS), ("tcp_tw_reuse", "1")):
        with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as file:
            file.write(value)


@atexit.register
def tidy():
    for process in list(started):
        end(process)
    if work:
        shutil.rmtree(work, ignore_errors=True)


def stop(number, frame):
    del frame
    tidy()
    os._exit(128 + number)


for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, stop)


def start(argv, log):
    """A process with its output in a file."""
    with open(log, "wb") as file:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
    process.log = log
    started.append(process)
    return process


def end(process, limit_s=20):
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(limit_s)
    if process in started:
        started.remove(process)
    return process.returncode


def said(process):
    with open(process.log, encoding="utf-8", errors="replace") as file:
        return file.read().replace("\r\n", "\n")


def tail(process, lines=30):
    return "\n".join(said(process).splitlines()[-lines:])


def wait_for(what, condition, limit_s=UP_S, process=None):
    """What `condition` returns once it is true; a process that ends, or the limit, is a failure."""
    until = time.monotonic() + limit_s
    while True:
        result = condition()
        if result:
            return result
        over = process is not None and process.poll() is not None
        if over or time.monotonic() > until:
            why = "it ended" if over else f"not within {limit_s} s"
            raise tap.Failed(f"{what}: {why}" + (f"; it said:\n{tail(process)}" if process is not None else ""))
        time.sleep(0.02)


# Interfaces and guests.

subnets = iter(range(1, 255))


@dataclasses.dataclass
class Lan:
    """A tap interface of this host, with a network of its own behind it."""
    name: str
    host: str
    guest: str
    is_wire: bool = False  # who made it deletes it

    @property
    def guest_arguments(self):
        return [f"--ip={self.guest}/24", f"--gateway={self.host}", f"--dns={self.host}"]


def lan():
    number = next(subnets)
    made = Lan(f"tap{number}", f"10.9.{number}.1", f"10.9.{number}.2")
    must("ip", "tuntap", "add", made.name, "mode", "tap")
    must("ip", "address", "add", f"{made.host}/24", "dev", made.name)
    must("ip", "link", "set", made.name, "up")
    return made


@dataclasses.dataclass
class Guest:
    project: str
    machine: str
    lan: Lan
    process: subprocess.Popen
    pcap: str = None
    was_ended: bool = False  # by the test

    @property
    def address(self):
        return self.lan.guest

    def stop(self):
        end(self.process)
        self.was_ended = True

    def end(self):
        self.stop()
        if not self.lan.is_wire:
            must("ip", "link", "delete", self.lan.name)


def boot(project, machine, *arguments, where=None, static=True, pcap=False, memory=None):
    where = where or lan()
    pcap_file = f"{work}/{where.name}.pcap" if pcap else None
    line = [FATA, "run", "--image", image(project, machine), "--on", machine, "--tap", where.name,
            *(["--pcap", pcap_file] if pcap else []), *(["--memory", memory] if memory else []), "--", *(where.guest_arguments if static else []), *arguments]
    return Guest(project, machine, where, start(line, f"{work}/{project}-{where.name}.log"), pcap_file)


def connects(address, port, limit_s=1):
    try:
        with socket.create_connection((address, port), limit_s):
            return True
    except OSError:
        return False


PORTS = {"web": 80, "echo": 7, "secure": 443}


@contextlib.contextmanager
def running(project, machine, *arguments, **options):
    """A guest that has answered; what it said is part of a failure."""
    guest = boot(project, machine, *arguments, **options)
    try:
        wait_for(f"{project} on {machine} answers", lambda: connects(guest.address, PORTS[project]), process=guest.process)
        yield guest
        check(guest.process.poll() is None or guest.was_ended, "the guest has ended")
    except Exception as failure:
        raise tap.Failed(f"{failure or type(failure).__name__}\nthe guest said:\n{tail(guest.process)}") from failure
    finally:
        guest.end()


def each(machines):
    """For @each(machines)(title): the test for each machine, its title with {} filled in."""
    def decorate(title):
        def add(function):
            for machine in machines:
                suite.test(title.format(machine), machine)(function)
            return function
        return add
    return decorate


# Captures.

@dataclasses.dataclass
class Segment:
    """A TCP segment of a capture."""
    source: str
    target: str
    source_port: int
    target_port: int
    seq: int
    ack: int
    flags: int
    len: int
    time_s: float

    SYN, RST, FIN, ACK = 0x02, 0x04, 0x01, 0x10


def packets(path):
    """(time, bytes) of a pcap file (its classic format, microseconds or nanoseconds); one that is cut off just ends."""
    with open(path, "rb") as file:
        head = file.read(24)
        order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">"}.get(head[:4])
        check(order is not None, f"{path} is no pcap file")
        unit = 1e-9 if 0x3c in head[:4] else 1e-6
        while len(record := file.read(16)) == 16:
            seconds, part, kept, _ = struct.unpack(order + "4I", record)
            yield seconds + part * unit, file.read(kept)


def segments(path):
    for time_s, frame in packets(path):
        if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        tcp = 14 + (frame[14] & 15) * 4
        if len(frame) < tcp + 20:
            continue
        ports_seq_ack = struct.unpack(">HHII", frame[tcp:tcp + 12])
        data = struct.unpack(">H", frame[16:18])[0] - (tcp - 14) - (frame[tcp + 12] >> 4) * 4
        yield Segment(socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34]), ports_seq_ack[0], ports_seq_ack[1],
                      ports_seq_ack[2], ports_seq_ack[3], frame[tcp + 13], data, time_s)


def count_opens(path, server):
    """(SYNs to the server, of these sent again, of these never answered by a SYN and ACK)."""
    asked, again = {}, 0
    for segment in segments(path):
        kind = segment.flags & (Segment.SYN | Segment.ACK)
        if kind == Segment.SYN and segment.target == server:
            key = segment.source_port, segment.target_port, segment.seq
            again += key in asked
            asked.setdefault(key, False)
        elif kind == Segment.SYN | Segment.ACK and segment.source == server:
            key = segment.target_port, segment.source_port, segment.ack - 1 & 0xffffffff
            if key in asked:
                asked[key] = True
    return len(asked), again, sum(not answered for answered in asked.values())
