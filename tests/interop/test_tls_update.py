# SPDX-License-Identifier: ISC
"""TLS 1.3's KeyUpdate: OpenSSL and GnuTLS change their keys and ask for new ones of ours, our server and our client."""
from test_tls import expect, serving
from test_tls_client import GOOD, NAME, certificates
from tls_peers import *

BULK = 300_000


class Says:
    """A program that is said lines, each when the one before was dealt with, and what it prints."""

    def __init__(self, argv, log):
        self.log = log
        with open(log, "wb") as file:
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        end(self.process)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def waits(self, what, count=1):
        wait_for(f"{count} of '{what}'", lambda: self.text().count(what) >= count, PEER_S, self.process)

    def say(self, line, what=None, count=1):
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        if what:
            self.waits(what, count)


def s_client_talk(address, *options):
    """The same talk, with keys changed within it; how many of our KeyUpdates came."""
    argv = ["openssl", "s_client", "-connect", f"{address}:4430", "-CAfile", ca(), "-verify_return_error", "-servername", "a.example",
            "-tls1_3", "-msg", *options]
    with Says(argv, f"{work}/says-{time.monotonic_ns()}.log") as peer:
        peer.say("info", "name=a.example")
        for round_ in range(1, 4):
            peer.say(f"more {BULK}", "m" * 100)
            wait_for("the bulk", lambda: peer.text().count("m" * 10) * 10 >= round_ * BULK * 0.99, PEER_S, peer.process)
            peer.say("K", "KEYUPDATE", 3 * round_ - 2)
            peer.say("info", "name=a.example", 2 * round_)  # with our answer before it
            peer.say("k", "KEYUPDATE", 3 * round_ - 1)
            peer.say("K", "KEYUPDATE", 3 * round_)
            peer.say("info", "name=a.example", 2 * round_ + 1)
        peer.say("end")
        text = peer.text()
        came = len([line for line in text.splitlines() if line.startswith("<<< TLS 1.3") and "KeyUpdate" in line])
        check(came == 6, f"{came} KeyUpdates of ours:\n{text[:3000]}")
        return text


@suite.test("process: our TLS server follows new keys of OpenSSL's and GnuTLS's clients, and changes its own when it is asked")
def _():
    with serving() as guest:
        a = guest.address
        for cipher in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
            session = f"{work}/update-session"
            check("resumed=0" in s_client_talk(a, "-ciphersuites", cipher, "-sess_out", session), "resumed")
            check("resumed=1" in s_client_talk(a, "-ciphersuites", cipher, "-sess_in", session), "not resumed")
        if shutil.which("gnutls-cli"):
            argv = ["gnutls-cli", "--port", "4430", "--x509cafile", ca(), "--sni-hostname", "a.example", "--verify-hostname", "a.example",
                    "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "--inline-commands", a]
            with Says(argv, f"{work}/gnutls-update.log") as peer:
                peer.say("info", "name=a.example")
                for round_ in range(2, 8):
                    peer.say("^rekey1^" if round_ % 2 else "^rekey^", "Rekey was completed", round_ - 1)
                    peer.say("info", "name=a.example", round_)
                peer.say("end")
        expect(s_client(a, 4430), "TLSv1.3")


@suite.test("process: our TLS client follows new keys of OpenSSL's server, and changes its own when it is asked")
def _():
    where = lan()
    cert = certificates(where)["p256"]
    port = 4900
    argv = ["openssl", "s_server", "-accept", f"{where.host}:{port}", "-cert", f"{cert}.pem", "-cert_chain", f"{cert}.pem", "-key",
            f"{cert}.key", "-tls1_3", "-msg"]
    times, talks = 2, 4
    with Says(argv, f"{work}/s_server-update.log") as server:
        server.waits("ACCEPT")
        guest = start([FATA, "run", "--image", image("tls", "process"), "--on", "process", "--tap", where.name, "--timeout", "60", "--",
                       *where.guest_arguments, f"--now={int(time.time())}", f"--host={where.host}", f"--targets={port}={NAME}",
                       f"--times={times}", f"--talks={talks}"], f"{work}/tls-update-{where.name}.log")
        for number in range(1, times * talks + 1):
            server.waits("\nhello", number)
            for command in "Kk" if number % talks else "":  # the last talk has none behind it
                before = server.text().count(">>> TLS 1.3, Handshake [length 0005], KeyUpdate")
                server.say(command)
                wait_for("a KeyUpdate of the server", lambda: server.text().count(">>> TLS 1.3, Handshake [length 0005], KeyUpdate") > before)
            server.say(f"answer {number}")
        status = guest.wait(60)
        text = said(guest)
        check(status == 0 and text.count(" ok: ") == times, f"status {status}:\n{text}")
        check("resumed=0" in text and "resumed=1" in text, text)
        came = server.text().count("<<< TLS 1.3, Handshake [length 0005], KeyUpdate")
        check(came == times * (talks - 1), f"{came} KeyUpdates of our client:\n{server.text()[:3000]}")
