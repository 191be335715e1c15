# SPDX-License-Identifier: ISC
"""The web template on a tap interface: every file by curl, load on connections that stay, and very many that do not."""
import http.client
import os
import re
import socket
import subprocess
import threading
import time

from lab import *

SITE = f"{OUT}/web/www"
MANY = {"process": (20_000, 50_000), "microvm": (3_000, 50_000), "virt": (1_000, 10_000), "cubieboard": (500, 5_000)}  # connections, and with --long
# Until every record of the bounded tables has been used once: Linux counts a process's page when it is first touched.
WARM_UP = {"process": 20_000, "microvm": 500, "virt": 500, "cubieboard": 200}
# Linux asks again after a second, for which a busy machine may stop the guest: now and then. Where SYNs are lost, most of the
# test is such seconds.
AGAIN_MAX, AGAIN_EVERY_S = 3, 4
GROWTH_BYTES_MAX = 64 * 1024  # of what is in use, between the warm-up and the end


def site():
    for folder, _, names in os.walk(SITE):
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), SITE)


def curl(*arguments):
    done = subprocess.run(["curl", "--silent", "--show-error", "--fail", "--max-time", "30", *arguments], capture_output=True)
    check(done.returncode == 0, f"curl {' '.join(arguments)}: {done.stderr.decode().strip()}")
    return done.stdout


@each(DEVICES)("web on {}: curl gets every file byte for byte, compressed or not")
def _(machine):
    with running("web", machine) as guest:
        count = 0
        for name in site():
            with open(f"{SITE}/{name}", "rb") as file:
                wanted = file.read()
            for options in ((), ("--compressed",)):
                check(curl(*options, f"http://{guest.address}/{name}") == wanted, f"{name} {options} is another")
            count += 1
        check(count > 2, f"{SITE} has {count} files")
        return f"{count} files"


def metrics(address):
    """{name with labels: value}"""
    found = {}
    for line in curl(f"http://{address}/metrics").decode().splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            found[name] = float(value)
    return found


def memory(guest):
    """What is in use, in bytes: by the program (of a process, what Linux says), and by its network."""
    found = metrics(guest.address)
    used = {"net": found["fata_net_memory_bytes"], "connections": found["fata_net_connections"]}
    if guest.machine == "process":
        pid = guest.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            program = file.read().split()[0]
        with open(f"/proc/{program}/status", encoding="ascii") as file:
            used["all"] = int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) * 1024
    else:
        used["all"] = found["fata_memory_used_bytes"]
    return used


def one_request(address):
    with socket.create_connection((address, 80), UP_S) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while got := connection.recv(65536):
            answer += got
    check(answer.startswith(b"HTTP/1.1 200 "), f"an answer begins with {answer[:40]!r}")


def only_open(address):
    socket.create_connection((address, 80), UP_S).close()


@each(DEVICES)("web on {}: connections one after another: every SYN is answered, memory stays flat")
def _(machine):
    count = MANY[machine][long_run]
    with running("web", machine, pcap=True) as guest:
        for number in range(WARM_UP[machine]):
            (one_request if number % 10 == 0 else only_open)(guest.address)
        before = memory(guest)
        begin = time.monotonic()
        for number in range(count):
            (one_request if number % 10 == 0 else only_open)(guest.address)
        seconds = time.monotonic() - begin
        time.sleep(1)
        after = memory(guest)
        guest.stop()  # and with it the capture is whole
        opened, again, unanswered = count_opens(guest.pcap, guest.address)
        check(opened >= count + WARM_UP[machine], f"the capture has {opened} connections of {count + WARM_UP[machine]}")
        check(unanswered == 0 and again <= AGAIN_MAX + seconds / AGAIN_EVERY_S, f"of {opened} SYNs {unanswered} have no answer, {again} were sent again")
        for name, value in after.items():
            check(value - before[name] <= GROWTH_BYTES_MAX, f"{name} in use grew from {before[name]:.0f} to {value:.0f}")
    return f"{opened} connections, {count / seconds:.0f} a second; " + ", ".join(
        f"{name}: {before[name]:.0f}, {value:.0f}" for name, value in after.items())


@each(DEVICES)("web on {}: 16 connections that stay, each with many requests")
def _(machine):
    count = {"process": 2000, "microvm": 200, "virt": 100, "cubieboard": 50}[machine]
    problems = []

    def client(address):
        try:
            connection = http.client.HTTPConnection(address, 80, timeout=UP_S)
            connection.connect()
            local = connection.sock.getsockname()
            for _ in range(count):
                connection.request("GET", "/")
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200 or body != wanted or connection.sock.getsockname() != local:
                    raise tap.Failed(f"status {answer.status}, {len(body)} bytes, or another connection")
            connection.close()
        except Exception as problem:
            problems.append(f"{type(problem).__name__}: {problem}")

    with open(f"{SITE}/index.html", "rb") as file:
        wanted = file.read()
    with running("web", machine) as guest:
        begin = time.monotonic()
        clients = [threading.Thread(target=client, args=[guest.address]) for _ in range(16)]
        for one in clients:
            one.start()
        for one in clients:
            one.join()
        seconds = time.monotonic() - begin
        check(not problems, "\n".join(problems[:5]))
    return f"{16 * count / seconds:.0f} requests a second"
