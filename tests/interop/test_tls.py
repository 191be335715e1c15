# SPDX-License-Identifier: ISC
"""Our TLS server, and its peers: good ones of each kind, and those that try what they should not."""
from tls_peers import *

SUITES_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
SUITES_12 = ("ECDHE-{}-AES128-GCM-SHA256", "ECDHE-{}-AES256-GCM-SHA384", "ECDHE-{}-CHACHA20-POLY1305")
CURVES = ("X25519", "P-256", "P-384")
FAILURE_S = 0.12  # the log tells of ten failed handshakes in a second
FLOOD = 400  # clients that say hello and no more: above what may be under way


@contextlib.contextmanager
def serving(machine="process"):
    guest = boot("tls", machine, f"--now={int(time.time())}")
    try:
        wait_for("the TLS server answers", lambda: connects(guest.address, 4430), process=guest.process)
        yield guest
        check(guest.process.poll() is None, "the guest has ended")
    except Exception as failure:
        raise tap.Failed(f"{failure or type(failure).__name__}\nthe guest said:\n{tail(guest.process)}") from failure
    finally:
        guest.end()


def expect(result, *wanted):
    status, text = result
    for want in wanted:
        check(want in text, f"no '{want}' (status {status}) in:\n{text}")


def logs(guest, *texts):
    for text in texts:
        wait_for(f"'{text}' in its log", lambda: text in said(guest.process), process=guest.process)


@each(MACHINES)("{}: our TLS server has each version, cipher, curve and kind of key in common with OpenSSL, GnuTLS and curl")
def _(machine):
    with serving(machine) as guest:
        a = guest.address
        for suite in SUITES_13 if machine == "process" else SUITES_13[-1:]:
            expect(s_client(a, 4430, "-tls1_3", "-ciphersuites", suite), "TLSv1.3 ", suite[4:].replace("_", "-"), "name=a.example")
        for suite in SUITES_12 if machine == "process" else SUITES_12[:1]:
            expect(s_client(a, 4430, "-tls1_2", "-cipher", suite.format("ECDSA")), "TLSv1.2 ", "ECDHE-ECDSA")
            expect(s_client(a, 4430, "-tls1_2", "-cipher", suite.format("RSA"), name="rsa.example"), "TLSv1.2 ", "ECDHE-RSA")
        for version in ("-tls1_2", "-tls1_3"):
            for curve in CURVES:  # (by TLS 1.2, a certificate's curve must be among them: RFC 8422, 5.1)
                expect(s_client(a, 4430, version, "-curves", curve, name="rsa.example"), "TLSv1.")
            for name in ("p384.example", "rsa.example", "x.wild.example"):
                expect(s_client(a, 4430, version, name=name), f"name={name}")
        expect(curl(a, 4430, "--tlsv1.3"), "TLSv1.3 ", "alpn=http/1.1")
        expect(curl(a, 4430, "--tls-max", "1.2"), "TLSv1.2 ", "alpn=http/1.1")
        for version in ("1.2", "1.3"):
            for cipher in ("AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305") if machine == "process" else ():
                expect(gnutls_cli(a, 4430, f"NORMAL:-VERS-ALL:+VERS-TLS{version}:-CIPHER-ALL:+{cipher}"), f"TLSv{version}")
            expect(gnutls_cli(a, 4430, f"NORMAL:-VERS-ALL:+VERS-TLS{version}:-GROUP-ALL:+GROUP-SECP384R1", name="rsa.example"),
                   f"TLSv{version}")


@suite.test("process: our TLS server shows the certificate that fits: by name, by kind of key, by default; and agrees on a protocol")
def _():
    with serving() as guest:
        a = guest.address
        ec, rsa = ("-sigalgs", "ECDSA+SHA256:ECDSA+SHA384"), ("-sigalgs", "RSA-PSS+SHA256:RSA+SHA256")
        for version in ("-tls1_2", "-tls1_3"):
            expect(s_client(a, 4430, version, *rsa, name="both.example"), "name=both.example")
            expect(s_client(a, 4430, version, *ec, name="both.example"), "name=both.example")
            for name in ("unknown.example", None, "a.b.wild.example", "wild.example"):  # the first; it is not believed for these
                names = ["-servername", name] if name else ["-noservername"]
                status, text = run(["openssl", "s_client", "-connect", f"{a}:4430", "-CAfile", ca(), version, *names], "info\nend\n")
                check("subject=CN = p256" in text or "subject=CN=p256" in text, text)
            expect(s_client(a, 4430, version, "-alpn", "other/1,http/1.1"), "alpn=http/1.1")
            expect(s_client(a, 4430, version, "-alpn", "http/1.1,first/1"), "alpn=first/1")
            status, text = s_client(a, 4430, version, "-alpn", "other/1,another/2")
            check(status != 0 and "no application protocol" in text, text)
        logs(guest, "no protocol (ALPN) in common")


@suite.test("process: sessions are resumed by tickets, as each version does; not from another server, nor where they are not wanted")
def _():
    with serving() as guest:
        a = guest.address
        for version in ("TLSv1_2", "TLSv1_3"):
            context, session = Talk.make_context(version), None
            for times in range(3):
                with Talk(a, 4430, context=context, session=session) as talk:
                    check(f"resumed={int(times > 0)}" in talk.shake().info(), f"{version}, time {times}")
                    check(talk.tls.session_reused == (times > 0), f"{version}, time {times}: Python sees it otherwise")
                    session = talk.tls.session
            with Talk(a, 4435, context=context, session=session) as talk:
                check("resumed=0" in talk.shake().info(), "another server has taken a ticket")
            context = Talk.make_context(version)
            for times in range(2):  # it makes no tickets
                with Talk(a, 4434, context=context, name="rsa.example") as talk:
                    check("resumed=0" in talk.shake().info() and not talk.tls.session.has_ticket, "a ticket")
        output = f"{work}/session-{guest.lan.name}"
        for version in ("-tls1_2", "-tls1_3"):
            expect(s_client(a, 4430, version, "-sess_out", output), "resumed=0")
            expect(s_client(a, 4430, version, "-sess_in", output), "resumed=1")
        expect(gnutls_cli(a, 4430, "NORMAL", "--resume", "--waitresumption"), "resumed=1")


@suite.test("process: clients show who they are; those that are expired, early, unknown, revoked, weak or unfit are told why in the log")
def _():
    made = authority()
    good = f"{AUTHORITY}/client"
    bad = ((made.issue("c-expired", "p256", "", days=(-10, -1)), "CN=c-expired: expired on"),
           (made.issue("c-early", "p256", "", days=(2, 10)), "CN=c-early: is valid only from"),
           (f"{AUTHORITY}/client-alien", "issued by CN=Unknown CA, who is not trusted"),
           (f"{AUTHORITY}/revoked", "CN=revoked: was revoked"),
           (made.issue("c-weak", "rsa1024", ""), "CN=c-weak: its key, or its issuer's, is too weak"),
           (made.issue("c-sha1", "p256", "", digest="sha1"), "signed in a way that is not known (SHA-1 is not)"),
           (made.issue("c-key-usage", "p256", "", key_usage="keyEncipherment"), "CN=c-key-usage: its key is not for this (keyUsage)"),
           (made.issue("c-server", "p256", "", usage="serverAuth"), "CN=c-server: is not for this (extendedKeyUsage)"))
    with serving() as guest:
        a = guest.address
        for version in ("-tls1_2", "-tls1_3"):
            for port in (4433, 4432):
                expect(s_client(a, port, version, "-cert", f"{good}.pem", "-cert_chain", f"{good}.pem", "-key", f"{good}.key"),
                       "peer=CN=client names=client.example")
                for path, why in bad:
                    time.sleep(FAILURE_S)
                    before = said(guest.process).count(why)
                    _, text = s_client(a, port, version, "-cert", f"{path}.pem", "-cert_chain", f"{path}.pem", "-key", f"{path}.key",
                                       "-cipher", "DEFAULT@SECLEVEL=0")
                    check("peer=" not in text, f"{path} was let in:\n{text}")
                    wait_for(f"'{why}' in its log ({version})", lambda: said(guest.process).count(why) > before, process=guest.process)
                    check("alert" in text, f"no alert for {path}:\n{text}")
            _, text = s_client(a, 4432, version)
            check("peer=" not in text and "alert" in text, f"who shows none was let in:\n{text}")
            expect(s_client(a, 4433, version), "peer= ")
            expect(curl(a, 4432, "--cert", f"{good}.pem", "--key", f"{good}.key"), "peer=CN=client")
        logs(guest, "the client shows no certificate")


def refuses(guest, why, *options, port=4430, name="a.example", alert=True, trust=None):
    time.sleep(FAILURE_S)
    before = said(guest.process).count(why)
    status, text = s_client(guest.address, port, *options, name=name, trust=trust)
    check("handshakes=" not in text, f"{options}: it was served:\n{text}")
    check(not alert or "alert" in text, f"{options}: no alert:\n{text}")
    wait_for(f"'{why}' in its log for {options}", lambda: said(guest.process).count(why) > before, process=guest.process)


@suite.test("process: what is too old or too weak is refused by an alert, and the log says what it was")
def _():
    with serving() as guest:
        old = ("-cipher", "ALL:@SECLEVEL=0")
        refuses(guest, "no version of TLS in common", "-tls1", *old)
        refuses(guest, "no version of TLS in common", "-tls1_1", *old)
        refuses(guest, "no version of TLS in common", "-tls1_2", port=4431)
        for cipher in ("AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-CCM", "DHE-RSA-AES128-GCM-SHA256"):
            refuses(guest, "no cipher, curve or signature in common", "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
        refuses(guest, "no cipher, curve or signature in common", "-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256")
        for version in ("-tls1_2", "-tls1_3"):
            refuses(guest, "no cipher, curve or signature in common", version, "-curves", "P-521")
            refuses(guest, "no cipher, curve or signature in common", version, "-sigalgs", "ECDSA+SHA512")
            refuses(guest, "it does not trust who has issued our certificate (unknown_ca)", version, alert=False,
                    trust=f"{AUTHORITY}/other.pem")
        expect(s_client(guest.address, 4430), "TLSv1.3")


@suite.test("process: a client that asks to negotiate again harms nobody")
def _():
    with serving() as guest:
        a = guest.address
        def command(version, letter):
            talk = subprocess.Popen(["openssl", "s_client", "-connect", f"{a}:4430", version, "-servername", "a.example"],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            time.sleep(0.3)
            with contextlib.suppress(BrokenPipeError):
                talk.stdin.write(f"{letter}\n".encode())
                talk.stdin.flush()
                time.sleep(0.3)
                talk.stdin.write(b"info\nend\n")
                talk.stdin.flush()
            return talk.communicate(timeout=PEER_S)[0].decode("utf-8", "replace")
        text = command("-tls1_2", "R")
        check("RENEGOTIATING" in text and "no renegotiation" in text or "write:errno" in text or "alert" in text, text)
        expect(s_client(a, 4430), "TLSv1.3")


@suite.test("process: records may come in any pieces, not in any size; what is no TLS is told so; a changed byte ends a connection")
def _():
    with serving() as guest:
        a = guest.address
        for version in ("TLSv1_2", "TLSv1_3"):
            for change in (dribble, fragments(5), fragments(20), fragments(100)):
                with Talk(a, 4430, version) as talk:
                    talk.change = change
                    talk.do(talk.tls.do_handshake)
                    talk.change = dribble if change is dribble else None
                    check("name=a.example" in talk.info(), f"{version}, in pieces")
            with Talk(a, 4430, version) as talk:
                talk.shake().change = lambda data: [data[:-1] + bytes([data[-1] ^ 1])]
                talk.say("info\n")
                try:
                    talk.line()
                    raise tap.Failed("a changed record was taken")
                except ssl.SSLError as error:
                    check("BAD_RECORD_MAC" in str(error).upper(), f"{version}: {error}")
            logs(guest, "a record was changed on its way")
            with Talk(a, 4430, version) as talk:  # 1 MB each way
                talk.shake().say("more 1000000\n")
                total = 0
                while total < 1000000:
                    total += len(talk.do(talk.tls.read, 65536))
                check(total == 1000000, f"{total} bytes")
        for bad in (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(100), b"\x16\x03\x01\x00\x00",
                    b"\x17\x03\x03\x00\x20" + bytes(32), b"\x80\x2e\x01\x00\x02" + bytes(100), b"\x15\x03\x01\x00\x02\x02\x28",
                    b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" + bytes(50), b"SSH-2.0-x\r\n"):
            time.sleep(FAILURE_S)
            with socket.create_connection((a, 4435), HELLO_S) as plain:
                plain.sendall(bad)
                check(ends(plain)[:1] in (b"\x15", b""), f"no alert for {bad}")
        logs(guest, "what arrives is no TLS")
        expect(s_client(a, 4430), "TLSv1.3")


@suite.test("process: both ends of a connection: close_notify, halves, and what is cut off")
def _():
    with serving() as guest:
        a = guest.address
        for version in ("TLSv1_2", "TLSv1_3"):
            with Talk(a, 4430, version) as talk:
                talk.shake().info()
                talk.do(talk.tls.unwrap)  # ours, and theirs
                check(ends(talk.socket) == b"", "bytes behind the end")
            logs(guest, "ended after 5 bytes: success")
            with Talk(a, 4430, version) as talk:
                talk.shake().say("info\n")
                talk.socket.shutdown(socket.SHUT_WR)
                talk.line()
                ends(talk.socket)
            logs(guest, "input ends too early the peer's connection ended without its close_notify")
            with Talk(a, 4430, version) as talk:  # its end, and it still hears
                talk.shake().say("end\n")
                check(talk.do(talk.tls.read, 100) == b"", "no end")
            for at in (1, 5, 50):
                time.sleep(FAILURE_S)
                with Talk(a, 4430, version) as talk:
                    talk.change = lambda data: [data[:at]]
                    try:
                        talk.tls.do_handshake()
                    except ssl.SSLWantReadError:
                        talk.flush()
            logs(guest, "the connection ended within the handshake")
        expect(s_client(a, 4430), "TLSv1.3")


@suite.test("process: slow and silent clients, and a flood of half handshakes, are bounded: a good client is still served")
def _():
    with serving() as guest:
        a = guest.address
        hello = Talk(a, 4430)
        try:
            hello.tls.do_handshake()
        except ssl.SSLWantReadError:
            first = hello.goes.read()
        hello.socket.close()
        begun = time.monotonic()
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(socket.create_connection((a, 4435), HELLO_S)) for _ in range(3)]
            for connection, said_first in zip(slow, (b"", first[:1], first)):  # its handshakes have 2 s
                connection.sendall(said_first)
            for connection in slow:
                ends(connection)
            took = time.monotonic() - begun
            check(1.5 < took < 9, f"slow clients were sent away after {took:.1f} s")
        with contextlib.ExitStack() as stack:
            flood = [stack.enter_context(socket.create_connection((a, 4430), HELLO_S)) for _ in range(FLOOD)]
            for connection in flood:
                connection.sendall(first)
            begun = time.monotonic()
            status, text = s_client(a, 4430)
            expect((status, text), "TLSv1.3")
            took = time.monotonic() - begun
            found = re.search(r"under_way=(\d+) ", text)
            check(int(found[1]) <= 256, f"{found[1]} handshakes are under way")
            check(took < 9, f"a good client has waited {took:.1f} s")
        expect(s_client(a, 4430), "TLSv1.3")
        begun = time.monotonic()
        for _ in range(30):  # 20 in a second
            with Talk(a, 4435) as talk:
                talk.shake()
        took = time.monotonic() - begun
        check(took > 1, f"30 handshakes in {took:.1f} s, where 20 in a second are allowed")


@suite.test("process: who cuts a newer version out of a client's hello is found out by the client, ours and OpenSSL's")
def _():
    with serving() as guest:
        with Talk(guest.address, 4430) as talk:  # supported_versions gets another number: what remains asks for TLS 1.2
            talk.change = lambda data: [data.replace(b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03", b"\xfa\xfa\x00\x05\x04\x03\x04\x03\x03")]
            try:
                talk.shake()
                raise tap.Failed("a downgrade was taken")
            except ssl.SSLError as error:
                check("INAPPROPRIATE_FALLBACK" in str(error).upper() or "ILLEGAL" in str(error).upper(), str(error))
