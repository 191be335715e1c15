# The part of tests/cli/run about `fata monitor`. Sourced there. Boards are pseudo-terminals of monitor.py.
# SPDX-License-Identifier: ISC

back=$PWD
cd "$work" || exit 2
cat >monitor.py <<'EOF2'
import fcntl, os, pty, signal, socket, subprocess, sys, termios, time, tty
fata, what = sys.argv[1:3]

class Board:
    """A pseudo-terminal, and a link to it."""
    def __init__(self, link="port"):
        self.master, slave = pty.openpty()
        if os.path.islink(link):
            os.unlink(link)
        os.symlink(os.ttyname(slave), link)
        self.slave, self.link = slave, link
    def say(self, text):
        os.write(self.master, text.encode())
    def hear(self, text):
        seen = b""
        while text.encode() not in seen:
            seen += os.read(self.master, 1000)
        return seen
    def vanish(self):
        os.unlink(self.link)
        os.close(self.slave)
        os.close(self.master)

class Monitor:
    def __init__(self, *options, path="port", terminal=False):
        self.ours, theirs = pty.openpty() if terminal else (None, None)
        def own():
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
        self.theirs = theirs
        self.tool = subprocess.Popen([fata, "monitor", *([path] if path else []), *options], stdin=theirs if terminal else subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=own if terminal else None)
        self.seen = b""
    def until(self, text):
        end = time.monotonic() + 20
        while text.encode() not in self.seen:
            assert time.monotonic() < end, (text, self.seen)
            got = os.read(self.tool.stdout.fileno(), 1000)
            assert got, (text, self.seen)
            self.seen += got
    def end(self, status=143):
        if status == 143:
            self.tool.send_signal(signal.SIGTERM)
        self.seen += self.tool.stdout.read()
        got = self.tool.wait(10)
        assert got == status, (got, self.seen)
        return self.seen.decode()

def output():
    board = Board()
    monitor = Monitor("--log", "monitor.log")
    monitor.until("115200 bits a second")
    assert termios.tcgetattr(board.slave)[4:6] == [termios.B115200] * 2
    board.say("Hello\r\nname? ")
    monitor.until("Hello\nname? ")
    monitor.tool.stdin.write(b"it\r\x03")
    monitor.tool.stdin.close()
    assert board.hear("\x03") == b"it\r\x03"
    board.say("bye\r\n")
    monitor.until("bye\n")
    monitor.end()
    log = open("monitor.log").read()
    assert "Hello\nname? bye\n" in log and log.startswith("--- ") and log.endswith(": the end\n"), log

def speed():
    board = Board()
    monitor = Monitor("--baud", "9600")
    monitor.until("9600 bits a second")
    assert termios.tcgetattr(board.slave)[4:6] == [termios.B9600] * 2
    monitor.end()

def filters():
    board = Board()
    if os.path.exists("monitor.log"):
        os.unlink("monitor.log")
    monitor = Monitor("--filter", "warn,net=debug", "--log", "monitor.log")
    monitor.until("port")
    board.say("[    0.000001] info  tcp: no\r\n[    0.000002] debug net: yes\r\n[    0.000003] warn  tcp: too\r\nand this\r\n")
    monitor.until("and this\n")
    said = monitor.end()
    assert "[    0.000002] debug net: yes\n[    0.000003] warn  tcp: too\nand this\n" in said and "no" not in said, said
    assert "tcp: no\n" in open("monitor.log").read()

def addresses():
    board = Board()
    monitor = Monitor("--image", "img/crash", "--log", "monitor.log")
    monitor.until("port")
    board.say("fata: crash: null pointer\r\nfata: at 0x200000 (main+0)\r\n")
    monitor.until("    deepest at src/crashed.c:3\n    (inlined by) crashed at src/crashed.c:8\n") # as it arrives
    board.say("fata: exit 134\r\n")
    monitor.until("fata: exit 134\n")
    monitor.end()
    assert "(main+0)\n    deepest at src/crashed.c:3\n" in open("monitor.log").read()

def no_addresses():
    board = Board()
    monitor = Monitor("--image", "img/hang")
    monitor.until("there are no symbols in img/hang, nor in a img/hang.elf beside it: addresses stay numbers\n")
    monitor.until("port")
    board.say("fata: at 0x200000 (main+0)\r\nend\r\n")
    monitor.until("end\n")
    monitor.end()

def again():
    if os.path.islink("port"):
        os.unlink("port")
    monitor = Monitor()
    monitor.until("waiting for port")
    board = Board()
    monitor.until("port is there\n")
    board.say("one\r\nhalf")
    monitor.until("half")
    board.vanish()
    monitor.until("half\n--- port is gone; waiting for it\n")
    board = Board()
    monitor.until("port is there\n")
    board.say("two\r\n")
    monitor.until("two\n")
    monitor.tool.stdin.write(b"x")
    monitor.tool.stdin.flush()
    board.hear("x")
    monitor.end()

def renamed():
    """No adapter yet; then one, which comes back under another name, once while somebody else has it."""
    os.environ["FATA_TEST_ROOT"] = "adapters"
    monitor = Monitor(path=None)
    monitor.until("waiting for a serial adapter (/dev/ttyUSB* or /dev/ttyACM*)")
    board = Board("adapters/dev/ttyUSB0")
    monitor.until("ttyUSB0 is there\n")
    board.say("one\r\n")
    monitor.until("one\n")
    board.vanish()
    monitor.until("ttyUSB0 is gone; waiting for it\n")
    board = Board("adapters/dev/ttyUSB1")
    monitor.until("ttyUSB1 is there\n")
    board.say("two\r\n")
    monitor.until("two\n")
    board.vanish()
    monitor.until("ttyUSB1 is gone; waiting for it\n")
    board, other = Board("held"), os.open("held", os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(other, fcntl.LOCK_EX)
    os.rename("held", "adapters/dev/ttyACM0")
    monitor.until("ttyACM0 is there, and cannot be opened: another program uses it\n")
    os.close(other)
    monitor.until("ttyACM0 is there\n")
    said = monitor.end()
    assert said.count("cannot be opened") <= 1, said
    os.unlink("adapters/dev/ttyACM0")

def noise():
    """Bytes of no meaning, bytes for a terminal, a line without an end: all of it, as it came; then a crash, a byte at a time."""
    board = Board()
    if os.path.exists("monitor.log"):
        os.unlink("monitor.log")
    monitor = Monitor("--image", "img/crash", "--log", "monitor.log", "--filter", "warn")
    monitor.until("port")
    noise = bytes(range(256)).replace(b"\r", b"").replace(b"\n", b"") * 8 + b"\x1b[2J\x1b]0;x\a[    0.1" + b"y" * 10000
    for at in range(0, len(noise), 500):
        os.write(board.master, noise[at:at + 500])
        time.sleep(0.002)
    for byte in b"\nfata: crash: null pointer\r\nfata: at 0x200000 (main+0)\r\nfata: at 0xzz\r\nfata: at 0x123456789abcdef01\r\nend\r\n":
        os.write(board.master, bytes([byte]))
        time.sleep(0.001)
    monitor.until("end\n")
    monitor.tool.send_signal(signal.SIGTERM)
    monitor.seen += monitor.tool.stdout.read()
    assert monitor.tool.wait(10) == 143 and noise in monitor.seen, monitor.seen[-300:]
    assert monitor.seen.count(b"crashed.c:3\n") == 1 and noise in open("monitor.log", "rb").read(), monitor.seen[-300:]

def stuck():
    """Nobody reads what it says, and it ends all the same."""
    board = Board()
    monitor = Monitor()
    monitor.until("port")
    os.set_blocking(board.master, False)
    stop = time.monotonic() + 2
    while time.monotonic() < stop:
        try:
            board.say("x" * 1000 + "\n")
        except BlockingIOError:
            time.sleep(0.01)
    monitor.tool.send_signal(signal.SIGTERM)
    assert monitor.tool.wait(10) == 143

def busy():
    board = Board()
    monitor = Monitor()
    monitor.until("port")
    second = Monitor()
    assert "cannot open port: another program uses it" in second.end(1), second.seen
    monitor.end()

def terminal():
    board = Board()
    monitor = Monitor(terminal=True)
    monitor.until("Ctrl-] ends")
    assert not termios.tcgetattr(monitor.theirs)[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
    os.write(monitor.ours, b"a\r\x03\x1a")
    assert board.hear("\x1a") == b"a\r\x03\x1a"
    os.write(monitor.ours, b"z\x1dnever")
    monitor.end(0)
    assert board.hear("z") == b"z"
    assert termios.tcgetattr(monitor.theirs)[3] & termios.ECHO and termios.tcgetattr(monitor.theirs)[3] & termios.ISIG

def closed():
    """Who reads its output ends: the terminal is as it was."""
    board = Board()
    monitor = Monitor(terminal=True)
    monitor.until("Ctrl-] ends")
    monitor.tool.stdout.close()
    board.say("x\n")
    assert monitor.tool.wait(10) == 1
    assert termios.tcgetattr(monitor.theirs)[3] & termios.ECHO

def unix():
    if os.path.exists("socket"):
        os.unlink("socket")
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    server.listen()
    monitor = Monitor(path="socket")
    board = server.accept()[0]
    board.send(b"from QEMU\r\n")
    monitor.until("from QEMU\n")
    monitor.tool.stdin.write(b"to QEMU")
    monitor.tool.stdin.flush()
    assert board.recv(100) == b"to QEMU"
    board.close()
    monitor.until("is gone")
    board = server.accept()[0]
    board.send(b"again")
    monitor.until("is there\nagain")
    monitor.end()

signal.alarm(60)
globals()[what]()
EOF2
mkdir -p adapters/dev
is "monitor: waits for an adapter, and for its coming back by another name" python3 monitor.py "$fata" renamed
: >adapters/dev/ttyUSB0 && : >adapters/dev/ttyACM1
check "monitor: two of them" 2 'which port? There are adapters/dev/ttyUSB0, adapters/dev/ttyACM1' env FATA_TEST_ROOT=adapters "$fata" monitor
rm adapters/dev/ttyACM1
check "monitor: one, which is meant" 1 'cannot open adapters/dev/ttyUSB0: it is no serial port' env FATA_TEST_ROOT=adapters "$fata" monitor
check "monitor: a speed that is none" 2 'one of the usual speeds' "$fata" monitor --baud 115201
check "monitor: a filter that is none" 2 '--filter loud: a level is off, error' "$fata" monitor --filter loud
check "monitor: a log that cannot be opened" 1 'cannot open the log none/log' "$fata" monitor --log none/log port
check "monitor: an image that is none" 1 'none: No such file' "$fata" monitor --image none port
is "monitor: output, input, a log, SIGTERM" python3 monitor.py "$fata" output
is "monitor: another speed" python3 monitor.py "$fata" speed
is "monitor: a filter by module and level; the log has all" python3 monitor.py "$fata" filters
is "monitor: addresses become source lines as they arrive" python3 monitor.py "$fata" addresses
is "monitor: an image without symbols is told of" python3 monitor.py "$fata" no_addresses
is "monitor: waits for the port, and for its coming back" python3 monitor.py "$fata" again
is "monitor: noise, a line without an end, a crash a byte at a time" python3 monitor.py "$fata" noise
is "monitor: SIGTERM, while nobody reads" python3 monitor.py "$fata" stuck
is "monitor: one at a time" python3 monitor.py "$fata" busy
is "monitor: on a terminal: Ctrl-C is the board's, Ctrl-] ends" python3 monitor.py "$fata" terminal
is "monitor: on a terminal, its output closed" python3 monitor.py "$fata" closed
is "monitor: a socket of QEMU's" python3 monitor.py "$fata" unix
rm -rf adapters port socket monitor.log monitor.py
cd "$back" || exit 2
