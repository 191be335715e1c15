# SPDX-License-Identifier: ISC
"""Bytes over a wire that loses, repeats and reorders packets, between the guest's TCP and Linux's."""
import os
import socket
import time

from lab import *
from test_tcp import exchange
from wire import Wire

WIRES = {
    "loses one packet in fifty": dict(loss=0.02),
    "loses one packet in ten": dict(loss=0.1),
    "brings one packet in five late": dict(late=0.2),
    "loses, repeats and reorders": dict(loss=0.03, repeat=0.05, late=0.1),
}
SEEDS, SEEDS_LONG = (1,), range(1, 11)
BYTES = {"process": (300_000, 1_000_000), "microvm": (200_000, 500_000), "virt": (150_000, 300_000)}  # and with --long
CONNECTIONS = (8, 20)


def over_a_wire(machine, kind):
    reports = []
    for seed in SEEDS_LONG if long_run() else SEEDS:
        with Wire(seed, **WIRES[kind]) as wire, running("echo", machine, where=wire.lan) as guest:
            data = os.urandom(BYTES[machine][long_run()])
            begin = time.monotonic()
            back = exchange(guest.address, data)
            check(back == data, f"seed {seed}: {len(back)} bytes of {len(data)} came back, or others; {wire.report()}")
            for number in range(CONNECTIONS[long_run()]):  # and the beginnings and ends of connections
                small = b"%d" % number
                check(exchange(guest.address, small) == small, f"seed {seed}, connection {number}: another answer")
            reports.append(f"seed {seed}: {wire.report()}, {time.monotonic() - begin:.1f} s")
    return "\n".join(reports)


def long_run():
    import lab
    return lab.long_run


for kind in WIRES:
    for machine in MACHINES:
        suite.test(f"echo on {machine} over a wire that {kind}", machine, kind)(over_a_wire)


@suite.test("the wire itself, when it does nothing, is one")
def _():
    with Wire(1) as wire, running("echo", "process", where=wire.lan) as guest:
        data = os.urandom(2_000_000)
        check(exchange(guest.address, data) == data, "bytes came back as others")
        check(wire.lost == wire.overrun, wire.report())
