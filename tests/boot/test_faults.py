# SPDX-License-Identifier: ISC
"""What no program should do is caught, reported, and named by function."""
import re

from guests import *

# Faults: the function that must be named, and what the crash line says on a bare machine, as a process, and as a process
# with the sanitizers (the first one where it says the same).

FAULTS = {
    "wild-write": ("wild_write", "page fault: write to 0x(12345678900|1234500)0$"),
    "wild-read": ("wild_read", "page fault: read of 0x(7654321|23456)000$", None, "page fault: read of 0x"),
    "null-read": ("null_read", "page fault: read of 0x8$"),
    "null-call": ("null_call", "page fault: execution of 0x0$"),
    "stack-overflow": ("recurse", "page fault: write to 0x[0-9a-f]+$"),
    "write-code": ("write_to_code", "page fault: write to 0x"),
    "write-constant": ("write_to_constant", "page fault: write to 0x"),
    "jump-data": ("jump_to_data", "page fault: execution of 0x"),
    "jump-heap": ("jump_to_heap", "page fault: execution of 0x"),
    "jump-stack": ("jump_to_stack", "page fault: execution of 0x"),
    "divide": ("divide_by_zero", "divide error", "arithmetic fault", r"arithmetic fault|abort\(\)"),
    "opcode": ("invalid_opcode", "invalid opcode"),
    "panic": ("panics", "the answer is 42$"),
    "fa-assert": ("asserts", r"main.c:\d+: not true: 1 \+ 1 == 3$"),
    "assert": ("libc_asserts", r"main.c:\d+: not true: 1 \+ 1 == 3$", r"abort\(\)"),
    "abort": ("aborts", r"abort\(\)"),
    "smash": ("smashes_the_stack", "a buffer on the stack was written past its end", r"abort\(\)"),
    "double-free": ("frees_twice", "the heap is corrupt at 0x", r"abort\(\)"),
    "deadlock": ("deadlocks", "deadlock: every fiber waits"),
}
FURTHER = {"stack-overflow": "^fata: stack overflow: that is the guard page of fiber 'overflowing'$",
           "null-read": "^fata: that is a null pointer$", "null-call": "^fata: that is a null pointer$"}
VARIANTS = {"process": ("process", "", 1), "process, debug": ("process", "1", 2), "microvm": ("microvm", "", 0),
            "virt": ("virt", "", 0), "cubieboard": ("cubieboard", "", 0), "bpim2u": ("bpim2u", "", 0), "dom0less": ("dom0less", "", 0)}


@suite.test("every fault of tests/boot/faults has its tests here")
def _():
    done = boot("faults", "process").want(0)
    listed = {line for line in done.lines if not line.startswith("fata:")}
    check(listed == set(FAULTS), f"one of the two lacks: {sorted(listed ^ set(FAULTS))}")


def catches(fault, variant):
    machine, debug, column = VARIANTS[variant]
    function, bare, *others = FAULTS[fault]
    process, sanitized = (others + [None, None])[:2]
    process = process or bare
    kind = (bare, process, sanitized or process)[column]
    done = boot("faults", machine, f"--fault={fault}", debug=debug)
    fiber = "overflowing" if fault == "stack-overflow" else "main"
    done.want(134, f"^fata: crash: ({kind})", f"^fata: in fiber '{fiber}'$", *([FURTHER[fault]] if fault in FURTHER else []), last="fata: exit 134")
    check(re.search(rf"^( {{4}}(\(inlined by\) )?| {{4}}#\d+ 0x[0-9a-f]+ in ){function} ", done.output, re.MULTILINE),
          f"the backtrace does not name {function}\n{done.shown()}")


for fault in FAULTS:
    for variant in (variant for variant in VARIANTS if variant != "dom0less" or fault in FURTHER):
        suite.test(f"{variant}: the fault {fault} is caught and {FAULTS[fault][0]}() named", fault, variant)(catches)


@each(("microvm", "virt"))("{}, debug: a fault is caught, with the use of the stacks")
def _(machine):
    boot("faults", machine, "--fault=deadlock", debug="1").want(134, r"^fata: fiber 'main' .*, stack \d+ of \d+ bytes",
                                                                  last="fata: exit 134")
