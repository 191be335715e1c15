/* SPDX-License-Identifier: ISC */
/* The only program of the Linux guest on the board: loads the modules of the Ethernet controller, gives the interface its address, and does
 * on port 9 what xennet/work/main.c does in ours, by the same calls of 64 KiB: "sink COUNT" takes so many bytes, "source COUNT" sends
 * them. Linux's own system calls and no C library, so that the compiler of our images makes it too: their numbers are
 * those of Linux's arch/arm/tools/syscall.tbl, structures those of its uapi headers. */
#include <stddef.h>
#include <stdint.h>

#define WORK_PORT 9
#define LINE_BYTES 64u
#define CALL_BYTES 65536u
#define ADDRESS UINT32_C(0x0203090a) /* 10.9.3.2 as it is on the wire */
#define INTERFACE "eth0"
#define TRIES 200 /* of 50 ms, until there is an interface */

enum {
    SYS_EXIT = 1,
    SYS_READ = 3,
    SYS_WRITE = 4,
    SYS_OPEN = 5,
    SYS_CLOSE = 6,
    SYS_IOCTL = 54,
    SYS_NANOSLEEP = 162,
    SYS_SOCKET = 281,
    SYS_BIND = 282,
    SYS_LISTEN = 284,
    SYS_ACCEPT = 285,
    SYS_FINIT_MODULE = 379,
};
enum { AF_INET = 2, SOCK_STREAM = 1, SIOCSIFFLAGS = 0x8914, SIOCSIFADDR = 0x8916, SIOCSIFNETMASK = 0x891c, IFF_UP = 1 };

struct address {
    uint16_t family, port;
    uint32_t address;
    uint8_t pad[8];
};

/* struct ifreq */
struct request {
    char name[16];
    union {
        struct address address;
        int16_t flags;
    } u;
};

static char bytes[CALL_BYTES];

static long call(long number, long a, long b, long c)
{
    register long r7 __asm__("r7") = number;
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
    return r0;
}

static void say(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0')
        len++;
    call(SYS_WRITE, 1, (long)text, (long)len);
}

static void die(const char *what)
{
    say(what);
    say(" failed\n");
    call(SYS_EXIT, 1, 0, 0); /* a panic of the kernel, which ends the run */
}

/* All of /modules, whose names begin with their numbers in order: 00, 01 ... */
static void load_modules(void)
{
    char path[] = "/modules/00";
    for (unsigned i = 0; i < 100; i++) {
        path[sizeof path - 3] = (char)('0' + i / 10);
        path[sizeof path - 2] = (char)('0' + i % 10);
        const long fd = call(SYS_OPEN, (long)path, 0, 0);
        if (fd < 0)
            return;
        if (call(SYS_FINIT_MODULE, fd, (long)"", 0) != 0)
            die(path);
        call(SYS_CLOSE, fd, 0, 0);
    }
}

static void bring_up(void)
{
    const struct {
        int32_t seconds, ns;
    } pause = {0, 50000000};
    struct request request = {.name = INTERFACE, .u.address = {.family = AF_INET, .address = ADDRESS}};
    const long fd = call(SYS_SOCKET, AF_INET, SOCK_STREAM, 0);
    int tries = TRIES;
    while (call(SYS_IOCTL, fd, SIOCSIFADDR, (long)&request) != 0) {
        if (--tries == 0)
            die("the address of " INTERFACE);
        call(SYS_NANOSLEEP, (long)&pause, 0, 0);
    }
    request.u.address.address = UINT32_C(0x00ffffff);
    if (call(SYS_IOCTL, fd, SIOCSIFNETMASK, (long)&request) != 0)
        die("its mask");
    request.u.flags = IFF_UP;
    if (call(SYS_IOCTL, fd, SIOCSIFFLAGS, (long)&request) != 0)
        die("bringing it up");
    call(SYS_CLOSE, fd, 0, 0);
}

static void serve(long fd)
{
    char line[LINE_BYTES];
    size_t len = 0;
    while (len < LINE_BYTES - 1 && call(SYS_READ, fd, (long)(line + len), 1) == 1 && line[len++] != '\n') {
    }
    line[len] = '\0';
    const long number = line[1] == 'i' ? SYS_READ : SYS_WRITE; /* sink, source */
    uint32_t left = 0;
    for (size_t i = 0; i < len; i++)
        if (line[i] >= '0' && line[i] <= '9')
            left = left * 10 + (uint32_t)(line[i] - '0');
    while (left > 0) {
        const long done = call(number, fd, (long)bytes, left < CALL_BYTES ? (long)left : (long)CALL_BYTES);
        if (done <= 0)
            return;
        left -= (uint32_t)done;
    }
    call(SYS_WRITE, fd, (long)"done\n", 5);
}

__attribute__((noreturn)) void _start(void);
void _start(void)
{
    load_modules();
    bring_up();
    const struct address at = {.family = AF_INET, .port = (uint16_t)(WORK_PORT << 8)};
    const long listener = call(SYS_SOCKET, AF_INET, SOCK_STREAM, 0);
    if (call(SYS_BIND, listener, (long)&at, sizeof at) != 0 || call(SYS_LISTEN, listener, 8, 0) != 0)
        die("listening");
    say("works\n");
    for (;;) {
        const long fd = call(SYS_ACCEPT, listener, 0, 0);
        if (fd < 0)
            continue;
        serve(fd);
        call(SYS_CLOSE, fd, 0, 0);
    }
}
