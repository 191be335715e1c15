# SPDX-License-Identifier: ISC
"""Certificates by ACME from Pebble, Let's Encrypt's server for tests, which refuses many nonces on purpose: by http-01 and
tls-alpn-01, with what is kept, and what happens when the CA does not find what it looks for."""
import contextlib
import json
import ssl
import urllib.request

from lab import *
from test_client import peer
from test_dhcp import work_file

NAME, SECOND = "a.example", "b.example"


@contextlib.contextmanager
def pebble(where, validity_s=None):
    """Pebble at the host's address, and a DNS server whose every name is the guest."""
    program = peer("pebble", "pebble")
    resolver = os.path.join(os.path.dirname(program), "root/usr/bin/pebble-challtestsrv")
    if not os.path.exists(resolver):
        resolver = shutil.which("pebble-challtestsrv") or "/usr/bin/pebble-challtestsrv"
    folder = work_file(where, "pebble")
    shutil.copytree(f"{OUT}/certified/tls", f"{folder}/tls")
    must(FATA, "cert", "new", where.host, "--dir", f"{folder}/tls")
    config = {"pebble": {"listenAddress": f"{where.host}:14000", "managementListenAddress": f"{where.host}:15000",
                         "certificate": f"{folder}/tls/server.pem", "privateKey": f"{folder}/tls/server.key",
                         "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": False,
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
    with urllib.request.urlopen(f"https://{where.host}:15000/roots/0", context=context(where), timeout=10) as response:
        return response.read().decode()


def certified(machine, where, *arguments):
    return start([FATA, "run", "--image", image("certified", machine), "--on", machine, "--tap", where.name, "--timeout", "150", "--",
                  *where.guest_arguments, f"--directory=https://{where.host}:14000/dir", f"--name={NAME}", *arguments],
                 work_file(where, "certified"))


def names_shown(where, root):
    """The names in the certificate that the guest shows, which must be one of Pebble's."""
    trust = ssl.create_default_context(cadata=root)
    with socket.create_connection((where.guest, 443), 5) as tcp, trust.wrap_socket(tcp, server_hostname=NAME) as tls:
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
            check(guest.wait(30) == 0, "it has failed")
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
            check(guest.wait(30) == 0, "it has failed")
        except Exception as failure:
            raise tap.Failed(f"{failure or type(failure).__name__}\nthe guest said:\n{tail(guest)}") from failure
        finally:
            end(guest)


@suite.test("process: a certificate by ACME is renewed when two thirds of its time have passed")
def _():
    where = lan()
    with pebble(where, validity_s=30) as server:
        root = root_of(where)
        guest = certified("process", where, "--renews", "--by-tls")
        try:
            began = wait_for("it has the certificate", lambda: "acme: a certificate for " in said(guest) and time.monotonic(), 60, guest)
            wait_for("it has another", lambda: "certificate 1 issued 2" in said(guest), 60, guest)
            check(17 < time.monotonic() - began < 28, f"after {time.monotonic() - began:.1f} s")
            check(names_shown(where, root) == [NAME], "it shows another certificate")
            check(guest.wait(30) == 0 and said(guest).count("stored certificate") == 2, "it was not kept")
            check(said(server).count("There are now 1 accounts") == 1, "not by the same account")
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
