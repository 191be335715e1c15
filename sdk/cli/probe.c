/* SPDX-License-Identifier: ISC */
/* Asking a guest's ports: see probe.h. */
#include "probe.h"

#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS 1000
#define ANSWER_MS 3000      /* for the connection and the answer */
#define ANSWER_BYTES_MAX (1024 * 1024)
#define PROBE_MS (120 * 1000) /* then it is no longer asked: an emulated machine on a busy host has booted by then */
#define REQUEST "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: fata\r\nConnection: close\r\n\r\n"
#define HTTP "HTTP/"

void probe_start(struct probe *probe, const struct run_port *ports, size_t count, bool is_process)
{
    *probe = (struct probe){.ports = ports, .count = count, .connection_says_all = is_process, .handle = -1};
    probe->pause_ms = PAUSE_FIRST_MS;
    probe->until_ms = count > 0 ? now_ms() + PAUSE_FIRST_MS : 0;
    probe->give_up_at_ms = now_ms() + PROBE_MS;
}

struct pollfd probe_wait(const struct probe *probe)
{
    return (struct pollfd){.fd = probe->handle, .events = probe->asked ? POLLIN : POLLOUT};
}

static void hang_up(struct probe *probe)
{
    if (probe->handle >= 0) {
        (void)close(probe->handle);
    }
    probe->handle = -1;
}

/* Turns to the next port that has not answered, after a pause. */
static void next(struct probe *probe)
{
    hang_up(probe);
    if (probe->answered_count == probe->count) {
        probe->until_ms = 0;
        return;
    }
    do {
        probe->now = (probe->now + 1) % probe->count;
    } while (probe->answered[probe->now]);
    probe->until_ms = now_ms() + probe->pause_ms;
    probe->pause_ms = probe->pause_ms * 2 < PAUSE_MAX_MS ? probe->pause_ms * 2 : PAUSE_MAX_MS;
}

static void has_answered(struct probe *probe, bool is_http, struct text *said)
{
    const struct run_port *port = &probe->ports[probe->now];

    if (is_http) {
        text_addf(said, "fata: http://localhost:%u/\n", port->host);
    } else {
        text_addf(said, "fata: localhost:%u answers (port %u of the guest)\n", port->host, port->guest);
    }
    probe->answered[probe->now] = true;
    probe->answered_count++;
    probe->pause_ms = PAUSE_FIRST_MS;
}

static void dial(struct probe *probe)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)probe->ports[probe->now].host)};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    probe->asked = false;
    probe->start_len = 0;
    probe->answer_bytes = 0;
    probe->until_ms = now_ms() + ANSWER_MS;
    probe->handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe->handle < 0 ||
        (connect(probe->handle, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        next(probe);
    }
}

static void ask(struct probe *probe)
{
    int error = 0;
    socklen_t size = sizeof error;

    (void)getsockopt(probe->handle, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0 || send(probe->handle, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) != (ssize_t)sizeof REQUEST - 1) {
        next(probe);
        return;
    }
    probe->asked = true;
}

/* Reads on to the answer's end after what it is has been told: a server may call it an error when its client leaves. */
static void listen_to(struct probe *probe, struct text *said)
{
    char bytes[4096];
    ssize_t got = recv(probe->handle, bytes, sizeof bytes, 0);
    size_t room = sizeof probe->start - probe->start_len;

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got > 0) {
        memcpy(probe->start + probe->start_len, bytes, (size_t)got < room ? (size_t)got : room);
        probe->start_len += (size_t)got < room ? (size_t)got : room;
        probe->answer_bytes += (size_t)got;
    }
    if (!probe->answered[probe->now]) {
        bool is_http = memcmp(probe->start, HTTP, probe->start_len) == 0; /* so far */

        if (probe->start_len == sizeof probe->start || (probe->start_len > 0 && !is_http)) {
            has_answered(probe, is_http, said);
        } else if (got <= 0 && (probe->connection_says_all || probe->start_len > 0)) {
            has_answered(probe, false, said);
        }
    }
    if (got <= 0 || probe->answer_bytes > ANSWER_BYTES_MAX) {
        next(probe); /* if it has not answered, nobody is there yet */
    }
}

void probe_step(struct probe *probe, short revents, struct text *said)
{
    int64_t now = now_ms();

    if (probe->until_ms == 0) {
        return;
    }
    if (probe->handle >= 0 && revents != 0) {
        if (probe->asked) {
            listen_to(probe, said);
        } else {
            ask(probe);
        }
    } else if (now >= probe->give_up_at_ms && probe->handle < 0) {
        text_addf(said, "fata: port %u of the guest has not answered for %d s, and is asked no more\n",
                  probe->ports[probe->now].guest, PROBE_MS / 1000);
        probe_end(probe);
    } else if (now < probe->until_ms) {
        return;
    } else if (probe->handle < 0) {
        dial(probe);
    } else {
        if (probe->connection_says_all && probe->asked && !probe->answered[probe->now]) {
            has_answered(probe, false, said); /* it waits for other words */
        }
        next(probe);
    }
}

void probe_end(struct probe *probe)
{
    hang_up(probe);
    probe->until_ms = 0;
}
