#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`unshare -rn tests/xen/tap.py FATA IMAGE`: echo as a guest of a real Xen, by the dom0's bridge on a tap interface of this host,
where packets may be larger than its MTU. Sends it much, by TCP and in datagrams, checks what comes back, and says how large
the packets each way were.
"""
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading

HOST, GUEST, PORT = "10.9.0.1", "10.9.0.2", 7
RUN_S = 300
STREAM_BYTES = 4 << 20
DATAGRAMS_BYTES = (1, 1472, 1473, 8000) # the last two come in fragments
ETH_P_ALL, PACKET_OUTGOING = 3, 4 # linux/if_ether.h, linux/if_packet.h


def watch(sizes):
    """Notes the largest frame in and out."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as wire:
        wire.bind(("tap0", 0))
        while True:
            size, kind = (lambda got: (len(got[0]), got[1][2]))(wire.recvfrom(1 << 17))
            way = "to the guest" if kind == PACKET_OUTGOING else "from the guest"
            sizes[way] = max(sizes.get(way, 0), size)


def exchange_stream():
    sent = os.urandom(STREAM_BYTES)
    back = bytearray()
    with socket.create_connection((GUEST, PORT), RUN_S) as connection:
        sender = threading.Thread(target=lambda: (connection.sendall(sent), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        while data := connection.recv(1 << 20):
            back += data
        sender.join()
    print("stream:", "all came back" if back == sent else f"{len(back)} bytes of {len(sent)}, or others")


def exchange_datagrams():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(60)
        udp.connect((GUEST, PORT))
        for size in DATAGRAMS_BYTES:
            sent = os.urandom(size)
            udp.send(sent)
            with contextlib.suppress(TimeoutError):
                if udp.recv(65536) == sent:
                    print(f"datagram of {size}: came back")


for line in ("link set lo up", "tuntap add tap0 mode tap", f"addr add {HOST}/24 dev tap0", "link set tap0 up"):
    subprocess.run(["ip", *line.split()], check=True)
sizes = {}
threading.Thread(target=watch, args=(sizes,), daemon=True).start()
ready, told = os.pipe()
guest = subprocess.Popen([sys.argv[1], "run", "--on", "xen", "--image", sys.argv[2], "--tap=tap0", f"--port=1:{PORT}",
                          f"--ready-fd={told}", f"--timeout={RUN_S}", "--", f"--ip={GUEST}/24"], pass_fds=[told],
                         stdin=subprocess.DEVNULL)
os.close(told)
try:
    with open(ready, encoding="ascii") as lines:
        print("ready:", lines.read().strip())
    exchange_stream()
    exchange_datagrams()
finally:
    guest.send_signal(signal.SIGTERM)
    print("status", guest.wait())
for way, size in sorted(sizes.items()):
    print(f"frames {way}: up to {size} bytes")
