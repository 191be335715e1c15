# SPDX-License-Identifier: ISC
"""What `fata run` does for a guest's network: out without a port, in by TCP and UDP, and on a tap interface."""
import os
import signal
import socket
import subprocess

from lab import *

IN_QEMU = ("microvm", "virt")
HOST = "10.0.2.2"  # what QEMU's user networking calls this host


def run(project, machine, *options, arguments=()):
    """A guest, and what its --ready-fd said until it was closed."""
    read, write = os.pipe()
    with open(f"{work_folder()}/{project}-{machine}.run", "wb") as log:
        process = subprocess.Popen([FATA, "run", "--image", image(project, machine), "--on", machine, "--timeout", "120",
                                    "--ready-fd", str(write), *options, "--", *arguments], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, pass_fds=[write])
    process.log = log.name
    started.append(process)
    os.close(write)
    with open(read, encoding="ascii") as ready:
        return process, ready.read().splitlines()


def work_folder():
    import lab
    return lab.work


@each(IN_QEMU)("{}: a guest without a port connects out")
def _(machine):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(UP_S)
        guest, _ = run("asks", machine, arguments=[f"--name={HOST}", f"--port={listener.getsockname()[1]}", "--text=out"])
        with listener.accept()[0] as connection:
            connection.settimeout(UP_S)
            check(connection.recv(100) == b"out", "it said something else")
            connection.sendall(b"there")
        check(guest.wait(UP_S) == 0 and "answer: there\n" in said(guest), tail(guest))
        end(guest)


@each(MACHINES)("{}: free ports are told, lead in by TCP and UDP, and SIGTERM is then an end as good as any")
def _(machine):
    guest, ready = run("echo", machine, "--port", "0:7", "--port", "0:7/udp")
    ports = {line.endswith("/udp"): int(line.removesuffix("/udp").rsplit(":", 1)[1]) for line in ready}
    check(sorted(ports) == [False, True], f"ready: {ready}\n{tail(guest)}")
    with socket.create_connection(("127.0.0.1", ports[False]), UP_S) as tcp:
        tcp.sendall(b"by TCP")
        check(tcp.recv(100) == b"by TCP", "another answer by TCP")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(UP_S)
        udp.sendto(b"by UDP", ("127.0.0.1", ports[True]))
        check(udp.recv(100) == b"by UDP", "another answer by UDP")
    check(end(guest) == 0, f"status {guest.returncode}\n{tail(guest)}")


@each(MACHINES)("{}: on a tap interface the address is told, and the ports there that answer")
def _(machine):
    where = lan()
    guest, ready = run("web", machine, "--tap", where.name, "--port", "8080", arguments=where.guest_arguments)
    check(ready == [f"http://{where.guest}/"], f"ready: {ready}\n{tail(guest)}")
    check(f"fata: the guest's address is {where.guest}\n" in said(guest), tail(guest))
    guest.send_signal(signal.SIGINT)
    check(guest.wait(UP_S) == 0, f"status {guest.returncode}\n{tail(guest)}")
    end(guest)
    must("ip", "link", "delete", where.name)
