# SPDX-License-Identifier: ISC
"""A wire that loses, repeats, delays and reorders packets, between two tap interfaces, with a seed: what `tc netem` would do,
without a kernel module. On one side lies this host's address, on the other the guest; the wire is a thread between them.

Both ends carry the header of virtio (struct virtio_net_hdr) before each frame, so that unfinished checksums and segments that
are still to be cut go through as they are, as on a bridge.
"""
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import threading
import time

from lab import Lan, must, subnets

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
SOL_PACKET, PACKET_STATISTICS, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 6, 15, 23
BUFFER_BYTES = 16 << 20  # what is asked for; the kernel grants as much as net.core.rmem_max says
ETH_P_ALL = 3
FRAME_BYTES_MAX = 70_000


class Wire:
    """Fractions of packets that are lost, sent twice, and sent later than those behind them; the same both ways."""

    def __init__(self, seed, loss=0.0, repeat=0.0, late=0.0, late_s=0.02):
        number = next(subnets)
        self.random = random.Random(seed)
        self.loss, self.repeat, self.late, self.late_s = loss, repeat, late, late_s
        self.passed = self.lost = self.overrun = self.repeated = self.delayed = 0
        self.lan = Lan(f"far{number}", f"10.9.{number}.1", f"10.9.{number}.2", is_wire=True)
        near = f"near{number}"
        self.host_end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(self.host_end, TUNSETIFF, struct.pack("16sH14x", near.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        must("ip", "address", "add", f"{self.lan.host}/24", "dev", near)
        must("ip", "link", "set", near, "up")
        must("ip", "tuntap", "add", self.lan.name, "mode", "tap")
        must("ip", "link", "set", self.lan.name, "up")
        # No kernel of this host shall speak on the guest's side.
        for name in ("arp_ignore", "disable_ipv6"):
            family = "ipv6" if "6" in name else "ipv4"
            with open(f"/proc/sys/net/{family}/conf/{self.lan.name}/{name}", "w", encoding="ascii") as file:
                file.write("8" if name == "arp_ignore" else "1")
        self.guest_end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.guest_end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.guest_end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.guest_end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.guest_end.bind((self.lan.name, 0))
        self.guest_end.setblocking(False)
        self.later, self.count, self.ends = [], 0, False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends = True
        self.thread.join()
        self.count_overruns()
        self.guest_end.close()
        os.close(self.host_end)
        must("ip", "link", "delete", self.lan.name)

    def carry(self, send, frame):
        """Decides what becomes of one packet."""
        if self.random.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        copies = 2 if self.random.random() < self.repeat else 1
        self.repeated += copies - 1
        for _ in range(copies):
            if self.random.random() < self.late:
                self.delayed += 1
                self.count += 1  # decides between equal times
                heapq.heappush(self.later, (time.monotonic() + self.random.uniform(0, self.late_s), self.count, send, frame))
            else:
                send(frame)

    def to_guest(self, frame):
        try:
            self.guest_end.send(frame)
        except OSError:
            self.lose_overrun(1)  # the guest takes no more: any wire may do that

    def to_host(self, frame):
        try:
            os.write(self.host_end, frame)
        except OSError:
            self.lose_overrun(1)

    def lose_overrun(self, count):
        """Packets that this wire could not take or give, whatever its fractions say."""
        self.lost += count
        self.overrun += count

    def count_overruns(self):
        """What the kernel has dropped at the guest's end since the last call, its buffer being full."""
        dropped = struct.unpack("II", self.guest_end.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        self.lose_overrun(dropped)

    def run(self):
        sides = ((self.host_end, lambda: os.read(self.host_end, FRAME_BYTES_MAX), self.to_guest),
                 (self.guest_end, lambda: self.guest_end.recv(FRAME_BYTES_MAX), self.to_host))
        while not self.ends:
            wait_s = min(0.2, max(0.0, self.later[0][0] - time.monotonic())) if self.later else 0.2
            ready = select.select([self.host_end, self.guest_end], [], [], wait_s)[0]
            for handle, read, send in sides:
                for _ in range(64 if handle in ready else 0):
                    try:
                        self.carry(send, read())
                    except OSError:
                        break
            while self.later and self.later[0][0] <= time.monotonic():
                _, _, send, frame = heapq.heappop(self.later)
                send(frame)

    def report(self):
        if self.guest_end.fileno() >= 0:
            self.count_overruns()
        return (f"{self.passed} packets passed, {self.lost} lost ({self.overrun} of them for want of room), "
                f"{self.repeated} repeated, {self.delayed} late")
