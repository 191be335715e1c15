/* SPDX-License-Identifier: ISC */
/* Ports of this host: see ports.h. Who holds one stands in /proc: the inode of the socket that listens, and a
 * descriptor of a process that is this inode; of other users' processes only root can tell. */
#include "ports.h"

#include "cli.h"
#include "text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_LISTEN 0x0a /* of /proc/net/tcp: TCP_LISTEN */
#define STATE_UNCONNECTED 0x07 /* of /proc/net/udp: TCP_CLOSE, which is all that a bound socket is */
#define CHOICE_COUNT_MAX 100 /* tries at a free port that no other of this run has */
#define SYSTEM_PORTS_END 1024

/* 0, or why 127.0.0.1 cannot be listened on at *port; 0 there becomes the number of a free one. */
static int try_listen(bool is_udp, unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    int handle = socket(AF_INET, (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof address;
    int yes = 1, why = 0;

    if (handle < 0) {
        return errno;
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!is_udp) { /* connections of before do not count */
        (void)setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    }
    if (bind(handle, (const struct sockaddr *)&address, sizeof address) != 0 || (!is_udp && listen(handle, 1) != 0) ||
        getsockname(handle, (struct sockaddr *)&address, &size) != 0) {
        why = errno;
    }
    *port = ntohs(address.sin_port);
    (void)close(handle);
    return why;
}

/* The inode of the socket that has `port` in `state`, as `table` (a file of /proc/net) has it; 0: none. A line is
 * "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 INODE ...". */
static uint64_t listening_inode(const char *table, unsigned wanted_state, unsigned port)
{
    char line[512];
    FILE *file = fopen(table, "re");
    uint64_t found = 0;

    while (file != NULL && found == 0 && fgets(line, sizeof line, file) != NULL) {
        unsigned local, state;
        uint64_t inode;

        if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %" SCNu64, &local, &state,
                   &inode) == 3 && local == port && state == wanted_state) {
            found = inode;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

/* Looked up, not tried: a guest that binds the port just then would find it taken. */
bool ports_udp_is_taken(unsigned port)
{
    return listening_inode("/proc/net/udp", STATE_UNCONNECTED, port) != 0 ||
           listening_inode("/proc/net/udp6", STATE_UNCONNECTED, port) != 0;
}

static bool holds_socket(const char *process, const char *socket_name)
{
    char *folder = text_format("/proc/%s/fd", process);
    DIR *list = opendir(folder);
    bool found = false;
    struct dirent *entry;

    while (list != NULL && !found && (entry = readdir(list)) != NULL) {
        char *path = text_format("%s/%s", folder, entry->d_name);
        char target[64];
        ssize_t len = readlink(path, target, sizeof target - 1);

        target[len > 0 ? len : 0] = '\0';
        found = strcmp(target, socket_name) == 0;
        free(path);
    }
    if (list != NULL) {
        (void)closedir(list);
    }
    free(folder);
    return found;
}

/* "python3, process 4711" */
static char *described(const char *process)
{
    char *path = text_format("/proc/%s/comm", process);
    FILE *file = fopen(path, "re");
    char name[64];

    if (file == NULL || fgets(name, sizeof name, file) == NULL) {
        (void)strcpy(name, "a program");
    }
    name[strcspn(name, "\n")] = '\0';
    if (file != NULL) {
        (void)fclose(file);
    }
    free(path);
    return text_format("%s, process %s", name, process);
}

/* Who listens on `port`, in words, or NULL. */
static char *holder(bool is_udp, unsigned port)
{
    unsigned state = is_udp ? STATE_UNCONNECTED : STATE_LISTEN;
    uint64_t inode = listening_inode(is_udp ? "/proc/net/udp" : "/proc/net/tcp", state, port);
    char *socket_name, *words = NULL;
    struct dirent *entry;
    DIR *processes;

    inode = inode != 0 ? inode : listening_inode(is_udp ? "/proc/net/udp6" : "/proc/net/tcp6", state, port);
    if (inode == 0 || (processes = opendir("/proc")) == NULL) {
        return NULL;
    }
    socket_name = text_format("socket:[%" PRIu64 "]", inode);
    while (words == NULL && (entry = readdir(processes)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]) && holds_socket(entry->d_name, socket_name)) {
            words = described(entry->d_name);
        }
    }
    (void)closedir(processes);
    free(socket_name);
    return words;
}

static bool is_given(const struct run_port *ports, size_t count, unsigned host)
{
    for (size_t i = 0; i < count; i++) {
        if (ports[i].host == host) {
            return true;
        }
    }
    return false;
}

/* The number that the guest's same port has by the other protocol, if it is free by this one; else 0. */
static unsigned number_of_pair(const struct run_port *ports, size_t count, const struct run_port *port)
{
    for (size_t i = 0; i < count; i++) {
        unsigned host = ports[i].host;

        if (host != 0 && ports[i].guest == port->guest && ports[i].is_udp != port->is_udp &&
            try_listen(port->is_udp, &host) == 0) {
            return host;
        }
    }
    return 0;
}

void ports_choose(struct run_port *ports, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned tries = 0;

        if (ports[i].host == 0) {
            ports[i].host = number_of_pair(ports, count, &ports[i]);
        }
        while (ports[i].host == 0) {
            unsigned free_port = 0;
            int why = try_listen(ports[i].is_udp, &free_port);

            if (why != 0 || ++tries > CHOICE_COUNT_MAX) {
                cli_fail("there is no free port on 127.0.0.1: %s", strerror(why != 0 ? why : EADDRINUSE));
            }
            ports[i].host = is_given(ports, count, free_port) ? 0 : free_port;
        }
    }
}

void ports_check(const struct run_port *ports, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *udp = ports[i].is_udp ? "/udp" : "";
        unsigned host = ports[i].host;
        int why = try_listen(ports[i].is_udp, &host);
        char *who;

        if (why == 0) {
            continue;
        }
        if (why == EACCES && ports[i].host < SYSTEM_PORTS_END) {
            cli_fail("port %u of this host is for root alone; choose one from %d, as in --port 8080:%u%s (make: "
                     "PORT=8080:%u%s)", ports[i].host, SYSTEM_PORTS_END, ports[i].guest, udp, ports[i].guest, udp);
        }
        if (why != EADDRINUSE) {
            cli_fail("port %u of 127.0.0.1 cannot be used: %s", ports[i].host, strerror(why));
        }
        who = holder(ports[i].is_udp, ports[i].host);
        cli_fail("port %u of this host is in use%s%s; end that, or choose another by --port HOST:%u%s (make: "
                 "PORT=HOST:%u%s), or any free one by 0 in the place of HOST", ports[i].host,
                 who != NULL ? " by " : "", who != NULL ? who : "", ports[i].guest, udp, ports[i].guest, udp);
    }
}

char *ports_text(const struct run_port *ports, size_t count)
{
    struct text text = {0};

    text_add(&text, "");
    for (size_t i = 0; i < count; i++) {
        text_addf(&text, "%s%u:%u", i == 0 ? "" : ",", ports[i].host, ports[i].guest);
    }
    return text.bytes;
}
