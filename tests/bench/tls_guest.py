# SPDX-License-Identifier: ISC
"""What TLS costs a guest, ours and a Linux guest with nginx, which serve the same site to the same client over a tap interface in a network
namespace: `tls_guest.py PLUGIN FOLDER` as root of it, where FOLDER/guests.json says how the guests are started. Prints figures as JSON.
Used by `run`, which calls measure()."""

import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import peer
import serve
import tls
from guest import QUIET, Failed, command

HANDSHAKES, FILES = 50, 5
UP_S = 120
MEMORY_MIB = 256 # of either
OURS_OF_LINUX_MAX = 1.02 # counts differ from run to run by a hundredth


def linux_initramfs(folder):
    """Debian's part, which is cached, and ours: Linux unpacks one after the other (Documentation/driver-api/early-userspace)."""
    debian = pathlib.Path(command([tls.HERE.parent / "xennet/linux-guest"], "fetching a Linux guest").split()[-1]) / "initramfs"
    conf = (tls.HERE / "nginx.conf").read_text(encoding="utf-8")
    for word, value in (("@FOLDER@", "/site"), ("@ADDRESS@", "0.0.0.0"), ("@PORT@", "443")):
        conf = conf.replace(word, value)
    files = [("init", 0o100755, (tls.HERE / "init").read_bytes()), ("etc", 0o40755, b""),
             ("etc/passwd", 0o100644, b"root:x:0:0::/:/bin/sh\n"), ("etc/group", 0o100644, b"root:x:0:\n"), ("site", 0o40755, b""),
             ("site/www", 0o40755, b""), ("site/tls", 0o40700, b""), ("site/nginx.conf", 0o100644, conf.encode())]
    files += [(f"site/tls/{name}", 0o100600, (folder / "tls" / name).read_bytes()) for name in ("server.pem", "server.key")]
    files += [(f"site/{name}", 0o100644, content) for name, content in tls.site().items()]
    archive = debian.read_bytes()
    path = folder / "linux.cpio"
    path.write_bytes(archive + bytes(-len(archive) % 4) + peer.cpio(files))
    return path


def measure(figures, machine, root, out, image):
    """`image` is that of tests/bench/tls for xen-x86_64; the site and the keys are there (tls.measure)."""
    folder = out / "tls"
    kernel = command([root / "toolchain/xen", "x86_64"], "fetching a Linux kernel").split()[-1] + "/kernel"
    tap = ["-m", f"{MEMORY_MIB}M", "-netdev", f"tap,id=n0,ifname={serve.INTERFACE},script=no,downscript=no"]
    guests = {
        "ours": [machine.program, *machine.kind.words, *tap, "-device", "virtio-net-device,netdev=n0", "-kernel", image,
                 "-append", f"--ip={serve.GUEST}/24 --gateway={serve.HOST}"],
        "linux": [machine.program, "-M", "q35", "-cpu", "max", "-accel", "tcg", *QUIET, *tap, "-device", "virtio-net-pci,netdev=n0",
                  "-kernel", kernel, "-initrd", linux_initramfs(folder),
                  "-append", "console=ttyS0 quiet panic=-1 mitigations=off"],
    }
    (folder / "guests.json").write_text(json.dumps({who: [str(word) for word in words] for who, words in guests.items()}))
    said = command(["unshare", "--map-root-user", "--net", sys.executable, __file__, machine.plugin, folder], "TLS of guests")
    got = json.loads(said.splitlines()[-1])
    figures.heading(f"TLS 1.3 beside a Linux guest with nginx: the guest's instructions ({machine.name}; Linux on q35)")
    for suite in tls.SUITES:
        for what, name, unit, scale in (("full", "full handshake, and a page", "instructions", 1),
                                        ("resumed", "resumed handshake, and a page", "instructions", 1),
                                        ("bulk", "a MB sent", "instructions", 1e6 / tls.FILE_BYTES)):
            ours, linux = (got[who][f"{suite} {what}"] * scale for who in ("ours", "linux"))
            figures.add(f"{suite}: {name}", ours, unit, round(linux * OURS_OF_LINUX_MAX),
                        f"Linux: {linux:,.0f}; ours is {ours / linux:.3f} of that")


def wait(guest):
    until = time.monotonic() + UP_S
    while time.monotonic() < until and guest.process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection((serve.GUEST, 443), 0.5).close()
            return
        time.sleep(0.1)
    raise Failed(f"a guest does not serve; it said:\n{guest.text()}")


def count_one(words, plugin, folder, counts):
    """{"suite what": instructions for one}"""
    got = {}
    guest = serve.Counted(words, plugin, counts)
    try:
        wait(guest)
        for suite, name in tls.SUITES.items():
            client = tls.Client(folder, folder / "tls/ca.pem", serve.GUEST, 443, name)
            try:
                for what, count, path, size in (("full", HANDSHAKES, tls.PAGE, tls.PAGE_BYTES),
                                                ("resumed", HANDSHAKES, tls.PAGE, tls.PAGE_BYTES),
                                                ("bulk", FILES, tls.FILE, tls.FILE_BYTES)):
                    client.does(what, 1, path, size)
                    before = guest.count()
                    client.does(what, count, path, count * size)
                    got[f"{suite} {what}"] = (guest.count() - before) / count
            finally:
                client.end()
    finally:
        guest.end()
    return got


def main(plugin, folder):
    folder = pathlib.Path(folder)
    command(["ip", "link", "set", "lo", "up"], "making a tap interface")
    serve.add_tap(serve.INTERFACE, serve.HOST)
    guests = json.loads((folder / "guests.json").read_text())
    with tempfile.TemporaryDirectory(prefix="fata-bench.") as counts:
        print(json.dumps({who: count_one(words, plugin, folder, f"{counts}/{who}") for who, words in guests.items()}))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    try:
        main(*sys.argv[1:])
    except (Failed, subprocess.SubprocessError) as failure:
        sys.exit(str(failure))
