# SPDX-License-Identifier: ISC
"""The end of a program on somebody else's word, and too little memory to begin. (On Xen: tests/xen.)"""
import os
import signal
import time
import urllib.request

import guests
from guests import *


def serve():
    """The program as a process, and the port of its web server."""
    port = free_port()
    process = start([built("life", "unix")], env={**os.environ, "FATA_PORTS": f"{port}:80,{free_port()}:7"})
    for _ in range(100 * BOOT_S):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/figures", timeout=BOOT_S).read()
            return process, port
        except OSError:
            time.sleep(0.01)
    raise tap.Failed("it does not answer")


@suite.test("life: a process that has SIGTERM answers what it was asked, nobody else, and ends with 0")
def _():
    process, port = serve()
    try:
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/slow", timeout=BOOT_S) # (its head)
        process.send_signal(signal.SIGTERM)
        body = answer.read().decode()
        output = process.communicate(timeout=BOOT_S)[0].decode()
    finally:
        end(process)
    check(body.endswith("part 10\nall of it\n"), body)
    guests.Done(process.returncode, output).want(0, "the machine is to be turned off: 10 s to finish", "^success$", last="fata: exit 0")


@suite.test("life: a second SIGTERM ends a process at once")
def _():
    process, port = serve()
    try:
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/slow", timeout=BOOT_S)
        process.send_signal(signal.SIGTERM)
        while b"to finish" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        check(process.wait(BOOT_S) == -signal.SIGTERM, f"status {process.returncode}")
        answer.close()
    finally:
        end(process)
        process.stdout.close()


@suite.test("life: a process that crashes when it is to stop has crashed, also for fata run, and though it had answered")
def _():
    process = start([FATA, "run", "--image", built("life", "unix"), "--port", "0", "--timeout", str(BOOT_S), "--", "--crash"], stdin=subprocess.DEVNULL)
    try:
        while b"http://localhost:" not in (line := process.stdout.readline()):
            check(line, "it has ended")
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=BOOT_S)[0].decode()
    finally:
        end(process)
    guests.Done(process.returncode, output).want(134, "the machine is to be turned off", "^fata: crash: ", "^fata: exit 134$")


@suite.test("web in too little memory on microvm says what it wants and what there is")
def _():
    boot("web", "microvm", options=("--memory", "2M")).want(
        1, r"the network wants \d+ KiB for packets.* of the machine's \d+ KiB \d+ are free", last="fata: exit 1")
