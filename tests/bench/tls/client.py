# SPDX-License-Identifier: ISC
"""client.py CA HOST PORT: does what lines on its standard input say, and answers "done N" when it has been done:
    full COUNT PATH       handshakes, each with one request
    resumed COUNT PATH    the same, each going on with the session of the one before it
    bulk COUNT PATH       requests on one connection
TLS 1.3; the cipher is that of $OPENSSL_CONF. Used by ../tls.py."""

import socket
import ssl
import sys

LIMIT_S = 60


def request(connection, path, buffer):
    """Asks and takes the answer; how many bytes of it are the body."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: bench.example\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        got = connection.recv(16384)
        if not got:
            raise OSError("no answer")
        head += got
    head, body = head.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), None)
    if not lines[0].startswith("http/1.1 200") or length is None:
        raise OSError(f"not a page with a length: {lines[0]}")
    have = len(body)
    while have < length:
        got = connection.recv_into(buffer)
        if not got:
            raise OSError(f"{have} bytes of {length}")
        have += got
    return length


def main(authority, host, port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    buffer = bytearray(65536)

    def connect(session=None):
        raw = socket.create_connection((host, port), LIMIT_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = context.wrap_socket(raw, server_hostname="bench.example", session=session)
        if session is not None and not connection.session_reused:
            raise OSError("a session was not resumed")
        return connection

    for line in sys.stdin:
        what, count, path = line.split()
        bytes_, session = 0, None
        if what == "bulk":
            with connect() as connection:
                bytes_ = sum(request(connection, path, buffer) for _ in range(int(count)))
        elif what == "resumed":
            with connect() as connection:
                request(connection, path, buffer)
                session = connection.session
        for _ in range(int(count) if what != "bulk" else 0):
            with connect(session) as connection:
                bytes_ += request(connection, path, buffer)
                session = connection.session if session is not None else None
        print(f"done {bytes_}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
