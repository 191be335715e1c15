# SPDX-License-Identifier: ISC
"""C libraries: what the SDK has chosen in its own, and Lua, as it is."""
import re

from guests import *

if "lua" in PROGRAMS:
    for machine, debug in WHERE:
        @suite.test(f"Lua's script ends well on {machine}{', debug' if debug else ''}", machine, debug)
        def _(machine, debug):
            done = boot("lua", machine, debug=debug).want(0, last="fata: exit 0")
            check(not re.search("^not ok", done.output, re.MULTILINE), done.shown())

if "libc" in PROGRAMS:
    for machine, debug in WHERE:
        @suite.test(f"libc: moving bytes, division, numbers on {machine}{', debug' if debug else ''}", machine, debug)
        def _(machine, debug):
            boot("libc", machine, debug=debug).want(0, "^0 checks have failed$", last="fata: exit 0")
