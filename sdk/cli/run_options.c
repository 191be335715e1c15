/* SPDX-License-Identifier: ISC */
/* Reading the options of `fata run`: sizes, ports, disks and times, each with a message that says what is valid. */
#include "run_options.h"

#include "package.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_MIB_MIN 2
#define MEMORY_MIB_MAX ((uint64_t)64 * 1024)
#define TIMEOUT_S_MAX 1e6
#define SECTOR_BYTES 512
#define GDB_PORT_DEFAULT 1234
#define GUEST_PORT_DEFAULT 80

enum {
    OPTION_BSP = 1,
    OPTION_ON,
    OPTION_MEMORY,
    OPTION_DISK,
    OPTION_PORT,
    OPTION_DEFAULT_PORT,
    OPTION_TAP,
    OPTION_PCAP,
    OPTION_TIMEOUT,
    OPTION_GDB,
    OPTION_DEBUG,
    OPTION_DRY_RUN,
    OPTION_ACCEL,
    OPTION_IMAGE,
    OPTION_NO_NETWORK,
    OPTION_READY_FD,
    OPTION_GUESTS,
    OPTION_SHELL,
    OPTION_FILE,
};

const struct cli_option run_options[] = {
    {OPTION_BSP, "--bsp", "B", "the board to build for (default: the one for MACHINE, else xen-x86_64)"},
    {OPTION_ON, "--on", "MACHINE", "where to run it (default: the board's first); see `fata boards`"},
    {OPTION_MEMORY, "--memory", "SIZE", "16M, 1G, or a number of MiB (default: 32M; some boards have a fixed amount)"},
    {OPTION_DISK, "--disk", "FILE[,ro]", "a raw disk image as a disk, with ,ro only to be read; may be repeated"},
    {OPTION_PORT, "--port", "HOST[:GUEST][/udp]", "port HOST of 127.0.0.1 leads to GUEST (default: 80); may be repeated"},
    {OPTION_DEFAULT_PORT, "--default-port", "...", "a Makefile's: likewise, left out on machines without ports"},
    {OPTION_TAP, "--tap", "INTERFACE", "plug the guest in to a tap interface of this host"},
    {OPTION_NO_NETWORK, "--no-network", NULL, "a machine without a network device"},
    {OPTION_PCAP, "--pcap", "FILE", "write all packets to FILE, for tcpdump and Wireshark"},
    {OPTION_READY_FD, "--ready-fd", "N", "write to descriptor N what answers, and close it once all does"},
    {OPTION_TIMEOUT, "--timeout", "SECONDS", "end the guest after this time"},
    {OPTION_GDB, "--gdb", "[PORT]", "wait for gdb on 127.0.0.1 (default: 1234); a process starts under gdb"},
    {OPTION_GUESTS, "--guests", "N", "on xen: N guests of the image at once, or room for them (--shell)"},
    {OPTION_SHELL, "--shell", NULL, "on xen: a shell of the dom0; without a terminal it runs what standard input says"},
    {OPTION_FILE, "--file", "FILE", "on xen: put FILE into the dom0's folder /root; may be repeated"},
    {OPTION_DEBUG, "--debug", NULL, "a build for debugging (DEBUG=1)"},
    {OPTION_DRY_RUN, "--dry-run", NULL, "build, print the command line that would run, and end"},
    {OPTION_ACCEL, "--accel", "tcg|kvm", "how QEMU runs the guest's code (default: tcg, in software)"},
    {OPTION_IMAGE, "--image", "IMAGE", "run this file and build nothing; its symbols are looked for in IMAGE.elf"},
    {0},
};

const char run_details[] =
    "Builds the project in the current folder and runs its image in the foreground. Arguments behind `--` are the\n"
    "guest's. What the guest prints goes to standard output as it comes; standard input goes to the guest,\n"
    "and its end as Ctrl-D (EOT), since a serial line has none. A line\n"
    "`fata: at 0xADDRESS` is followed by the function and source line that it names. The console of a process (--on\n"
    "process) is its standard output and standard error.\n\n"
    "A guest can connect out, through QEMU's user network; --port leads in (HOST 0: any free port), by UDP as in\n"
    "8053:53/udp. A process has the host's network, and listens on HOST where it asks for GUEST. On a tap interface the\n"
    "guest has an address of its own, which is told when it logs it, and all ports: of --port, GUEST alone counts. The\n"
    "interface is there before: `ip tuntap add tap0 mode tap user $USER`.\n\n"
    "A port is asked until it answers, and then told: `fata: http://localhost:HOST/`, or `fata: localhost:HOST answers`.\n"
    "(Nothing answers for UDP in general: such a port is told once the guest has an address.) The same, without `fata: `,\n"
    "goes to --ready-fd, a line for each; without --port, the guest's address does. So a script waits until a guest\n"
    "answers, and ends it; at the end of the file, there is none:\n"
    "    mkfifo ready; fata run --port 0 --ready-fd 3 3>ready >log 2>&1 & guest=$!\n"
    "    read -r url <ready && curl $url; kill $guest; wait $guest\n"
    "A process that is ended so has 12 seconds to finish what it does; another signal ends it at once.\n"
    "No guest outlives its `fata run`; with `setsid` before it, it outlives the terminal.\n\n"
    "On xen, a real Xen in QEMU with a small Linux as its dom0 creates the guest by xl, from the xl.cfg that `fata package\n"
    "--as xl` writes. The machine is there after some seconds, which count for --timeout; the first time, Debian's\n"
    "packages of Xen are fetched, 80 MB for x86, 27 MB for ARM; nothing is installed. A guest has a network device if the\n"
    "image has a driver for it, or --port, --tap or --pcap asks for one. How the guest ended as the\n"
    "toolstack saw it is told on standard error. Of several guests (--guests), each line begins with the guest's number,\n"
    "the first gets the input and has the ports, disks are only to be read (FILE,ro), and the exit status is the first\n"
    "that is not 0. --shell is a shell of the dom0, with the image and its xl.cfg in " PACKAGE_FOLDER ".\n\n"
    "Exit status: the guest's own N, and 0 for a guest that was ended by Ctrl-C, SIGTERM or --timeout after one of its\n"
    "ports had answered. The last line of a run is the record `fata: exit N`; it counts when nothing\n"
    "follows it. A guest that prints it and does not end by itself is ended 2 seconds later, and at once on a board\n"
    "that cannot be switched off (cubieboard). Further:\n"
    "  134      a guest that crashed (it prints `fata: crash: ...` and `fata: exit 134`)\n"
    "  124      --timeout passed\n"
    "  125      the guest ended without the record, or fata itself failed: wrong usage, a failed build, no QEMU ...\n"
    "  130 143  ended by Ctrl-C (SIGINT) or SIGTERM; other signals likewise: 128 + the signal\n";

static bool read_number(const char *text, uint64_t max, uint64_t *value_out, const char **rest_out)
{
    char *end;

    errno = 0;
    *value_out = strtoull(text, &end, 10);
    *rest_out = end;
    return isdigit((unsigned char)text[0]) && errno == 0 && *value_out <= max;
}

uint64_t run_read_memory(const char *text)
{
    const char *rest;
    uint64_t mib;
    bool valid = read_number(text, MEMORY_MIB_MAX, &mib, &rest);

    if (valid && (strcasecmp(rest, "G") == 0 || strcasecmp(rest, "GiB") == 0)) {
        mib *= 1024;
    } else if (rest[0] != '\0' && strcasecmp(rest, "M") != 0 && strcasecmp(rest, "MiB") != 0) {
        cli_usage("--memory %s: not a size; valid are 16M, 1G or a number of MiB", text);
    }
    if (!valid || mib < MEMORY_MIB_MIN || mib > MEMORY_MIB_MAX) {
        cli_usage("--memory %s: a guest gets from 2M to 64G", text);
    }
    return mib;
}

static unsigned read_port(const char *option, const char *all, const char *text, unsigned min, const char **rest_out)
{
    uint64_t port;

    if (!read_number(text, 65535, &port, rest_out) || port < min) {
        cli_usage("%s %s: a port is a number of %u to 65535%s", option, all, min,
                  min == 0 ? "; valid are HOST, HOST:GUEST and HOST:GUEST/udp, as in 8080:80" : "");
    }
    return (unsigned)port;
}

static void add_port(struct run_plan *plan, const char *text)
{
    struct run_port port = {.guest = GUEST_PORT_DEFAULT};
    const char *rest;

    port.host = read_port("--port", text, text, 0, &rest);
    if (rest[0] == ':') {
        port.guest = read_port("--port", text, rest + 1, 1, &rest);
    }
    port.is_udp = strcmp(rest, "/udp") == 0;
    if (rest[0] != '\0' && !port.is_udp && strcmp(rest, "/tcp") != 0) {
        cli_usage("--port %s: valid are HOST, HOST:GUEST and HOST:GUEST/udp, as in 8080:80", text);
    }
    for (size_t i = 0; i < plan->port_count; i++) {
        if (port.host != 0 && plan->ports[i].host == port.host && plan->ports[i].is_udp == port.is_udp) {
            cli_usage("--port %s: port %u of the host is given twice", text, port.host);
        }
    }
    if (plan->port_count == RUN_PORT_COUNT_MAX) {
        cli_usage("too many ports: at most %d", RUN_PORT_COUNT_MAX);
    }
    plan->ports[plan->port_count++] = port;
}

static void read_tap(struct run_plan *plan, const char *name)
{
    if (name[0] == '\0' || strlen(name) >= IFNAMSIZ || strpbrk(name, ",/ ") != NULL) {
        cli_usage("--tap %s: an interface's name has 1 to %d letters, without commas, slashes and blanks", name,
                  IFNAMSIZ - 1);
    }
    plan->tap = name;
}

/* FILE or FILE,ro. */
static void add_disk(struct run_plan *plan, const char *text)
{
    size_t len = strlen(text);
    bool read_only = len > 3 && strcmp(text + len - 3, ",ro") == 0;
    char *path = text_format("%.*s", (int)(read_only ? len - 3 : len), text);
    struct stat status;

    if (plan->disks.count == RUN_DISK_COUNT_MAX) {
        cli_usage("too many disks: at most %d", RUN_DISK_COUNT_MAX);
    }
    if (stat(path, &status) != 0) {
        cli_fail("--disk %s: %s; `truncate -s 64M FILE` makes an empty disk", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        cli_fail("--disk %s: it is not a regular file", path);
    }
    if (access(path, read_only ? R_OK : R_OK | W_OK) != 0) {
        cli_fail("--disk %s: it cannot be read%s: %s%s", path, read_only ? "" : " and written", strerror(errno),
                 read_only ? "" : "; FILE,ro is a disk that is only to be read");
    }
    if (status.st_size == 0 || status.st_size % SECTOR_BYTES != 0) {
        cli_fail("--disk %s: it has %jd bytes; a disk is a multiple of %d bytes", path, (intmax_t)status.st_size,
                 SECTOR_BYTES);
    }
    plan->disk_read_only[plan->disks.count] = read_only;
    words_add(&plan->disks, path);
    free(path);
}

static int64_t read_timeout(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (!isdigit((unsigned char)text[0]) || *end != '\0' || !isfinite(seconds) || seconds < 0.001 ||
        seconds > TIMEOUT_S_MAX) {
        cli_usage("--timeout %s: valid are seconds, from 0.001 to %.0f", text, TIMEOUT_S_MAX);
    }
    return (int64_t)(seconds * 1000);
}

static void read_accel(struct run_plan *plan, const char *text)
{
    if (strcmp(text, "kvm") != 0 && strcmp(text, "tcg") != 0) {
        cli_usage("--accel %s: valid are tcg, kvm", text);
    }
    plan->kvm = strcmp(text, "kvm") == 0;
}

static void read_gdb(struct run_request *request, const char *text)
{
    const char *rest;

    request->plan.gdb = true;
    request->has_gdb_port = text != NULL;
    request->plan.gdb_port = GDB_PORT_DEFAULT;
    if (text != NULL) {
        request->plan.gdb_port = read_port("--gdb", text, text, 1, &rest);
        if (rest[0] != '\0') {
            cli_usage("--gdb %s: a port is a number of 1 to 65535", text);
        }
    }
}

static unsigned read_guests(const char *text)
{
    const char *rest;
    uint64_t count;

    if (!read_number(text, RUN_GUEST_COUNT_MAX, &count, &rest) || rest[0] != '\0' || count == 0) {
        cli_usage("--guests %s: valid are 1 to %d", text, RUN_GUEST_COUNT_MAX);
    }
    return (unsigned)count;
}

/* A descriptor that whoever started the tool has opened for it; the guest does not inherit it. */
static int read_ready_fd(const char *text)
{
    const char *rest;
    uint64_t handle;

    if (!read_number(text, INT_MAX, &handle, &rest) || rest[0] != '\0' || handle <= STDERR_FILENO) {
        cli_usage("--ready-fd %s: a descriptor is a number from 3, as in `--ready-fd 3 3>FILE`", text);
    }
    if (fcntl((int)handle, F_SETFD, FD_CLOEXEC) != 0) {
        cli_usage("--ready-fd %s: it is not open; the shell opens it, as in `--ready-fd 3 3>FILE`", text);
    }
    return (int)handle;
}

static void check_combinations(const struct run_request *request)
{
    const struct run_plan *plan = &request->plan;

    if (plan->gdb && request->timeout_ms > 0) {
        cli_usage("--timeout and --gdb: a guest that waits for a debugger has no time limit; give one of them");
    }
    if (plan->no_network && (plan->tap != NULL || plan->port_count > 0 || plan->pcap != NULL)) {
        cli_usage("--no-network and %s: give one of them",
                  plan->tap != NULL ? "--tap" : plan->port_count > 0 ? "--port" : "--pcap");
    }
}

struct run_request run_read_options(const struct cli_command *command, int argc, char **argv)
{
    static char *no_arguments[] = {NULL};
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    struct run_request request = {.ready_fd = -1, .guests = 1, .plan = {.arguments = no_arguments}};
    bool has_ports = false;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        switch (id) {
        case OPTION_BSP: request.bsp = walk.value; break;
        case OPTION_ON: request.on = walk.value; break;
        case OPTION_MEMORY: request.plan.memory_mib = run_read_memory(walk.value); break;
        case OPTION_DISK: add_disk(&request.plan, walk.value); break;
        case OPTION_PORT: has_ports = true; add_port(&request.plan, walk.value); break;
        case OPTION_DEFAULT_PORT: request.has_default_ports = true; add_port(&request.plan, walk.value); break;
        case OPTION_TAP: read_tap(&request.plan, walk.value); break;
        case OPTION_PCAP: request.plan.pcap = walk.value; break;
        case OPTION_TIMEOUT: request.timeout_ms = read_timeout(walk.value); break;
        case OPTION_GDB: read_gdb(&request, walk.value); break;
        case OPTION_DEBUG: request.debug = true; break;
        case OPTION_DRY_RUN: request.dry_run = true; break;
        case OPTION_ACCEL: read_accel(&request.plan, walk.value); break;
        case OPTION_IMAGE: request.image = walk.value; break;
        case OPTION_NO_NETWORK: request.plan.no_network = true; break;
        case OPTION_GUESTS: request.guests = read_guests(walk.value); break;
        case OPTION_SHELL: request.shell = true; break;
        case OPTION_FILE: words_add(&request.files, walk.value); break;
        case OPTION_READY_FD: request.ready_fd = read_ready_fd(walk.value); break;
        case CLI_REST:
            request.plan.arguments = argv + walk.next;
            walk.next = walk.argc;
            break;
        default: cli_usage("unexpected argument `%s`; the guest's own arguments stand behind `--`", walk.value);
        }
    }
    if (has_ports && request.has_default_ports) {
        cli_usage("--port and --default-port: give one of them");
    }
    check_combinations(&request);
    return request;
}
