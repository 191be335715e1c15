# SPDX-License-Identifier: ISC
"""Very many idle TLS connections in a small machine, and a client that comes then."""
import json
import resource
import ssl

from lab import *

CONNECTIONS = (500, 10_000)  # and with --long
MEMORY = "192M"
BYTES_MAX = 12 * 1024  # of a connection, all in: TCP's record, TLS, HTTP
AT_ONCE_S = 10  # on a busy machine, whose guest is emulated
TRY_S = 30


def figures(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}\n"):
        got = connection.recv(65536)
        check(got, f"the connection ended behind {answer!r}")
        answer += got
    return json.loads(answer.split(b"\r\n\r\n")[1])


@suite.test("secure on microvm: thousands of idle TLS connections, 12 KB each at most, and a new client is served at once")
def _():
    count = CONNECTIONS[long_run]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < count + 100:
        raise tap.Skip(f"a process may have no more than {most} files open here (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    context = ssl.create_default_context(cafile=f"{OUT}/secure/tls/ca.pem")
    with running("secure", "microvm", "--net-connections=16000", memory=MEMORY) as guest, contextlib.ExitStack() as held:
        def client():
            raw = held.enter_context(socket.create_connection((guest.address, 443), TRY_S))
            return held.enter_context(context.wrap_socket(raw, server_hostname="localhost"))
        connections = [client()]
        before = figures(connections[0])
        for _ in range(count):
            connections.append(client())
        # (A client's part of its handshake is done before the server's.)
        after = wait_for(f"{count + 1} connections", lambda: (now := figures(connections[0]))["connections"] == count + 1 and now)
        each_bytes = (after["used_bytes"] - before["used_bytes"]) / count
        check(each_bytes <= BYTES_MAX, f"a connection has {each_bytes:.0f} bytes")
        check(after["kept_buffers"] == 0, f"{after['kept_buffers']} buffers are kept")
        begin = time.monotonic()
        figures(client())
        seconds = time.monotonic() - begin
        check(seconds < AT_ONCE_S, f"a new client waited for {seconds:.1f} s")
        for index in (0, 1, count // 2, count):
            figures(connections[index])
    return f"{count} connections, {each_bytes:.0f} bytes each; a new client was served in {seconds * 1000:.0f} ms"
