# SPDX-License-Identifier: ISC
"""Certificates by ACME from Pebble, Let's Encrypt's server for tests, which refuses many nonces on purpose: by http-01 and
tls-alpn-01, with what is kept, and what happens when the CA does not find what it looks for."""
import contextlib
import http.server
import json
import ssl
import threading
import urllib.request

from lab import *
from test_client import peer
from test_dhcp import work_file

NAME, SECOND = "a.example", "b.example"


@contextlib.contextmanager
def pebble(where, validity_s=None, customers=None):
    """Pebble at the host's address, and a DNS server whose every name is the guest. Customers, if there must be any, have keys by names."""
    program = peer("pebble", "pebble")
    resolver = os.path.join(os.path.dirname(program), "root/usr/bin/pebble-challtestsrv")
    if not os.path.exists(resolver):
        resolver = shutil.which("pebble-challtestsrv") or "/usr/bin/pebble-challtestsrv"
    folder = work_file(where, "pebble")
    shutil.copytree(f"{OUT}/certified/tls", f"{folder}/tls")
    must(FATA, "cert", "new", where.host, "--dir", f"{folder}/tls")
    config = {"pebble": {"listenAddress": f"{where.host}:14000", "managementListenAddress": f"{where.host}:15000",
                         "certificate": f"{folder}/tls/server.pem", "privateKey": f"{folder}/tls/server.key",
                         "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": customers is not None, "externalAccountMACKeys": customers or {},
                         **({"certificateValidityPeriod": validity_s} if validity_s else {})}}
    with open(f"{folder}/config.json", "w", encoding="ascii") as file:
        json.dump(config, file)
    names = start([resolver, "-defaultIPv4", where.guest, "-defaultIPv6", "", "-dns01", f"{where.host}:8053", "-http01", "",
                   "-https01", "", "-tlsalpn01", "", "-management", f"{where.host}:8055"], f"{folder}/names")
    for name, value in {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "15"}.items():
        os.environ[name] = value
    server = start([program, "-strict", "-config", f"{folder}/config.json", "-dnsserver", f"{where.host}:8053"], f"{folder}/log")
    try:
        wait_for("Pebble answers", lambda: connects(where.host, 14000) and connects(where.host, 15000), process=server)
        yield server
    except Exception as failure:
        raise tap.Failed(f"{failure or type(failure).__name__}\nPebble said:\n{tail(server)}\n{tail(names)}") from failure
    finally:
        end(server)
        end(names)


def context(where):
    return ssl.create_default_context(cafile=f"{OUT}/certified/tls/ca.pem")


def root_of(where):
    with urllib.request.urlopen(f"https://{where.host}:15000/roots/0", context=context(where), timeout=UP_S) as response:
        return response.read().decode()


def certified(machine, where, *arguments):
    return start([FATA, "run", "--image", image("certified", machine), "--on", machine, "--tap", where.name, "--timeout", "150", "--",
                  *where.guest_arguments, f"--directory=https://{where.host}:14000/dir", f"--name={NAME}", *arguments],
                 work_file(where, "certified"))


def names_shown(where, root):
    """The names in the certificate that the guest shows, which must be one of Pebble's."""
    trust = ssl.create_default_context(cadata=root)
    with socket.create_connection((where.guest, 443), UP_S) as tcp, trust.wrap_socket(tcp, server_hostname=NAME) as tls:
        return sorted(value for kind, value in tls.getpeercert()["subjectAltName"] if kind == "DNS")


@each(MACHINES)("{}: a certificate by ACME, http-01, for two names; what is kept serves the next start")
def _(machine):
    where = lan()
    with pebble(where):
        root = root_of(where)
        guest = certified(machine, where, f"--second={SECOND}", "--rounds=2")
        try:
            wait_for("the second start has the certificate", lambda: said(guest).count("certificate 1 issued") == 2, 150, guest)
            check(names_shown(where, root) == [NAME, SECOND], "it shows another certificate")
            check(guest.wait(60) == 0, "it has failed")
            text = said(guest)
            issued = re.findall(r"certificate 1 issued (\d) problem '' renews after (\d+) of (\d+) s", text)
            check([count for count, _, _ in issued] == ["1", "0"], f"issued: {issued}")
            check(all(abs(int(part) / int(whole) - 2 / 3) < 0.01 for _, part, whole in issued), f"renewals: {issued}")
            check(text.count("stored certificate") == 1 and text.count("loaded certificate") == 1, "it was not kept")
        except Exception as failure:
            raise tap.Failed(f"{failure or type(failure).__name__}\nthe guest said:\n{tail(guest)}") from failure
        finally:
            end(guest)


@each(MACHINES)("{}: a certificate by ACME, tls-alpn-01")
def _(machine):
    where = lan()
    with pebble(where):
        root = root_of(where)
        guest = certified(machine, where, "--by-tls")
        try:
            wait_for("it has the certificate", lambda: "certificate 1 issued 1" in said(guest), 150, guest)
            check(names_shown(where, root) == [NAME], "it shows another certificate")
            check(guest.wait(60) == 0, "it has failed")
        except Exception as failure:
            raise tap.Failed(f"{failure or type(failure).__name__}\nthe guest said:\n{tail(guest)}") from failure
        finally:
            end(guest)


@each(MACHINES)("{}: the template acme gets its certificate once, keeps it on its disk, and shows it after the next start")
def _(machine):
    where = lan()
    disk = work_file(where, "kept")
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    with pebble(where):
        trust = ssl.create_default_context(cadata=root_of(where))
        said_once = []
        for times in range(2):
            guest = start([FATA, "run", "--image", image("acme", machine), "--on", machine, "--tap", where.name, "--disk", disk, "--timeout",
                           "150", "--", *where.guest_arguments, f"--acme=https://{where.host}:14000/dir", f"--names={NAME},{SECOND}", "--agree"],
                          work_file(where, "site"))
            try:
                wait_for("it shows a certificate of the CA", lambda: shows(where, trust), 150, guest)
                with socket.create_connection((where.guest, 443), UP_S) as tcp, trust.wrap_socket(tcp, server_hostname=SECOND) as tls:
                    tls.sendall(b"GET / HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n")
                    check(tls.recv(12) == b"HTTP/1.1 200", "no page")
                if times == 0:  # it is shown before it is kept, and told then
                    wait_for("it is kept", lambda: "acme: a certificate for " in said(guest), process=guest)
                said_once.append(said(guest).count("acme: a certificate for "))
            except Exception as failure:
                raise tap.Failed(f"{failure or type(failure).__name__}\nthe guest said:\n{tail(guest)}") from failure
            finally:
                end(guest)
        check(said_once == [1, 0], f"certificates were issued so often: {said_once}")


def shows(where, trust):
    with contextlib.suppress(OSError):  # ssl.SSLError is one
        with socket.create_connection((where.guest, 443), 5) as tcp, trust.wrap_socket(tcp, server_hostname=NAME):
            return True


@suite.test("process: a certificate by ACME is renewed when two thirds of its time have passed")
def _():
    where = lan()
    with pebble(where, validity_s=30) as server:
        root = root_of(where)
        guest = certified("process", where, "--renews", "--by-tls")
        try:
            began = wait_for("it has the certificate", lambda: "acme: a certificate for " in said(guest) and time.monotonic(), 60, guest)
            wait_for("it has another", lambda: "certificate 1 issued 2" in said(guest), 60, guest)
            check(17 < time.monotonic() - began < 50, f"after {time.monotonic() - began:.1f} s")  # 20 s, and what issuing it takes
            check(names_shown(where, root) == [NAME], "it shows another certificate")
            check(guest.wait(60) == 0 and said(guest).count("stored certificate") == 2, "it was not kept")
            check(said(server).count("There are now 1 accounts") == 1, "not by the same account")
        except Exception as failure:
            raise tap.Failed(f"{failure or type(failure).__name__}\nthe guest said:\n{tail(guest)}") from failure
        finally:
            end(guest)


@suite.test("process: a CA whose certificates are old at once is not asked for one after the other")
def _():
    where = lan()
    with pebble(where, validity_s=1):
        root_of(where)
        guest = certified("process", where, "--renews", "--by-tls")
        try:
            wait_for("it has a certificate", lambda: "is the clock right?" in said(guest), 60, guest)
            time.sleep(5)
            check(said(guest).count("acme: a certificate for ") == 1, "it has asked again")
        except Exception as failure:
            raise tap.Failed(f"{failure or type(failure).__name__}\nthe guest said:\n{tail(guest)}") from failure
        finally:
            end(guest)


@suite.test("process: an ACME challenge that is not answered: the CA's word is told, and there is patience before the next try")
def _():
    where = lan()
    with pebble(where):
        guest = certified("process", where, "--wrong")
        check(guest.wait(120) == 0, tail(guest))
        text = said(guest)
        check(re.search(r"certificate 0 issued 0 problem 'the CA has looked: unauthorized", text), tail(guest))
        again = re.search(r"acme: no certificate: .*; again in (\d+) s", text)
        check(again and 60 <= int(again[1]) <= 75, tail(guest))
        end(guest)


KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


@suite.test("process: an ACME server for its customers only: an account is bound to the key that it has given out")
def _():
    where = lan()
    with pebble(where, customers={"us": KEY}):
        for binding, wanted in (((), "certificate 0 issued 0 problem 'the account: externalAccountRequired"),
                                (("--binding-id=them", f"--binding-key={KEY}"), "certificate 0 issued 0 problem 'the account: "),
                                (("--binding-id=us", f"--binding-key=A{KEY[1:]}"), "certificate 0 issued 0 problem 'the account: "),
                                (("--binding-id=us", f"--binding-key={KEY}"), "certificate 1 issued 1 problem ''")):
            guest = certified("process", where, "--by-tls", *binding)
            check(guest.wait(120) == 0, tail(guest))
            check(wanted in said(guest), f"{binding}: not '{wanted}':\n{tail(guest)}")
            end(guest)


@suite.test("process: an ACME server whose certificate nobody knows is not believed")
def _():
    where = lan()
    with pebble(where):
        folder = work_file(where, "other")
        must(FATA, "cert", "ca", "--dir", folder)
        must(FATA, "cert", "new", where.host, "--dir", folder)
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
        with socket.create_server((where.host, 14001)) as listener:
            listener.settimeout(60)
            guest = start([FATA, "run", "--image", image("certified", "process"), "--on", "process", "--tap", where.name, "--timeout",
                           "60", "--", *where.guest_arguments, f"--directory=https://{where.host}:14001/dir"], work_file(where, "certified"))
            with listener.accept()[0] as tcp, contextlib.suppress(ssl.SSLError, OSError):
                trust.wrap_socket(tcp, server_side=True).recv(1)
                raise tap.Failed("it has spoken")
        check(guest.wait(60) == 0, tail(guest))
        check("certificate 0 issued 0" in said(guest) and "https with " in said(guest), tail(guest))
        end(guest)


class OddServer(http.server.BaseHTTPRequestHandler):
    """An ACME server that begins well, and then does what a test says."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, **fields):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Replay_Nonce": "bm9uY2U", **fields, "Content_Length": len(body)}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(OSError):  # it may have had enough
                self.wfile.write(body)

    def directory(self):
        base = f"https://{self.headers['Host']}"
        return {name: f"{base}/{name}" for name in ("newNonce", "newAccount", "newOrder")}

    def do_GET(self):
        odd = self.server.odd.get("directory")
        self.answer(200, odd(self) if odd else self.directory(), Replay_Nonce="")

    def do_HEAD(self):
        self.answer(200, b"", **self.server.odd.get("nonce", {}))

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts += 1
        status, body, fields = self.server.odd["account"](self)
        self.answer(status, body, **fields)


def problem(kind, **more):
    return {"type": f"urn:ietf:params:acme:error:{kind}", "detail": "no\r\nmore", **more}


ODD = (
    ("a limit that holds for two hours is kept", {"account": lambda server: (429, problem("rateLimited"), {"Retry_After": "7200"})},
     r"the account: rateLimited \(no  more\); again in 7200 s", 1),
    ("a limit without a time", {"account": lambda server: (429, problem("rateLimited"), {})}, r"rateLimited .*; again in 3600 s", 1),
    ("nonces that are never good", {"account": lambda server: (400, problem("badNonce"), {})}, r"the account: badNonce .*; again in [67]\d s", 6),
    ("a nonce with a quotation mark", {"nonce": {"Replay_Nonce": 'a","b":"c'}}, r"the account: the CA gives no nonce, but status 200", 0),
    ("URLs of http", {"directory": lambda server: {**server.directory(), "newOrder": "http://a/"}}, r"directory lacks URLs", 0),
    ("URLs that are none", {"directory": lambda server: {**server.directory(), "newOrder": "https://a/\"x"}}, r"directory lacks URLs", 0),
    ("a directory without an end", {"directory": lambda server: b"[" * 100000}, r"directory: a limit was reached", 0),
    ("a directory that is too deep", {"directory": lambda server: b"[" * 20000}, r"answer is no JSON", 0),
    ("an account without a URL", {"account": lambda server: (201, {"status": "valid"}, {})}, r"the account has no URL", 1),
)


@suite.test("process: an odd ACME server does no harm, and one that wants patience has it")
def _():
    where = lan()
    folder = work_file(where, "odd")
    shutil.copytree(f"{OUT}/certified/tls", folder)
    must(FATA, "cert", "new", where.host, "--dir", folder)
    server = http.server.ThreadingHTTPServer((where.host, 14000), OddServer)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
    server.socket = trust.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for title, odd, wanted, posts in ODD:
        server.odd, server.posts = odd, 0
        guest = certified("process", where)
        check(guest.wait(60) == 0, f"{title}: {tail(guest)}")
        check(re.search(f"acme: no certificate: .*{wanted}", said(guest)), f"{title}: not '{wanted}':\n{tail(guest)}")
        check(server.posts == posts, f"{title}: {server.posts} signed requests")
        end(guest)
    server.shutdown()
    server.server_close()
