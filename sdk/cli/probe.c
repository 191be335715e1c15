/* SPDX-License-Identifier: ISC */
/* Asking a guest's ports: see probe.h. */
#include "probe.h"

#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS 1000
#define ANSWER_MS 3000      /* for the connection and the answer */
#define ANSWER_BYTES_MAX (1024 * 1024)
#define PROBE_MS (120 * 1000) /* then it is no longer asked: an emulated machine on a busy host has booted by then */
#define REQUEST "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: fata\r\nConnection: close\r\n\r\n"
#define HTTP "HTTP/"
#define HTTP_PORT 80
#define HTTPS_PORT 443
#define TLS_ALERT "\x15\x03" /* RFC 8446, section 5.1: what TLS says to a request in plain text */

/* Who connects to a process or to the guest itself has been answered. */
static bool connection_says_all(const struct probe *probe)
{
    return probe->plan.way != PROBE_FORWARDED;
}

/* Whether port `index` is one to ask now. */
static bool is_open(const struct probe *probe, size_t index)
{
    return !probe->answered[index] && (!probe->plan.ports[index].is_udp || probe->plan.way == PROBE_PROCESS) &&
           (probe->plan.way != PROBE_TAP || probe->address != 0);
}

static bool has_open(const struct probe *probe)
{
    for (size_t i = 0; i < probe->plan.count; i++) {
        if (is_open(probe, i)) {
            return true;
        }
    }
    return false;
}

void probe_start(struct probe *probe, const struct probe_plan *plan)
{
    *probe = (struct probe){.plan = *plan, .handle = -1};
    probe->pause_ms = PAUSE_FIRST_MS;
    probe->until_ms = has_open(probe) ? now_ms() + PAUSE_FIRST_MS : 0;
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
    if (!has_open(probe)) {
        probe->until_ms = 0;
        return;
    }
    do {
        probe->now = (probe->now + 1) % probe->plan.count;
    } while (!is_open(probe, probe->now));
    probe->until_ms = now_ms() + probe->pause_ms;
    probe->pause_ms = probe->pause_ms * 2 < PAUSE_MAX_MS ? probe->pause_ms * 2 : PAUSE_MAX_MS;
}

/* A line for who waits at --ready-fd; nobody may any more. */
static void tell_ready(struct probe *probe, const char *line)
{
    if (probe->plan.ready_fd < 0) {
        return;
    }
    if (dprintf(probe->plan.ready_fd, "%s\n", line) < 0 || probe->answered_count == probe->plan.count) {
        (void)close(probe->plan.ready_fd);
        probe->plan.ready_fd = -1;
    }
}

static char *address_text(uint32_t address)
{
    return text_format("%u.%u.%u.%u", address >> 24, address >> 16 & 0xff, address >> 8 & 0xff, address & 0xff);
}

enum answer { ANSWER_OTHER, ANSWER_HTTP, ANSWER_HTTPS };

static const char *const schemes[] = {[ANSWER_HTTP] = "http", [ANSWER_HTTPS] = "https"};

/* Where a port is for this machine's user: localhost:8080, without the port that is the scheme's own. */
static char *place_of(const struct probe *probe, size_t index, enum answer answer)
{
    const struct run_port *port = &probe->plan.ports[index];
    bool is_tap = probe->plan.way == PROBE_TAP;
    unsigned usual = answer == ANSWER_OTHER ? 0 : answer == ANSWER_HTTPS ? HTTPS_PORT : HTTP_PORT;
    unsigned number = is_tap ? port->guest : port->host;
    char *host = is_tap ? address_text(probe->address) : text_format("localhost");
    char *place = number == usual ? text_format("%s", host) : text_format("%s:%u", host, number);

    free(host);
    return place;
}

static char *url_of(const struct probe *probe, size_t index, enum answer answer)
{
    char *place = place_of(probe, index, answer);
    char *url = text_format("%s://%s/", schemes[answer], place);

    free(place);
    return url;
}

static void has_answered(struct probe *probe, size_t index, enum answer answer, struct text *said)
{
    const struct run_port *port = &probe->plan.ports[index];
    char *where = place_of(probe, index, ANSWER_OTHER);
    char *place = answer == ANSWER_OTHER ? text_format("%s%s", where, port->is_udp ? "/udp" : "")
                                         : url_of(probe, index, answer);

    if (answer != ANSWER_OTHER) {
        text_addf(said, "fata: %s\n", place);
    } else {
        text_addf(said, port->is_udp ? "fata: %s leads to port %u of the guest\n"
                                     : "fata: %s answers (port %u of the guest)\n", place, port->guest);
    }
    probe->answered[index] = true;
    probe->answered_count++;
    probe->pause_ms = PAUSE_FIRST_MS;
    tell_ready(probe, place);
    free(where);
    free(place);
}

/* Turns to the address at once: what was asked before it was there may wait for seconds. */
void probe_address(struct probe *probe, uint32_t address, struct text *said)
{
    if (probe->plan.way == PROBE_PROCESS || address == probe->address || address == 0) {
        return;
    }
    probe->address = address;
    if (probe->plan.way == PROBE_TAP) {
        text_addf(said, "fata: the guest's address is %s\n", address_text(address));
    }
    for (size_t i = 0; i < probe->plan.count; i++) {
        if (probe->plan.ports[i].is_udp && !probe->answered[i]) {
            has_answered(probe, i, ANSWER_OTHER, said);
        }
    }
    if (probe->plan.count == 0) {
        tell_ready(probe, address_text(address));
    }
    probe->pause_ms = PAUSE_FIRST_MS;
    if (has_open(probe) && probe->start_len == 0) {
        probe->give_up_at_ms = now_ms() + PROBE_MS;
        next(probe);
    }
}

/* Of a process it can be seen whether it has bound them. */
static void look_at_udp(struct probe *probe, struct text *said)
{
    for (size_t i = 0; probe->plan.way == PROBE_PROCESS && i < probe->plan.count; i++) {
        if (probe->plan.ports[i].is_udp && !probe->answered[i] && ports_udp_is_taken(probe->plan.ports[i].host)) {
            has_answered(probe, i, ANSWER_OTHER, said);
        }
    }
}

static void dial(struct probe *probe)
{
    const struct run_port *port = &probe->plan.ports[probe->now];
    bool is_tap = probe->plan.way == PROBE_TAP;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(is_tap ? port->guest : port->host))};

    if (port->is_udp) {
        next(probe); /* look_at_udp() */
        return;
    }
    to.sin_addr.s_addr = htonl(is_tap ? probe->address : INADDR_LOOPBACK);
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
    char *host = place_of(probe, probe->now, ANSWER_HTTP); /* with the port: a server may send to what it is called */
    char *request = text_format(REQUEST, host);
    size_t len = strlen(request);

    (void)getsockopt(probe->handle, SOL_SOCKET, SO_ERROR, &error, &size);
    probe->asked = error == 0 && send(probe->handle, request, len, MSG_NOSIGNAL) == (ssize_t)len;
    free(host);
    free(request);
    if (!probe->asked) {
        next(probe);
    }
}

static bool starts_with(const struct probe *probe, const char *start)
{
    size_t len = strlen(start);

    return probe->start_len >= len && memcmp(probe->start, start, len) == 0;
}

/* Of a server that sends elsewhere by the same port: https://localhost:18443/. */
static bool is_sent_to_https(const struct probe *probe)
{
    static const char to[] = "\r\nlocation: https://";
    const char *location = strcasestr(probe->start, to);
    char *own = url_of(probe, probe->now, ANSWER_HTTPS);
    bool same = location != NULL && strncmp(location + sizeof to - 1 - strlen("https://"), own, strlen(own)) == 0;

    free(own);
    return same;
}

static enum answer judge(const struct probe *probe)
{
    if (starts_with(probe, TLS_ALERT)) {
        return ANSWER_HTTPS;
    }
    if (!starts_with(probe, HTTP)) {
        return ANSWER_OTHER;
    }
    return is_sent_to_https(probe) ? ANSWER_HTTPS : ANSWER_HTTP;
}

/* All of it that is looked at. */
static bool start_is_whole(const struct probe *probe)
{
    size_t len = probe->start_len < sizeof HTTP - 1 ? probe->start_len : sizeof HTTP - 1;

    return probe->start_len == PROBE_START_BYTES_MAX || memcmp(probe->start, HTTP, len) != 0 ||
           strstr(probe->start, "\r\n\r\n") != NULL;
}

/* Reads on to the answer's end after what it is has been told: a server may call it an error when its client leaves. */
static void listen_to(struct probe *probe, struct text *said)
{
    char bytes[4096];
    ssize_t got = recv(probe->handle, bytes, sizeof bytes, 0);
    size_t room = PROBE_START_BYTES_MAX - probe->start_len;

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got > 0) {
        size_t kept = (size_t)got < room ? (size_t)got : room;

        memcpy(probe->start + probe->start_len, bytes, kept);
        probe->start_len += kept;
        probe->start[probe->start_len] = '\0';
        probe->answer_bytes += (size_t)got;
    }
    if (!probe->answered[probe->now]) {
        if (probe->start_len > 0 && (got <= 0 || start_is_whole(probe))) {
            has_answered(probe, probe->now, judge(probe), said);
        } else if (got <= 0 && connection_says_all(probe)) {
            has_answered(probe, probe->now, ANSWER_OTHER, said);
        }
    }
    if (got <= 0 || probe->answer_bytes > ANSWER_BYTES_MAX) {
        next(probe); /* if it has not answered, nobody is there yet */
    }
}

static void stop_asking(struct probe *probe)
{
    hang_up(probe);
    probe->until_ms = 0;
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
                  probe->plan.ports[probe->now].guest, PROBE_MS / 1000);
        stop_asking(probe);
    } else if (now < probe->until_ms) {
        return;
    } else if (probe->handle < 0) {
        dial(probe);
    } else {
        if (connection_says_all(probe) && probe->asked && !probe->answered[probe->now]) {
            has_answered(probe, probe->now, ANSWER_OTHER, said); /* it waits for other words */
        }
        next(probe);
    }
    look_at_udp(probe, said);
}

void probe_end(struct probe *probe)
{
    stop_asking(probe);
    if (probe->plan.ready_fd >= 0) {
        (void)close(probe->plan.ready_fd);
        probe->plan.ready_fd = -1;
    }
}
