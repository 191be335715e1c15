# SPDX-License-Identifier: ISC
"""Peers of the TLS tests: OpenSSL's, GnuTLS's, curl, and Python's ssl over bytes that a test can cut, change and delay."""
import shutil
import ssl

import tls_certs
from lab import *

AUTHORITY = f"{OUT}/tls-certs"
PEER_S = 60  # on a busy machine, as all of these
HELLO_S = 20


def authority():
    return tls_certs.Authority(AUTHORITY)


def ca():
    return f"{AUTHORITY}/ca.pem"


def run(argv, text="", limit_s=PEER_S):
    """(status, output) of a program that is said something."""
    done = subprocess.run(argv, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit_s)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def s_client(address, port, *options, name="a.example", say="info\nend\n", trust=None):
    names = ["-servername", name, "-verify_hostname", name] if name else ["-noservername"]
    return run(["openssl", "s_client", "-connect", f"{address}:{port}", "-CAfile", trust or ca(), "-verify_return_error", "-quiet",
                *names, *options], say)


def gnutls_cli(address, port, priority, *options, name="a.example", say="info\nend\n"):
    if shutil.which("gnutls-cli") is None:
        raise tap.Skip("there is no gnutls-cli (gnutls-bin)")
    return run(["gnutls-cli", "--port", str(port), "--x509cafile", ca(), "--sni-hostname", name, "--verify-hostname", name,
                "--priority", priority, *options, address], say)


def curl(address, port, *options, name="a.example"):
    return run(["curl", "-sS", "--max-time", str(PEER_S), "--cacert", ca(), "--resolve", f"{name}:{port}:{address}", *options,
                f"https://{name}:{port}/"])


class Talk:
    """Python's TLS client, over a socket of ours. `change` has each piece that is sent, and returns the pieces to send."""

    def __init__(self, address, port, version=None, name="a.example", session=None, context=None, change=None):
        self.socket = socket.create_connection((address, port), HELLO_S)
        self.context = context or self.make_context(version)
        self.change = change
        self.came, self.goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.context.wrap_bio(self.came, self.goes, server_hostname=name, session=session)

    @staticmethod
    def make_context(version=None):
        context = ssl.create_default_context(cafile=ca())
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
        if version:
            context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
        return context

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        bytes_out = self.goes.read()
        if bytes_out:
            for piece in self.change(bytes_out) if self.change else [bytes_out]:
                self.socket.sendall(piece)

    def do(self, call, *arguments):
        """A call of the TLS object, until it needs nothing more from the peer."""
        while True:
            try:
                result = call(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                got = self.socket.recv(65536)
                if got:
                    self.came.write(got)
                else:
                    self.came.write_eof()

    def shake(self):
        self.do(self.tls.do_handshake)
        return self

    def say(self, text):
        self.do(self.tls.write, text.encode())
        return self

    def line(self):
        text = b""
        while not text.endswith(b"\n"):
            got = self.do(self.tls.read, 65536)
            check(got, f"it ended after {text}")
            text += got
        return text.decode()

    def info(self):
        return self.say("info\n").line()


def fragments(size):
    """Cuts the records of handshakes, as long as they are in the clear, into records of that many bytes at most."""
    clear = True

    def change(bytes_in):
        nonlocal clear
        pieces = []
        while bytes_in:
            length = 5 + int.from_bytes(bytes_in[3:5], "big")
            record, bytes_in = bytes_in[:length], bytes_in[length:]
            clear = clear and record[0] == 0x16
            parts = [record[at:at + size] for at in range(5, length, size)] if clear else [record[5:]]
            pieces += [record[:3] + len(part).to_bytes(2, "big") + part for part in parts]
        return [b"".join(pieces)]
    return change


def dribble(bytes_in):
    return [bytes_in[at:at + 1] for at in range(len(bytes_in))]


def ends(connection, limit_s=HELLO_S):
    """What comes until the peer ends the connection, however it does."""
    connection.settimeout(limit_s)
    came = b""
    with contextlib.suppress(ConnectionError):
        while got := connection.recv(65536):
            came += got
    return came
