# SPDX-License-Identifier: ISC
"""Our TLS client, and servers of each kind: those it must get on with, and those it must refuse, saying why."""
import threading

from tls_peers import *

NAME = "peer.example"
PORT_FIRST = 4500
WEAK = ("-cipher", "ALL:@SECLEVEL=0")


class Servers:
    """Servers on a host's address, each at a port of its own."""

    def __init__(self, where):
        self.where = where
        self.processes = []
        self.sockets = []
        self.wanted = []  # (port, name, texts)
        self.port = PORT_FIRST + 100 * int(where.host.split(".")[2])  # GnuTLS's take it on all addresses

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            end(process)
        for listener in self.sockets:
            listener.close()

    def expects(self, name, *texts):
        self.port += 1
        name = name or f"p{self.port}.{NAME}"  # sessions are kept by names
        self.wanted.append((self.port, name, texts))
        return self.port

    def openssl(self, certificate, *options, name=None, want=()):
        port = self.expects(name, *want)
        self.processes.append(start(["openssl", "s_server", "-accept", f"{self.where.host}:{port}", "-cert", f"{certificate}.pem",
                                     "-cert_chain", f"{certificate}.pem", "-key", f"{certificate}.key", "-rev", *options],
                                    f"{work}/s_server-{self.where.name}-{port}.log"))

    def gnutls(self, certificate, priority, want=()):
        port = self.expects(None, *want)
        self.processes.append(start(["gnutls-serv", "--echo", "--port", str(port), "--x509certfile", f"{certificate}.pem",
                                     "--x509keyfile", f"{certificate}.key", "--priority", priority],
                                    f"{work}/gnutls-serv-{self.where.name}-{port}.log"))

    def python(self, answer, want=()):
        """A server by a function of the connection, which it must end."""
        listener = socket.create_server((self.where.host, self.expects(None, *want)))
        self.sockets.append(listener)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    with connection, contextlib.suppress(OSError):
                        answer(connection)
        threading.Thread(target=serve, daemon=True).start()

    def ask(self, machine, *arguments):
        """Our client asks all of them; what it says of each must be as it was wanted."""
        for port, _, _ in self.wanted:
            wait_for(f"port {port} is open", lambda: self.is_open(port))
        line = [FATA, "run", "--image", image("tls", machine), "--on", machine, "--tap", self.where.name, "--timeout", "90", "--",
                *self.where.guest_arguments, f"--now={int(time.time())}", f"--host={self.where.host}",
                "--targets=" + ",".join(f"{port}={name}" for port, name, _ in self.wanted), *arguments]
        guest = start(line, f"{work}/tls-client-{self.where.name}.log")
        status = guest.wait(100)
        text = said(guest)
        check(status == 0, f"status {status}:\n{text}")
        wrong = []
        for port, _, texts in self.wanted:
            lines = [line for line in text.splitlines() if line.startswith(f"{port} ")]
            if not lines or not all(any(want in line for line in lines) for want in texts):
                wrong.append(f"wanted {texts}, but it says:\n" + "\n".join(lines))
        check(not wrong, "\n".join(wrong))
        self.wanted.clear()
        return text

    def is_open(self, port):
        with open("/proc/net/tcp", encoding="ascii") as file:  # by IPv4: GnuTLS's opens another for IPv6 before
            lines = [line.split() for line in file]
        return any(line[1].endswith(f":{port:04X}") and line[3] == "0A" for line in lines)


GOOD = " answer=olleh, then success"


def certificates(where):
    made = authority()
    prefix = f"{where.name}-"
    names = f"DNS:{NAME},DNS:*.{NAME},IP:{where.host}"
    return {kind: made.issue(prefix + kind, kind, names, key="rsa" if kind == "rsa" else None) for kind in ("p256", "p384", "rsa")}


@each(MACHINES)("{}: our TLS client has each version, cipher, curve and kind of key in common with OpenSSL and GnuTLS")
def _(machine):
    where = lan()
    cert = certificates(where)
    with Servers(where) as servers:
        for suite in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256"):
            servers.openssl(cert["p256"], "-tls1_3", "-ciphersuites", f"TLS_{suite}",
                            want=("TLSv1.3 TLS1-3-" + suite.replace("_", "-"), GOOD))
        for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305") if machine == "process" else ():
            servers.openssl(cert["p256"], "-tls1_2", "-cipher", f"ECDHE-ECDSA-{suite}", want=("TLSv1.2 TLS-ECDHE-ECDSA", GOOD))
            servers.openssl(cert["rsa"], "-tls1_2", "-cipher", f"ECDHE-RSA-{suite}", want=("TLSv1.2 TLS-ECDHE-RSA", GOOD))
        for version in ("1_2", "1_3"):
            for curve in ("X25519", "P-256", "P-384"):
                kind = {"X25519": "rsa", "P-256": "p256", "P-384": "p384"}[curve]
                servers.openssl(cert[kind], f"-tls{version}", "-curves", curve, want=(GOOD,))
            servers.openssl(cert["p256"], f"-tls{version}", "-alpn", "x/1,http/1.1", want=("alpn=http/1.1", GOOD))
            if shutil.which("gnutls-serv") and machine == "process":
                servers.gnutls(cert["rsa"], f"NORMAL:-VERS-ALL:+VERS-TLS{version.replace('_', '.')}", want=("answer=hello, then success",))
        servers.openssl(cert["p256"], name=where.host, want=(GOOD, f"{where.host} resumed"))
        servers.ask(machine, "--alpn=http/1.1")


@suite.test("process: our TLS client refuses servers that are not who they should be, and says why")
def _():
    where = lan()
    made = authority()
    cert = certificates(where)
    names = f"DNS:{NAME},DNS:*.{NAME}"

    def issue(name, kind="p256", **odd):
        return made.issue(f"s-{name}", kind, odd.pop("names", names), **odd)
    self_signed = made.path("s-self")
    made.key("s-self", "p256")
    tls_certs.openssl("req", "-x509", "-new", "-key", "s-self.key", "-subj", "/CN=s-self", "-addext", f"subjectAltName={names}", "-out",
                      "s-self.pem", folder=AUTHORITY)
    made.write("s-alone.key", made.read(f"{where.name}-p256.key"))
    made.write("s-alone.pem", made.read(f"{where.name}-p256.pem").split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
    bad = ((issue("expired", days=(-10, -1)), NAME, "CN=s-expired: expired on"),
           (issue("early", days=(2, 10)), NAME, "CN=s-early: is valid only from"),
           (cert["p256"], "other.example", f"is for {NAME},*.{NAME},{where.host}, not for other.example"),
           (cert["p256"], "10.99.99.99", f"not for 10.99.99.99"),
           (issue("address", names="IP:10.99.99.1"), "10.99.99.1.example", "not for 10.99.99.1.example"),
           (issue("nameless", names=""), NAME, "is for no name at all (in its subjectAltName)"),
           (issue("alien", issuer="other"), NAME, "issued by CN=Unknown CA, who is not trusted"),
           (self_signed, NAME, "CN=s-self: issued by CN=s-self, who is not trusted"),
           (made.path("s-alone"), NAME, "issued by CN=Test CA 2, who is not trusted"),
           (f"{AUTHORITY}/revoked", "revoked.example", "CN=revoked: was revoked"),
           (issue("weak", "rsa1024"), NAME, "its key, or its issuer's, is too weak"),
           (issue("sha1", digest="sha1"), NAME, "signed in a way that is not known (SHA-1 is not)"),
           (issue("client", usage="clientAuth"), NAME, "is not for this (extendedKeyUsage)"),
           (issue("usage", key_usage="keyEncipherment"), NAME, "its key is not for this (keyUsage)"))
    with Servers(where) as servers:
        for version in ("-tls1_2", "-tls1_3"):
            for path, name, why in bad if version == "-tls1_3" else bad[:-1]:  # by TLS 1.2, OpenSSL itself does not show the last
                servers.openssl(path, version, *WEAK, name=name, want=("failed: not permitted: ", why))
        servers.ask("process")
        servers.openssl(self_signed, want=(GOOD,))
        check("may be anybody" in servers.ask("process", "--unverified"), "it does not warn of who is not verified")


@suite.test("process: our TLS client refuses what is too old, no TLS, cut off or taken back, and says what it was")
def _():
    where = lan()
    cert = certificates(where)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{cert['p256']}.pem", f"{cert['p256']}.key")

    def truncated(connection):
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(100)
            tls.sendall(b"part of it")
            tls.shutdown(socket.SHUT_RDWR)  # TCP's: no close_notify

    def web(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        ends(connection)

    def silent(connection):
        connection.recv(1000)

    def oversized(connection):
        connection.recv(1000)
        connection.sendall(b"\x16\x03\x03\xff\xff" + bytes(1000))
        ends(connection)

    def downgrading(connection):  # between our client and a good server
        with socket.create_connection((where.host, good), HELLO_S) as server:
            hello = connection.recv(4096)
            check(b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03" in hello, "another kind of hello")
            server.sendall(hello.replace(b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03", b"\xfa\xfa\x00\x05\x04\x03\x04\x03\x03"))
            connection.sendall(server.recv(65536))
            ends(connection)

    with Servers(where) as servers:
        servers.openssl(cert["p256"], want=(GOOD,))
        good = servers.port
        servers.openssl(cert["rsa"], "-tls1_1", *WEAK, want=("failed: not supported: ", "no version of TLS in common"))
        servers.openssl(cert["rsa"], "-tls1_2", "-cipher", "AES128-GCM-SHA256", want=("failed: not supported: the peer refused: nothing in common",))
        servers.openssl(cert["rsa"], "-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256", want=("failed: not supported: the peer refused",))
        servers.openssl(cert["rsa"], "-curves", "P-521", want=("failed: not supported: the peer refused",))
        servers.openssl(cert["p256"], "-alpn", "y/1", want=("failed: not supported: the peer refused: no protocol in common",))
        servers.openssl(cert["p256"], "-tls1_3", "-Verify", "1", "-verify_return_error", "-CAfile", ca(),
                        want=("the peer refused: it wants a certificate of ours (certificate_required)",))
        servers.python(truncated, want=("answer=part of it, then input ends too early: the peer's connection ended without its close_notify",))
        servers.python(web, want=("failed: malformed input: what arrives is no TLS",))
        servers.python(silent, want=("failed: input ends too early: the connection ended within the handshake",))
        servers.python(oversized, want=("failed: malformed input: a record is too long, or makes no sense",))
        servers.python(downgrading, want=("failed: malformed input: a message has an illegal parameter",))
        servers.ask("process", "--alpn=http/1.1")


@suite.test("process: our TLS client resumes sessions, and shows who it is to servers that ask")
def _():
    where = lan()
    cert = certificates(where)
    with Servers(where) as servers:
        for version in ("-tls1_2", "-tls1_3"):
            servers.openssl(cert["p256"], version, want=("resumed=0 " + GOOD.strip(), "resumed=1 " + GOOD.strip(), f"peer=CN={where.name}-p256"))
            servers.openssl(cert["p256"], version, "-no_ticket", "-no_cache", want=(GOOD,))
        text = servers.ask("process", "--times=3")
        check(text.count("resumed=1") == 4, text)
        for version in ("-tls1_2", "-tls1_3"):
            servers.openssl(cert["p256"], version, "-Verify", "1", "-verify_return_error", "-CAfile", ca(), want=(GOOD,))
        servers.ask("process", "--identity=client")
        servers.openssl(cert["p256"], "-tls1_2", "-Verify", "1", "-verify_return_error", "-CAfile", ca(),
                        want=("the peer refused: it does not trust who has issued our certificate (unknown_ca)",))
        servers.ask("process", "--identity=client-alien")
