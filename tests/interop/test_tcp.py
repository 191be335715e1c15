# SPDX-License-Identifier: ISC
"""The stack against Linux's: echoed bytes, ends of connections, refusals, pings, many connections."""
import os
import select
import socket
import struct
import threading
import time

from lab import *

LIMIT_S = 60
AT_ONCE_S = 10  # Linux, unanswered, would ask for minutes


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ping(address, size, ident, number):
    data = bytes(index & 0xff for index in range(size))
    head = struct.pack(">BBHHH", 8, 0, 0, ident, number)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(UP_S)
        raw.sendto(struct.pack(">BBHHH", 8, 0, checksum(head + data), ident, number) + data, (address, 0))
        while True:
            packet, (source, _) = raw.recvfrom(65535)
            answer = packet[(packet[0] & 15) * 4:]
            if source == address and answer[:2] == b"\0\0" and struct.unpack(">HH", answer[4:8]) == (ident, number):
                return answer[8:] == data


@each(DEVICES)("ping on {}: answers carry what was asked, fragments too")
def _(machine):
    with running("echo", machine) as guest:
        for number, size in enumerate((0, 1, 56, 1472, 1473, 4000, 8000)):
            check(ping(guest.address, size, 4711, number), f"an answer to {size} bytes is another")


def exchange(address, data, port=7, half_close=True, read_size=65536):
    """Sends all data while reading, and returns what came back."""
    back = bytearray()
    with socket.create_connection((address, port), LIMIT_S) as connection:
        connection.setblocking(False)
        view, sent, is_open = memoryview(data), 0, True
        if half_close and not data:
            connection.shutdown(socket.SHUT_WR)
        until = time.monotonic() + LIMIT_S
        while is_open:
            check(time.monotonic() < until, f"{sent} bytes sent, {len(back)} back, and no more")
            readable, writable, _ = select.select([connection], [connection] if sent < len(data) else [], [], 1)
            if writable:
                sent += connection.send(view[sent:sent + 65536])
                if sent == len(data) and half_close:
                    connection.shutdown(socket.SHUT_WR)
            if readable:
                got = connection.recv(read_size)
                back += got
                is_open = bool(got) and (half_close or len(back) < len(data))
    return bytes(back)


@each(DEVICES)("echo on {}: bytes come back as they were, and after our end, its end")
def _(machine):
    with running("echo", machine) as guest:
        for size in (0, 1, 1459, 1460, 1461, 65536, 4_000_000):
            data = os.urandom(size)
            check(exchange(guest.address, data) == data, f"{size} bytes came back as others")


@each(DEVICES)("echo on {}: a reader that takes its time closes the window, and gets all")
def _(machine):
    with running("echo", machine) as guest:
        data = os.urandom(3_000_000)
        back = bytearray()
        with socket.create_connection((guest.address, 7), LIMIT_S) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)))
            sender.start()
            time.sleep(2)  # nobody reads: both windows close
            while got := connection.recv(65536):
                back += got
            sender.join()
        check(bytes(back) == data, f"{len(back)} bytes of {len(data)}, or others")


@each(DEVICES)("echo on {}: datagrams come back, large ones in fragments")
def _(machine):
    with running("echo", machine) as guest, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(UP_S)
        udp.connect((guest.address, 7))
        for size in (0, 1, 1472, 1473, 4000, 8000):
            data = os.urandom(size)
            udp.send(data)
            check(udp.recv(65536) == data, f"a datagram of {size} bytes came back as another")


@each(MACHINES)("{}: a port that nobody listens at refuses at once, by TCP and by UDP")
def _(machine):
    with running("echo", machine) as guest:
        begin = time.monotonic()
        try:
            socket.create_connection((guest.address, 9), UP_S).close()
            raise tap.Failed("it was accepted")
        except ConnectionRefusedError:
            pass
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(UP_S)
            udp.connect((guest.address, 9))
            udp.send(b"x")
            try:
                udp.recv(10)
                raise tap.Failed("it was answered")
            except ConnectionRefusedError:
                pass
        check(time.monotonic() - begin < AT_ONCE_S, f"that took more than {AT_ONCE_S} s")


@each(MACHINES)("echo on {}: a connection that is reset harms no other")
def _(machine):
    with running("echo", machine) as guest:
        with socket.create_connection((guest.address, 7), LIMIT_S) as other:
            for _ in range(50):
                reset = socket.create_connection((guest.address, 7), LIMIT_S)
                reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                reset.sendall(b"x" * 5000)
                reset.close()
            other.sendall(b"still there")
            other.settimeout(UP_S)
            check(other.recv(100) == b"still there", "another answer")


@each(DEVICES)("echo on {}: 100 connections at once")
def _(machine):
    with running("echo", machine) as guest:
        connections = [socket.create_connection((guest.address, 7), LIMIT_S) for _ in range(100)]
        try:
            for number, connection in enumerate(connections):
                connection.sendall(b"%03d" % number)
            for number, connection in enumerate(connections):
                connection.settimeout(UP_S)
                check(connection.recv(3, socket.MSG_WAITALL) == b"%03d" % number, f"connection {number} got another answer")
        finally:
            for connection in connections:
                connection.close()
