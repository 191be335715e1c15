# SPDX-License-Identifier: ISC
"""The way up from a crash names every function, whatever its frame is like."""
import re

from guests import *

# The functions up to main, without those above; and those that are walked with unwind tables only: by frame pointers, what
# calls assembler is not seen (nor what calls a process's own C library).
WALKS = {
    "recursive": ["bottom", *["recursive"] * 5, "go"],
    "variable": ["bottom", "variable", "go"],
    "large": ["bottom", "large", "go"],
    "floating": ["bottom", "floating", "go"],
    "variadic": ["bottom", "variadic", "go"],
    "ending": ["never_returning", "ending", "go"],
    "beginning": ["beginning", "go"],
}
TABLE_WALKS = {
    "sorting": ["bottom", "compare", "qsort", "sorting", "go"],
    "filling": ["memset", "filling", "go"],
    "copying": ["memcpy", "copying", "go"],
    "measuring": ["strlen", "measuring", "go"],
}


def walks(name, machine, debug):
    done = boot("walks", machine, f"--walk={name}", debug=debug).want(134, last="fata: exit 134")
    report = done.output.split("fata: crash:")[1].split("fata: in fiber 'main'")[0]
    names = re.findall(r"^    (?:\(inlined by\) )?(\w+) ", report, re.MULTILINE)
    expected = [*{**WALKS, **TABLE_WALKS}[name], "main"]
    check(names[:len(expected)] == expected, f"{' < '.join(names)}\ninstead of\n{' < '.join(expected)}\n{done.shown()}")


for machine, debug in (("process", ""), ("microvm", ""), ("virt", ""), ("virt", "1"), ("cubieboard", "")):
    for name in [*WALKS, *(TABLE_WALKS if machine in ("virt", "cubieboard") else ())]:
        suite.test(f"{machine}{', debug' if debug else ''}: the walk up from {name}", name, machine, debug)(walks)
