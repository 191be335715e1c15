# SPDX-License-Identifier: ISC
"""Fibers on the machines' own stacks, timers and clocks."""
import re

from guests import *

STACK_PERCENT = 75  # of its stack that a fiber may use


def fibers(machine, debug, arguments, options):
    done = boot("fibers", machine, *arguments, debug=debug, options=options).want(0, "^ok - ", last="fata: exit 0")
    check(not re.search("^not ok", done.output, re.MULTILINE), done.shown())


for machine, debug in WHERE:
    suite.test(f"fibers: all parts on {machine}{', debug' if debug else ''}", machine, debug, (), ())(fibers)
MANY = ("--fibers=10000", "--part=sleepers")
for machine in ("microvm", "virt"):
    suite.test(f"fibers: 10,000 at a time in 128 MiB on {machine}", machine, "", MANY, ("--memory", "128M"))(fibers)
suite.test("fibers: 10,000 at a time on process", "process", "", MANY, ())(fibers)


@each(TYPICAL)(f"debug: main and a fiber that print use at most {STACK_PERCENT}% of their stacks on {{}}")
def _(machine):
    done = boot("stacks", machine, debug="1").want(0)
    found = re.findall(r"^(stack of \w+: (\d+) of (\d+) bytes)$", done.output, re.MULTILINE)
    check(len(found) == 2, done.shown())
    for text, used, size in found:
        check(0 < int(used) * 100 <= int(size) * STACK_PERCENT, text)
    return "\n".join(text for text, _, _ in found)
