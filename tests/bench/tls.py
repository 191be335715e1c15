# SPDX-License-Identifier: ISC
"""What TLS costs: `unix` (ours), nginx with OpenSSL, and ours over mbedTLS as it is, without what sdk/tls/fast_*.c does in its place.
Each serves the same site as a process of its own on one CPU, in turns, to the same client on another; what is compared is the server's
own time on its CPU, its kernel's part included, so what else the machine does hardly matters. Used by `run`."""

import contextlib
import hashlib
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time

from guest import Failed, command

HERE = pathlib.Path(__file__).with_name("tls")
PAGE, PAGE_BYTES = "small.html", 600
FILE, FILE_BYTES = "large.bin", 4_000_000
HANDSHAKES, FILES, ROUNDS = 150, 20, 3
UP_S = 10
NAME = "bench.example"
SUITES = {"AES-128-GCM": "TLS_AES_128_GCM_SHA256", "ChaCha20-Poly1305": "TLS_CHACHA20_POLY1305_SHA256"}
# What the README says why: parts of nginx's time and of plain mbedTLS's.
HANDSHAKE_OF_NGINX_MAX, HANDSHAKE_OF_PLAIN_MAX = 3.0, 1 / 1.5
RESUMED_OF_NGINX_MAX = 2.0
BULK_OF_NGINX_MAX, BULK_OF_PLAIN_MAX = 2.0, 1 / 4


def site():
    """The large file cannot be packed, so it is sent as it is by whoever would."""
    page = "<!doctype html><title>small</title>".ljust(PAGE_BYTES - 1, ".") + "\n"
    return {f"www/{PAGE}": page.encode(), f"www/{FILE}": random.Random(1).randbytes(FILE_BYTES)}


def certificates(root, folder):
    """A CA and a certificate that it signs, made once in folder/tls."""
    if not (folder / "tls" / "server.pem").exists():
        shutil.rmtree(folder / "tls", ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        command(["make", "-s", "-C", root, "-f", "toolchain/tools.mk", "cert-tool"], "building fata cert")
        command([root / "build/fata-cert", "ca"], "making a CA", cwd=folder)
        command([root / "build/fata-cert", "new", NAME], "making a certificate", cwd=folder)
    return folder / "tls"


def files_of(tls):
    return {**site(), "files/server.pem": (tls / "server.pem").read_bytes(), "files/server.key": (tls / "server.key").read_bytes()}


def plain_archives(root, out):
    """mbedTLS as it is, and sdk/tls over it, as archives for a link on this machine."""
    third = root / "toolchain/third-party"
    inputs = sorted([*(third / "ours/mbedtls").iterdir(), *(third / "patches/mbedtls").iterdir(), third / "pins",
                     *(root / "sdk/tls").glob("*.[ch]")])
    key = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()[:12]
    folder = out / f"plain-{key}"
    ours, library = folder / "libtls.a", folder / "libmbedtls.a"
    if ours.exists():
        return ours, library
    work = out / "plain.new"
    for old in [work, *out.glob("plain-*")]:
        shutil.rmtree(old, ignore_errors=True)
    work.mkdir(parents=True)
    source = work / "src"
    command([third / "fetch", "mbedtls", source], "fetching mbedTLS")
    for header in (third / "ours/mbedtls").glob("*.h"):
        shutil.copy(header, source / "include/mbedtls")
    everest = source / "3rdparty/everest"
    includes = [f"-I{path}" for path in (source / "include", source / "library", everest / "include", everest / "include/everest",
                                         everest / "include/everest/kremlib")]

    def archive(name, files, options):
        objects = work / name
        objects.mkdir()
        listing = objects / "files"
        listing.write_text("\n".join(str(file) for file in files) + "\n", encoding="utf-8")
        compiler = ["gcc", "-O2", "-march=x86-64", "-ffunction-sections", "-fdata-sections", "-DMBEDTLS_FATA_PLAIN", *includes, *options]
        command(["xargs", "-a", listing, "-n", "1", "-P", "2", *compiler, "-c"], f"building {name}", cwd=objects)
        command(["ar", "rcs", work / f"{name}.a", *sorted(objects.glob("*.o"))], f"building {name}")

    archive("libmbedtls", [*(source / "library").glob("*.c"), *(everest / "library" / f"{name}.c" for name in (
        "everest", "x25519", "Hacl_Curve25519_joined"))], [])
    archive("libtls", [path for path in (root / "sdk/tls").glob("*.c") if not path.name.startswith("fast_")],
            ["-D_GNU_SOURCE", f"-I{root}/sdk/include", "-isystem", root / "build/third-party/host/bearssl/include"])
    shutil.rmtree(source)
    work.rename(folder)
    return ours, library


@contextlib.contextmanager
def server(words, cpu):
    """A server's process on its CPU, and the port where it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(["taskset", "-c", str(cpu), *(str(word) for word in words(port))], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + UP_S
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            if process.poll() is not None or time.monotonic() > until:
                process.kill()
                raise Failed(f"{words(port)[0]} does not serve; it said:\n{process.stderr.read()[-1000:]}")
            time.sleep(0.02)
        yield process.pid, port
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def cpu_ns(pid):
    """The time that a process has been on a CPU (Documentation/scheduler/sched-stats: the first of schedstat)."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])


class Client:
    def __init__(self, folder, authority, host, port, suite, prefix=()):
        settings = folder / f"{suite}.cnf"
        settings.write_text("openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n"
                            f"[tls]\nCiphersuites = {suite}\n")
        self.process = subprocess.Popen([*prefix, sys.executable, HERE / "client.py", authority, host, str(port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "OPENSSL_CONF": str(settings)})

    def does(self, what, count, path, wanted_bytes):
        self.process.stdin.write(f"{what} {count} /{path}\n")
        self.process.stdin.flush()
        if self.process.stdout.readline().split() != ["done", str(wanted_bytes)]:
            self.process.kill()
            raise Failed(f"the client of TLS did not get its {wanted_bytes} bytes ({what}); it said:\n{self.process.stderr.read()[-1000:]}")

    def end(self):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


def jobs():
    """(name, what the client does, how often, path, bytes of each)"""
    return (("full", HANDSHAKES, PAGE, PAGE_BYTES), ("resumed", HANDSHAKES, PAGE, PAGE_BYTES), ("bulk", FILES, FILE, FILE_BYTES))


def measure_server(folder, authority, words, cpus):
    """{(suite, what): ns of the server's CPU for one}"""
    got = {}
    with server(words, cpus[0]) as (pid, port):
        for suite, name in SUITES.items():
            client = Client(folder, authority, "127.0.0.1", port, name, ["taskset", "-c", str(cpus[-1])])
            try:
                for what, count, path, size in jobs():
                    client.does(what, max(count // 10, 1), path, max(count // 10, 1) * size)
                    before = cpu_ns(pid)
                    client.does(what, count, path, count * size)
                    got[suite, what] = (cpu_ns(pid) - before) / count
            finally:
                client.end()
    return got


def measure(figures, root, out, build):
    """`build(name, options)` builds the project with make's options and returns its image for unix."""
    folder = out / "tls"
    tls = certificates(root, folder)
    for path, content in site().items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    nginx = command([root / "toolchain/peer", "nginx", "nginx"], "fetching nginx").split()[-1]
    ours = build("tls", ())
    plain_tls, plain_mbedtls = plain_archives(root, folder)
    third = root / "build/third-party/host"
    archives = " ".join(str(path) for path in (plain_tls, plain_mbedtls, root / "build/unix/libfata.a", third / "ring/lib/libring.a",
                                               third / "bearssl/lib/libbearssl.a"))
    plain = build("tls-plain", (f"app_archives={archives}",))
    conf = folder / "nginx.conf"

    def nginx_words(port):
        text = (HERE / "nginx.conf").read_text(encoding="utf-8")
        for word, value in (("@FOLDER@", folder), ("@ADDRESS@", "127.0.0.1"), ("@PORT@", port)):
            text = text.replace(word, str(value))
        conf.write_text(text, encoding="utf-8")
        return [nginx, "-p", folder, "-c", conf]

    servers = {"ours": lambda port: [ours, f"--port={port}"], "nginx": nginx_words, "plain": lambda port: [plain, f"--port={port}"]}
    cpus = sorted(os.sched_getaffinity(0))
    runs = {}
    for _ in range(ROUNDS):
        for who, words in servers.items():
            for key, value in measure_server(folder, tls / "ca.pem", words, cpus).items():
                runs.setdefault((who, *key), []).append(value)
    best = {key: min(values) for key, values in runs.items()}
    figures.heading("TLS 1.3 beside nginx with OpenSSL, as processes: the server's time on its CPU (P-256 certificate, X25519)")
    for suite in SUITES:
        for what, name, per, limits in (("full", "full handshake, and a page", 1, (HANDSHAKE_OF_NGINX_MAX, HANDSHAKE_OF_PLAIN_MAX)),
                                        ("resumed", "resumed handshake, and a page", 1, (RESUMED_OF_NGINX_MAX, 1.0)),
                                        ("bulk", "a MB sent", FILE_BYTES / 1e6, (BULK_OF_NGINX_MAX, BULK_OF_PLAIN_MAX))):
            fata, nginx_ns, plain_ns = (best[who, suite, what] / per for who in ("ours", "nginx", "plain"))
            limit = nginx_ns * limits[0]
            if what != "bulk" or suite == "AES-128-GCM":
                limit = min(limit, plain_ns * limits[1])
            rate = 1e9 / fata
            figures.add(f"{suite}: {name}", fata / 1e3, "us", round(limit / 1e3, 1),
                        f"{rate:,.0f} {'MB' if what == 'bulk' else 'times'} a second; nginx: {nginx_ns / 1e3:,.1f} us, "
                        f"plain mbedTLS: {plain_ns / 1e3:,.1f} us")
