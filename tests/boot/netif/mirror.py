#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Runs `netif --mode=mirror` behind a tap interface and sends it TCP segments of up to 64 KiB with their checksums to be
completed, as a host's own TCP does; every one must come back as it was, to be cut up and completed by the host:

    unshare -rn tests/boot/netif/mirror.py COMMAND...      # starts the guest; its tap interface is named tap0

Prints what the guest prints; exit status 0: all is as it should be.
"""
import socket
import struct
import subprocess
import sys
import time

SOL_PACKET, PACKET_VNET_HDR, PACKET_OUTGOING = 263, 15, 4
LARGEST = 65535 - 54  # a frame of 64 KiB Linux cuts up by itself
LENGTHS = (1, 100, 1460, 1461, 4000, 4096 - 66, 4096 - 65, 9000, 40000, LARGEST, 5000, LARGEST)
ANSWER_S = 50  # on a busy machine
END_PORT = 9    # of the last segment, which does not come back


def ones_sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def frame(to, number, length, port=7):
    """Its virtio_net_hdr, and the frame."""
    source, target = bytes([10, 9, 9, 1]), bytes([10, 9, 9, 2])
    payload = bytes((i * 7 + i // 251 + number) & 0xff for i in range(length))
    pseudo = ones_sum(source + target + struct.pack("!BBH", 0, 6, 20 + length))
    tcp = struct.pack("!HHIIBBHHH", 1000 + number, port, 1, 1, 5 << 4, 0x10, 1000, pseudo, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + length, number, 0x4000, 64, 6, 0, source, target)
    ip = ip[:10] + struct.pack("!H", 0xffff & ~ones_sum(ip)) + ip[12:]
    whole = to + b"\x02\0\0\0\0\x01" + b"\x08\0" + ip + tcp + payload
    large = length > 1460
    return struct.pack("<BBHHHH", 1, 1 if large else 0, 54, 1460 if large else 0, 34, 16), whole


def answer(link):
    """What the guest sends next to this host's address; nothing, if it sends nothing."""
    end = time.monotonic() + ANSWER_S
    while (left := end - time.monotonic()) > 0:
        link.settimeout(left)
        try:
            got, address = link.recvfrom(80000)
        except TimeoutError:
            break
        if address[2] != PACKET_OUTGOING and got[10:16] == b"\x02\0\0\0\0\x01":
            return got
    return bytes(22)


def main():
    subprocess.run("ip tuntap add tap0 mode tap && ip link set tap0 up", shell=True, check=True)
    guest = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
    mac = None
    for line in guest.stdout:
        print(line, end="", flush=True)
        if line.startswith("virtio-net "):
            mac = bytes.fromhex(line.split()[1].rstrip(",").replace(":", ""))
        if line.startswith("ready"):
            break
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    link.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    link.bind(("tap0", 3))
    wrong = 0
    for number, length in enumerate(LENGTHS):
        header, whole = frame(mac, number, length)
        link.send(header + whole)
        got = answer(link)
        same = got[10 + 12:] == whole[12:]
        asked = struct.unpack("<BBHHHH", got[:10])
        # What the guest says of its headers' length is advice: the host may know better.
        right = asked[0] & 1 and asked[1] == header[1] and asked[3:] == struct.unpack("<BBHHHH", header)[3:]
        print(f"{'ok' if same and right else 'not ok'} - {length} bytes come back; asked for: {asked}", flush=True)
        wrong += not (same and right)
    link.send(b"".join(frame(mac, len(LENGTHS), 1, END_PORT)))
    for line in guest.stdout:
        print(line, end="", flush=True)
    return 1 if guest.wait() or wrong else 0


sys.exit(main())
