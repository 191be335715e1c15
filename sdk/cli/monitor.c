/* SPDX-License-Identifier: ISC */
/* QEMU's monitor for people, spoken to by a program: see monitor.h. Its answer to `info registers` has lines such as
 * "RIP=0000000000101f6e RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1" or "R12=... R13=... R14=... R15=4001000c". */
#include "monitor.h"

#include "cli.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MS 5000 /* on a busy machine */
#define ANSWER_BYTES_MAX 65536
#define QUESTION "info registers\n"

int monitor_open(int *far_end_out)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        cli_fail("cannot make a socket: %s", strerror(errno));
    }
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    *far_end_out = ends[1];
    return ends[0];
}

void monitor_add(int far_end, struct words *argv)
{
    words_add(argv, "-chardev");
    words_addf(argv, "socket,id=monitor0,fd=%d", far_end);
    words_add(argv, "-mon");
    words_add(argv, "chardev=monitor0,mode=readline");
}

/* The program counters' names on the CPUs that this tool drives, and the line behind. A whole line is there when its end is.
 * On x86 there is an R15 too, a line before: it counts only where ARM's next line came. */
static bool read_place(const char *answer, struct monitor_place *place_out)
{
    static const struct {
        const char *name;
        const char *next;
    } counters[] = {{"\nRIP=", "\n"}, {"\nEIP=", "\n"}, {" R15=", "\nPSR="}};

    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        const char *at = strstr(answer, counters[i].name);
        const char *line = at != NULL ? at + 1 : NULL;
        const char *end = line != NULL ? strchr(line, '\n') : NULL;
        const char *halted = line != NULL ? strstr(line, "HLT=1") : NULL;

        if (end != NULL && strstr(end, counters[i].next) != NULL) {
            place_out->address = strtoull(at + strlen(counters[i].name), NULL, 16);
            place_out->is_halted = halted != NULL && halted < end;
            return true;
        }
    }
    return false;
}

bool monitor_where(int monitor, struct monitor_place *place_out)
{
    int64_t end_ms = now_ms() + ANSWER_MS;
    struct text answer = {0};
    bool found = false;

    text_add(&answer, "");
    if (send(monitor, QUESTION, sizeof QUESTION - 1, MSG_NOSIGNAL) != (ssize_t)sizeof QUESTION - 1) {
        return false;
    }
    for (int64_t left_ms; !found && answer.len < ANSWER_BYTES_MAX && (left_ms = end_ms - now_ms()) > 0;) {
        struct pollfd wait = {.fd = monitor, .events = POLLIN};
        char bytes[4096];
        ssize_t got;

        if (poll(&wait, 1, (int)left_ms) <= 0) {
            continue;
        }
        got = recv(monitor, bytes, sizeof bytes, 0);
        if (got <= 0) {
            break;
        }
        text_add_bytes(&answer, bytes, (size_t)got);
        found = strlen(answer.bytes) == answer.len && read_place(answer.bytes, place_out);
    }
    text_free(&answer);
    return found;
}
