# The part of tests/cli/run about the network: ports, tap interfaces, captures, and asking a guest until it answers. Sourced
# there. The guests are python3, as a process: what it is told to do stands in FATA_PORTS, as a program of the SDK has it.
# SPDX-License-Identifier: ISC

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
other=$(free_port)
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
cat >"$work/img/serve.py" <<'EOF'
import os, socket, sys, threading, time
kind = sys.argv[1]
ports = [int(word.split(":")[0]) for word in os.environ["FATA_PORTS"].split(",")]
print("starts", os.environ["FATA_PORTS"], end="." if kind == "ends" else "\n", flush=True)
time.sleep(0.2)

def serve(listener):
    connection = listener.accept()[0]
    asked = connection.recv(1000) if kind != "closes" else b""
    if kind in ("http", "ends"):
        assert asked.startswith(b"GET / HTTP/1.1\r\n") and asked.endswith(b"\r\n\r\n"), asked
        for piece in (b"HT", b"TP/1.1 200 OK\r\n\r\n", b"x" * 100000):
            connection.sendall(piece)
            time.sleep(0.05)
    elif kind in ("moves", "leaves"): # to the place that it is called by, by TLS; to another
        place = asked.split(b"Host: ")[1].split(b"\r\n")[0] if kind == "moves" else b"localhost"
        connection.sendall(b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://%s/\r\n\r\n" % place)
    elif kind == "tls": # an alert: unexpected_message
        connection.sendall(b"\x15\x03\x03\x00\x02\x02\x0a")
    elif kind == "echo":
        connection.sendall(asked)
    elif kind == "mute":
        time.sleep(4)
    if kind != "closes": # until what it is has been told
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1000):
            pass
    connection.close()

threads = [threading.Thread(target=serve, args=[socket.create_server(("127.0.0.1", number))]) for number in ports]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
time.sleep(60 if kind == "http" else 1)
print("\nfata: exit 3")
sys.exit(3)
EOF
serve() { kind=$1; shift; "$fata" run --on process --image "$python" "$@" -- "$work/img/serve.py" "$kind"; }
check "run --port: a page is told as a URL, on a line of its own" 3 "^fata: http://localhost:$port/\$" serve ends --port "$port"
cp "$out" "$work/got"
printf 'starts %s:80.\nfata: http://localhost:%s/\n\nfata: exit 3\n' "$port" "$port" >"$work/want"
is "run --port: a process knows of it, and nothing more is told" cmp "$work/want" "$work/got"
# A command is sent a signal once it has told a URL.
cat >"$work/signalled.py" <<'EOF'
import signal, subprocess, sys
tool = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, text=True,
                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
for line in tool.stdout:
    print(line, end="", flush=True)
    if "http://" in line:
        tool.send_signal(signal.Signals["SIG" + sys.argv[1]])
sys.exit(tool.wait())
EOF
for signal in INT TERM; do
    check "run --port: what serves and is ended by SIG$signal has done well" 0 "localhost:$port/" timeout 60 python3 "$work/signalled.py" \
        $signal "$fata" run --on process --image "$python" --port "$port:8080" -- "$work/img/serve.py" http
    cp "$out" "$work/got"
    is "run --port: the guest's port is told to the process" grep "^starts $port:8080\$" "$work/got"
done
check "run --port: and so has what is ended by --timeout" 0 "localhost:$port/" serve http --port "$port" --timeout 6
check "run --port: a page that is at the same port by TLS" 3 "^fata: https://localhost:$port/\$" serve moves --port "$port"
check "run --port: a page that is at another" 3 "^fata: http://localhost:$other/\$" serve leaves --port "$other"
check "run --port: TLS, and nothing else" 3 "^fata: https://localhost:$port/\$" serve tls --port "$port:443"
check "run --port: no page, but an answer" 3 "^fata: localhost:$port answers (port 7 of the guest)\$" serve echo --port "$port:7"
check "run --port: a process that is silent has taken the connection" 3 "localhost:$port answers" serve mute --port "$port"
check "run --port: a process that hangs up, too" 3 "localhost:$port answers" serve closes --port "$port"
check "run --port, two of them" 3 "localhost:$port/" serve ends --port "$port" --port "$other:81"
cp "$out" "$work/got"
is "run --port: each is told" grep "localhost:$other/" "$work/got"
check "run --port: nobody listens: the time limit's status" 124 'took longer than 1 s (--timeout), and nothing has answered at its port 80, 7$' \
    "$fata" run --on process --image "$python" --port "$port" --port 0:9/udp --port 0:7 --timeout 1 -- -c 'import time; time.sleep(9)'
"$python" -c "import socket, time; s = socket.create_server(('127.0.0.1', $port)); time.sleep(60)" &
holder=$!
for i in $(seq 50); do
    "$python" -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null && break
    sleep 0.2
done
check "run --port: one in use is named, with who holds it" 125 \
    "port $port of this host is in use by python.*, process $holder;.*PORT=HOST:80" serve http --port "$port"
cp "$out" "$work/got"
is "run --port in use: nothing was started" not grep starts "$work/got"
check "run --port in use: a dry run needs no port" 0 "^FATA_PORTS=$port:80 " serve http --port "$port" --dry-run
check "run --port in use: by UDP it is free" 0 'hostfwd=udp' dry --port "$port/udp"
kill $holder
wait $holder 2>/dev/null
if [ "$(id -u)" -ne 0 ] && [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 81 ]; then
    check "run --port: root's" 125 'port 81 of this host is for root alone' serve http --port 81
fi

# UDP, and the descriptor that gets what answers. The guest binds after a while, and then listens by TCP.
cat >"$work/img/udp.py" <<'EOF'
import os, socket, sys, time
port = int(os.environ["FATA_PORTS"].split(",")[0].split(":")[0])
print("3 is", os.path.basename(os.readlink("/proc/self/fd/3")) if os.path.exists("/proc/self/fd/3") else "none", flush=True)
time.sleep(0.3)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", port))
if "tcp" in sys.argv:
    socket.create_server(("127.0.0.1", port)).accept()[0].close()
time.sleep(4) # ports are asked once a second, at last
print("fata: exit 0")
EOF
udp() { "$fata" run --on process --image "$python" "$@" -- "$work/img/udp.py"; }
check "run --port of UDP: bound is enough" 0 "^fata: localhost:$port/udp leads to port 53 of the guest\$" udp --port "$port:53/udp"
check "run --port: one port of the guest's, two of the host's" 125 'one port of the host' udp --port "$port:53/udp" --port "$other:53"
check "run --ready-fd: each that answers" 0 'answers' sh -c '"$@" 3>ready' sh "$fata" run --on process --image "$python" \
    --port "$port:53" --port "$port:53/udp" --ready-fd 3 -- "$work/img/udp.py" tcp
cp "$out" "$work/got"
printf 'localhost:%s\nlocalhost:%s/udp\n' "$port" "$port" >"$work/want"
is "run --ready-fd: is told without more words" sh -c 'sort ready | cmp "$1" -' sh "$work/want"
is "run --ready-fd: the guest does not have it" not grep '^3 is ready$' "$work/got"
cat >"$work/ready.sh" <<'EOF'
rm -f pipe && mkfifo pipe || exit 1
"$1" run --on process --image "$2" --port "$4" --ready-fd 3 -- "$3" http 3>pipe >log 2>&1 &
guest=$!
{ read -r url && ! read -r more; } <pipe || exit 2 # its end comes when all have answered
kill $guest
wait $guest && echo "$url"
EOF
check "run --ready-fd: as --help has it" 0 "^http://localhost:$port/\$" timeout 60 sh "$work/ready.sh" "$fata" "$python" "$work/img/serve.py" "$port"
check "run --ready-fd: who ends before has said nothing" 2 '' timeout 60 sh "$work/ready.sh" "$fata" /bin/true x "$port"

# A make that alone gets a signal, and waits for its recipe.
cat >"$work/makes.py" <<'EOF'
import os, signal, subprocess, sys, time
open("serve.mk", "w").write("all: ; @$(MAKE) -f serve.mk serve\nserve: ; @" + " ".join(sys.argv[1:]) + "\n")
environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    make = subprocess.Popen(["make", "-f", "serve.mk"], start_new_session=True, stdout=subprocess.PIPE, env=environment, text=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while "http://" not in make.stdout.readline():
        pass
    make.send_signal(number)
    assert make.wait(20) != 0, number
    make.stdout.close()
EOF
is "run under two makes: a signal for the upper one alone ends it" timeout 90 python3 "$work/makes.py" "$fata" run --on process \
    --image "$python" --port 0 -- "$work/img/serve.py" http
is "run under two makes: no process is left" gone
# One that a shell began in the background ignores signals, and blocks them too while it begins a recipe.
cat >"$work/quiet.py" <<'EOF'
import ctypes, os, signal, subprocess, sys
ctypes.CDLL(None).prctl(15, b"make") # PR_SET_NAME
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
signal.signal(signal.SIGHUP, lambda *_: None) # make catches the others
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGQUIT])
sys.exit(subprocess.run(sys.argv[1:], env={**os.environ, "MAKELEVEL": "1"}, check=False).returncode)
EOF
check "run under a make that ignores a signal: it is not told to end" 3 'fata: exit 3' timeout 60 python3 "$work/quiet.py" \
    "$fata" run --on process --image "$python" -- -c 'import time; time.sleep(1); print("fata: exit 3"); raise SystemExit(3)'

# A process has its time to finish; who has no patience says so again.
cat >"$work/img/slow.py" <<'EOF'
import os, signal, socket, sys, time
def finish(*_):
    print("finishes", flush=True)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(float(sys.argv[1]))
    print("fata: exit 0", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, finish)
listener = socket.create_server(("127.0.0.1", int(os.environ["FATA_PORTS"].split(":")[0])))
while True:
    listener.accept()[0].close()
EOF
cat >"$work/impatient.py" <<'EOF'
import signal, subprocess, sys
tool = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, text=True)
for line in tool.stdout:
    print(line, end="", flush=True)
    if "answers" in line or "finishes" in line and sys.argv[1] == "2":
        tool.send_signal(signal.SIGTERM)
sys.exit(tool.wait())
EOF
slow() { timeout 60 python3 "$work/impatient.py" $1 "$fata" run --on process --image "$python" --port "$port" -- "$work/img/slow.py" $2; }
check "run: a process that takes 4 seconds to finish has them" 0 'fata: exit 0' slow 1 4
check "run: and not for ever, nor after a second signal" 0 'finishes' slow 2 1000
cp "$out" "$work/got"
is "run: what was cut off has no record" not grep 'fata: exit' "$work/got"

# Captures and tap interfaces.
check "run --pcap with a port" 0 'netdev=n0 -object filter-dump,id=d0,netdev=n0,file=a,,b.pcap' dry --port "$port" --pcap a,b.pcap
check "run --pcap without a port" 0 'netdev user,id=n0 .*file=x.pcap' dry --pcap x.pcap
check "run --pcap without a network" 125 'give one of them' dry --pcap x.pcap --no-network
check "run --pcap of a process without a tap interface" 125 'sees no packets' "$fata" run --on process --pcap x.pcap
check "run --pcap: a file that cannot be written" 125 'no/such: it cannot be written' \
    "$fata" run --image "$image" --on microvm --port "$port" --pcap no/such
check "run --tap" 0 '-netdev tap,id=n0,ifname=tap9,script=no,downscript=no -device virtio-net-device,netdev=n0,mac=52:54:00:' dry --tap tap9
check "run --tap and --pcap: a capture without virtio's headers" 0 'downscript=no,vnet_hdr=off ' dry --tap tap9 --pcap x.pcap
check "run --tap again" 0 '' dry --tap tap9
mac=$(grep -o 'mac=[0-9a-f:]*' "$out")
check "run --tap: another interface" 0 "mac=52:54:00:" dry --tap tap8
cp "$out" "$work/got"
is "run --tap: has another address" not grep -e "$mac" "$work/got"
check "run --tap of a process" 0 '/process --tap=tap9 --pcap=x.pcap a$' \
    "$fata" run --image "$work/img/process" --on process --tap tap9 --pcap x.pcap --dry-run -- a
check "run --tap and --port: nothing is led" 0 'tap,id=n0,ifname=tap9,script=no,downscript=no ' dry --tap tap9 --port "$port"
check "run --tap that does not exist" 125 'no such interface' "$fata" run --image "$image" --on microvm --tap fata-none
for t in '' 'a b' a,b a/b sixteen-letters-; do
    check "run --tap '$t'" 125 '--tap' dry --tap "$t"
done
check "run --tap on a machine without virtio" 0 '-nic tap,id=n0,ifname=tap9,script=no,downscript=no,model=allwinner-emac' \
    on_arm cubieboard z-good --tap tap9 --dry-run
is "run with ports: no process is left" gone
