# SPDX-License-Identifier: ISC
"""C libraries as they are: Lua."""
import re

from guests import *

if "lua" in PROGRAMS:
    for machine, debug in WHERE:
        @suite.test(f"Lua's script ends well on {machine}{', debug' if debug else ''}", machine, debug)
        def _(machine, debug):
            done = boot("lua", machine, debug=debug).want(0, last="fata: exit 0")
            check(not re.search("^not ok", done.output, re.MULTILINE), done.shown())
