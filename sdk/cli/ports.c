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
#define SYSTEM_PORTS_END 1024

/* 0, or why 127.0.0.1 cannot be listened on at `port`. */
static int try_listen(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1, why = 0;

    if (handle < 0) {
        return errno;
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(handle, (const struct sockaddr *)&address, sizeof address) != 0 || listen(handle, 1) != 0) {
        why = errno;
    }
    (void)close(handle);
    return why;
}

/* The inode of the socket that listens on `port`, as `table` (a file of /proc/net) has it; 0: none. A line is
 * "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 INODE ...". */
static uint64_t listening_inode(const char *table, unsigned port)
{
    char line[512];
    FILE *file = fopen(table, "re");
    uint64_t found = 0;

    while (file != NULL && found == 0 && fgets(line, sizeof line, file) != NULL) {
        unsigned local, state;
        uint64_t inode;

        if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %" SCNu64, &local, &state,
                   &inode) == 3 && local == port && state == STATE_LISTEN) {
            found = inode;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
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
static char *holder(unsigned port)
{
    uint64_t inode = listening_inode("/proc/net/tcp", port);
    char *socket_name, *words = NULL;
    struct dirent *entry;
    DIR *processes;

    inode = inode != 0 ? inode : listening_inode("/proc/net/tcp6", port);
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

void ports_check(const struct run_port *ports, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int why = try_listen(ports[i].host);
        char *who;

        if (why == 0) {
            continue;
        }
        if (why == EACCES && ports[i].host < SYSTEM_PORTS_END) {
            cli_fail("port %u of this host is for root alone; choose one from %d, as in --port 8080:%u (make: "
                     "PORT=8080:%u)", ports[i].host, SYSTEM_PORTS_END, ports[i].guest, ports[i].guest);
        }
        if (why != EADDRINUSE) {
            cli_fail("port %u of 127.0.0.1 cannot be used: %s", ports[i].host, strerror(why));
        }
        who = holder(ports[i].host);
        cli_fail("port %u of this host is in use%s%s; end that, or choose another by --port HOST:%u (make: "
                 "PORT=HOST:%u)", ports[i].host, who != NULL ? " by " : "", who != NULL ? who : "", ports[i].guest,
                 ports[i].guest);
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
