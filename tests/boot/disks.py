# SPDX-License-Identifier: ISC
"""Files that are disks of disk/main.c, and what is in them when it has run."""
import functools

from guests import work

DISK_BYTES = 8 << 20
PATTERN_BYTES = 4 << 20
KEPT_AT = 6 << 20 # nothing is written here
DISCARDED = (7 << 20, 8 << 20)


def new_disk(name):
    path = f"{work}/disk-{name}"
    with open(path, "wb") as file:
        file.write(b"\xee" * DISK_BYTES)
    return path


def pattern():
    """As fill() of disk/main.c has it."""
    words = ((at // 512 * 0x01010193 + at % 512) & 0xffffffff for at in range(0, PATTERN_BYTES, 4))
    return b"".join(word.to_bytes(4, "little") for word in words)


@functools.lru_cache(maxsize=None)
def expected():
    bytes_ = bytearray(pattern().ljust(DISK_BYTES, b"\xee"))
    bytes_[slice(*DISCARDED)] = bytes(DISCARDED[1] - DISCARDED[0])
    return bytes(bytes_)
