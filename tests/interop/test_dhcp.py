# SPDX-License-Identifier: ISC
"""DHCP and DNS by dnsmasq: an address at the start, its renewal, names, and what happens without a server."""
import contextlib
import re
import shutil
import subprocess
import time

from lab import *

LEASE_S = 120       # dnsmasq's least
RENEW_S = 4         # T1, by the server's word
DOMAIN = "test.internal"
NAME = f"peer.{DOMAIN}"


@contextlib.contextmanager
def dnsmasq(where, *options):
    program = shutil.which("dnsmasq") or next((path for path in ("/usr/sbin/dnsmasq",) if os.path.exists(path)), None)
    if program is None:
        raise tap.Skip("dnsmasq is not installed (dnsmasq-base)")
    first, last = (where.guest.rsplit(".", 1)[0] + end for end in (".100", ".109"))  # a process has another MAC each time
    server = start([program, "--no-daemon", "--conf-file=/dev/null", "--user=root", "--group=root", "--no-resolv", "--no-hosts",
                    "--bind-interfaces", f"--interface={where.name}", "--except-interface=lo", "--log-dhcp", "--log-queries",
                    f"--dhcp-range={first},{last},255.255.255.0,{LEASE_S}s", "--dhcp-sequential-ip",
                    f"--dhcp-leasefile={work_file(where, 'leases')}",
                    f"--pid-file={work_file(where, 'pid')}", "--dhcp-authoritative", "--no-ping",
                    f"--address=/{NAME}/{where.host}", f"--local=/{DOMAIN}/", *options], work_file(where, "dnsmasq"))
    try:
        yield server, first
    except Exception as failure:
        raise tap.Failed(f"{failure or type(failure).__name__}\ndnsmasq said:\n{tail(server)}") from failure
    finally:
        end(server)


def work_file(where, kind):
    import lab
    return f"{lab.work}/{where.name}.{kind}"


def up(guest, address, port=7):
    wait_for(f"{guest.project} on {guest.machine} answers at {address}", lambda: connects(address, port), process=guest.process)


@each(MACHINES)("{}: an address by DHCP, and its renewal before it ends")
def _(machine):
    where = lan()
    with dnsmasq(where, f"--dhcp-option-force=58,{RENEW_S}", f"--dhcp-option-force=59,{RENEW_S * 4}") as (server, first):
        guest = boot("echo", machine, where=where, static=False)
        try:
            up(guest, first)
            acks = lambda: len(re.findall(r"DHCPACK\(", said(server)))
            check(acks() >= 1, "no DHCPACK")
            discovers = len(re.findall(r"DHCPDISCOVER\(", said(server)))
            wait_for("the lease is renewed", lambda: acks() >= 2, 4 * RENEW_S + 5, server)
            check(len(re.findall(r"DHCPDISCOVER\(", said(server))) == discovers, "it started from DHCPDISCOVER again")
            check(connects(first, 7, UP_S), "it no longer answers")
        except Exception as failure:
            raise tap.Failed(f"{failure}\nthe guest said:\n{tail(guest.process)}") from failure
        finally:
            guest.end()


@each(MACHINES)("{}: a server of DHCP that comes later is found")
def _(machine):
    where = lan()
    guest = boot("echo", machine, where=where, static=False)
    try:
        time.sleep(4)
        with dnsmasq(where) as (_, first):
            up(guest, first)
    finally:
        guest.end()


@each(MACHINES)("{}: names by DNS: a host is found and asked, an unknown one is not")
def _(machine):
    where = lan()
    with dnsmasq(where) as (server, first):
        line = [FATA, "run", "--image", image("asks", machine), "--on", machine, "--tap", where.name, "--timeout", "120", "--"]
        listener = socket.create_server((where.host, 8000))
        listener.settimeout(UP_S)
        with listener:
            guest = start([*line, f"--name={NAME}", "--port=8000", "--text=good morning"], f"{work_file(where, 'asks')}")
            with listener.accept()[0] as connection:
                connection.settimeout(UP_S)
                asked = connection.recv(100)
                check(asked == b"good morning", f"it said {asked!r}")
                connection.sendall(b"good night")
                connection.shutdown(socket.SHUT_WR)
            check(guest.wait(UP_S) == 0, tail(guest))
            check(f"answer: good night\n" in said(guest), tail(guest))
        check(NAME in said(server), "dnsmasq was not asked")
        for options, why in (([f"--name=nobody.{DOMAIN}", "--port=8000"], "no such thing"),
                             ([f"--name={NAME}", "--port=8001"], "closed")):
            guest = start([*line, *options], work_file(where, "asks2"))
            check(guest.wait(120) == 1, f"{options}: another status than 1\n{tail(guest)}")
            check("fata: exit 1" in said(guest), tail(guest))
            check(why in said(guest), f"it does not say {why!r}:\n{tail(guest)}")
            check(" (dhcp)" in said(guest), f"it has no address by DHCP\n{tail(guest)}")
    end(guest)


@suite.test("process: an answer that is too long for a datagram comes over TCP")
def _():
    where, name = lan(), f"many.{DOMAIN}"
    hosts, net = work_file(where, "hosts"), where.host.rsplit(".", 1)[0]
    with open(hosts, "w", encoding="ascii") as file:
        for last in range(120, 240):  # all of them are this host: any will do
            file.write(f"{net}.{last} {name}\n")
            must("ip", "address", "add", f"{net}.{last}/24", "dev", where.name)
    pcap = work_file(where, "pcap")
    # Any port: a listener at all addresses is in the way of each other one, and of connections that were.
    with dnsmasq(where, f"--addn-hosts={hosts}"), socket.create_server(("", 0)) as listener:
        listener.settimeout(UP_S)
        guest = start([FATA, "run", "--image", image("asks", "process"), "--on", "process", "--tap", where.name, "--pcap", pcap,
                       "--timeout", "120", "--", f"--name={name}", f"--port={listener.getsockname()[1]}"], work_file(where, "asks"))
        with listener.accept()[0] as connection:
            while connection.recv(100):
                pass
            connection.sendall(b"found")
        check(guest.wait(UP_S) == 0 and "answer: found" in said(guest), tail(guest))
    end(guest)
    check(any(segment.target_port == 53 for segment in segments(pcap)), "nobody was asked over TCP")


@suite.test("process: an address of its own that somebody else claims is kept, and people are told")
def _():
    with running("echo", "process") as guest:
        stranger, ours = bytes.fromhex("02000000beef"), socket.inet_aton(guest.address)
        claim = b"\xff" * 6 + stranger + struct.pack(">HHHBBH", 0x806, 1, 0x800, 6, 4, 1) + stranger + ours + b"\0" * 6 + ours
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind((guest.lan.name, 0))
            for _ in range(3):
                raw.send(claim)
                time.sleep(0.3)
        must("ip", "neighbour", "flush", "dev", guest.lan.name)
        check(connects(guest.address, 7, UP_S), "it has given its address up")
        wait_for("the log names the other station", lambda: "02:00:00:00:be:ef" in said(guest.process), process=guest.process)
