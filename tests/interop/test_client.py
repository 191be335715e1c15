# SPDX-License-Identifier: ISC
"""What programs of ours ask of others: files of nginx and of Python's server, by our HTTP client; the time of chronyd, by SNTP."""
import contextlib
import http.server
import threading
import zlib

from lab import *
from test_dhcp import dnsmasq, work_file

BIG = bytes(range(256)) * 1200


def peer(package, program):
    """The path of a server that may have been fetched before (in lab.build_all, outside of the namespace)."""
    done = subprocess.run([f"{ROOT}/toolchain/peer", package, program], capture_output=True, text=True)
    if done.returncode != 0:
        raise tap.Skip(f"there is no {program}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()


def fetch(machine, where, *arguments, static=True):
    """What the program said, line by line."""
    line = [FATA, "run", "--image", image("fetches", machine), "--on", machine, "--tap", where.name, "--timeout", "90", "--",
            *(where.guest_arguments if static else []), *arguments]
    guest = start(line, work_file(where, "fetches"))
    status = guest.wait(120)
    end(guest)
    check(status == 0, f"status {status}\n{tail(guest)}")
    return said(guest).splitlines()


def line_of(body, status=200):
    return f"status {status} length {len(body)} crc {zlib.crc32(body):08x}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections = set()  # of all tests, which run side by side

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.connections.add(self.client_address)
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(BIG), 7777):
                piece = BIG[at:at + 7777]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\nTrailer: x\r\n\r\n")
            return
        if self.path == "/until-the-end":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(BIG)
            return
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "chunked")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", str(len(body) * 2))
        self.end_headers()
        self.wfile.write(body * 2)


@each(MACHINES)("{}: our HTTP client gets chunks, bodies without a length and redirects from Python's server, by one connection")
def _(machine):
    where = lan()
    server = http.server.ThreadingHTTPServer((where.host, 8000), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.closing(server.socket):
        url = f"--url=http://{where.host}:8000"
        check(fetch(machine, where, f"{url}/away", "--times=5").count(line_of(BIG)) == 5, "not 5 bodies as they were sent")
        ours = [peer for peer in Handler.connections if peer[0] == where.guest]
        check(len(ours) == 1, f"{len(ours)} connections")
        if machine == "process":
            check(line_of(BIG) in fetch(machine, where, f"{url}/until-the-end"), "not the body as it was sent")
            check(line_of(b"halfhalf", 201) in fetch(machine, where, f"{url}/", "--method=POST", "--body=half"), "not our body, twice")
            check(any(said.startswith("status 404 ") for said in fetch(machine, where, f"{url}/nothing")), "no 404")
        server.shutdown()


@suite.test("process: our HTTP client gets files, and redirects to folders, from nginx")
def _():
    nginx = peer("nginx", "nginx")
    where = lan()
    root = work_file(where, "nginx")
    os.makedirs(f"{root}/www/folder")
    os.makedirs(f"{root}/logs")
    for name in ("www/big", "www/folder/index.html"):
        with open(f"{root}/{name}", "wb") as file:
            file.write(BIG)
    with open(f"{root}/conf", "w", encoding="ascii") as file:
        file.write(f"""daemon off; worker_processes 1; pid {root}/pid; error_log stderr; user root root;
            events {{ worker_connections 64; }}
            http {{ access_log {root}/access; root {root}/www; client_body_temp_path {root}/a; proxy_temp_path {root}/b;
                fastcgi_temp_path {root}/c; uwsgi_temp_path {root}/d; scgi_temp_path {root}/e; keepalive_requests 10;
                server {{ listen {where.host}:80; absolute_redirect off; }} }}""")
    server = start([nginx, "-p", root, "-c", f"{root}/conf", "-e", "stderr"], work_file(where, "nginx-log"))
    try:
        wait_for("nginx answers", lambda: connects(where.host, 80), process=server)
        lines = fetch("process", where, f"--url=http://{where.host}/folder", "--times=30")  # more than a connection's
        check(lines.count(line_of(BIG)) == 30, "\n".join(lines))
        with open(f"{root}/access", encoding="utf-8") as file:
            statuses = re.findall(r'" (\d+) ', file.read())
        check(statuses.count("301") == 30 and statuses.count("200") == 30, f"nginx has seen {statuses}")
    except Exception as failure:
        raise tap.Failed(f"{failure or type(failure).__name__}\nnginx said:\n{tail(server)}") from failure
    finally:
        end(server)


@contextlib.contextmanager
def chronyd(where, *lines):
    program = peer("chrony", "chronyd")
    config = work_file(where, "chrony.conf")
    with open(config, "w", encoding="ascii") as file:
        file.write("\n".join(["local stratum 8", "allow all", f"bindaddress {where.host}", "cmdport 0",
                              f"pidfile {work_file(where, 'chrony.pid')}", *lines]) + "\n")
    server = start([program, "-x", "-d", "-U", "-u", "root", "-f", config], work_file(where, "chronyd"))
    try:
        yield server
    except Exception as failure:
        raise tap.Failed(f"{failure or type(failure).__name__}\nchronyd said:\n{tail(server)}") from failure
    finally:
        end(server)


def check_clock(lines, agree):
    found = re.search(r"^clock ([\d.]+), (\d+ of \d+) agree$", "\n".join(lines), re.MULTILINE)
    check(found is not None, "it does not say the time:\n" + "\n".join(lines[-10:]))
    late = time.time() - float(found[1])
    check(-1 < late < 30, f"its clock is {late:.3f} s behind")  # the guest has ended meanwhile
    check(found[2] == agree, f"{found[2]} agree")


@each(MACHINES)("{}: the clock is set by SNTP, from chronyd that DHCP names")
def _(machine):
    where = lan()
    with chronyd(where), dnsmasq(where, f"--dhcp-option=option:ntp-server,{where.host}"):
        check_clock(fetch(machine, where, "--clock", static=False), "1 of 1")


@suite.test("process: of the servers of --ntp, those that answer set the clock")
def _():
    where = lan()
    with chronyd(where):
        others = where.host.rsplit(".", 1)[0]
        check_clock(fetch("process", where, "--clock", f"--ntp={others}.77,{where.host},{where.host}:4"), "1 of 3")
