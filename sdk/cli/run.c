/* SPDX-License-Identifier: ISC */
/*
 * `fata run`: builds a project's image and runs it on a machine. The steps stand in run() at the end: choose the
 * machine and the board, check what is asked of it, build, check the image, make the command line, run it.
 */
#include "cli.h"

#include "beside.h"
#include "board.h"
#include "card_copy.h"
#include "files.h"
#include "guest.h"
#include "monitor.h"
#include "project.h"
#include "run_options.h"
#include "xen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB UINT64_C(0x100000)
#define PROCESS_END_MS 12000 /* FA_STOP_TIME_S of <fata/stop.h> to finish, and some to end */
#define ARM_LOAD_BYTES UINT64_C(0x10000) /* from the start of RAM to where QEMU puts a zImage */

static const struct machine *named_machine(const char *name)
{
    const struct machine *machine = machine_find(name);

    if (machine == NULL) {
        cli_usage("no machine `%s`%s; the machines are %s", name, machine_suggest(name), machine_names());
    }
    return machine;
}

/* Reads and parses an image; both stay in memory. */
static void read_image(const char *path, struct image *image_out)
{
    struct text bytes = {0};
    const char *why;

    if (!file_map(path, &bytes, &why)) {
        cli_fail("cannot read the image %s: %s", path, why);
    }
    if (!image_parse(image_out, (const uint8_t *)bytes.bytes, bytes.len, &why)) {
        cli_fail("cannot run %s: %s", path, why);
    }
}

/* Chooses the machine and, for a build, sets request->bsp. */
static const struct machine *choose(struct run_request *request)
{
    const struct machine *machine = request->on != NULL ? named_machine(request->on) : NULL;
    const struct board *board;

    if (machine != NULL && request->bsp == NULL) {
        if (request->image == NULL) {
            request->bsp = board_for_machine(machine->name)->name;
        }
        return machine;
    }
    if (machine == NULL && request->bsp == NULL && request->image != NULL) {
        struct image image;

        read_image(request->image, &image);
        machine = machine_for_image(&image);
        if (machine != NULL) {
            return machine;
        }
    }
    board = board_find(request->bsp != NULL ? request->bsp : BOARD_DEFAULT);
    request->bsp = board->name;
    if (machine == NULL) {
        if (board->machines.count == 0) {
            cli_fail("the board %s runs on no machine that this tool drives", board->name);
        }
        return named_machine(board->machines.items[0]);
    }
    if (!words_hold(&board->machines, machine->name)) {
        struct text list = {0};

        for (size_t i = 0; i < board->machines.count; i++) {
            text_addf(&list, "%s%s", i == 0 ? "" : ", ", board->machines.items[i]);
        }
        cli_usage("the board %s does not run on %s; its machines are: %s", board->name, machine->name,
                  list.len > 0 ? list.bytes : "none");
    }
    return machine;
}

/* Sets how much memory a machine of QEMU gets. */
static void choose_memory(const struct machine *machine, struct run_plan *plan)
{
    struct text list = {0};

    if (plan->memory_mib == 0) {
        plan->memory_mib = machine->sizes_mib[0] != 0 ? machine->sizes_mib[0] : MACHINE_MEMORY_MIB;
        return;
    }
    if (machine->memory_mib_max != 0 && plan->memory_mib > machine->memory_mib_max) {
        cli_warn("--memory: of that, an image for %s uses %" PRIu64 "M", machine->name, machine->memory_mib_max);
    }
    for (size_t i = 0; i < MACHINE_SIZE_COUNT_MAX && machine->sizes_mib[i] != 0; i++) {
        if (machine->sizes_mib[i] == plan->memory_mib) {
            return;
        }
        text_addf(&list, "%s%" PRIu64 "M", i == 0 ? "" : " or ", machine->sizes_mib[i]);
    }
    if (list.len > 0) {
        cli_usage("--memory: %s has %s of memory, nothing else", machine->name, list.bytes);
    }
}

/* What a machine with nothing but a console cannot have. */
static void refuse_devices(const struct machine *machine, const struct run_request *request)
{
    const struct run_plan *plan = &request->plan;
    const char *network = plan->port_count > 0 ? "--port"
                          : plan->tap != NULL  ? "--tap"
                          : plan->pcap != NULL ? "--pcap"
                                               : NULL;

    if (network != NULL && machine->lacks_network != NULL) {
        cli_usage("%s: not on %s: %s; leave it out, or take another machine: the ones with a network are process, %s",
                  network, machine->name, machine->lacks_network, machine_names_with(machine_has_network));
    }
    if (plan->disks.count > 0 && machine->lacks_disks != NULL) {
        cli_usage("--disk: not on %s: %s; leave it out, or take another machine: the ones with disks are process, %s",
                  machine->name, machine->lacks_disks, machine_names_with(machine_has_disks));
    }
    if (plan->gdb && machine->lacks_gdb != NULL) {
        cli_usage("--gdb: not on %s: %s", machine->name, machine->lacks_gdb);
    }
}

/* What a project always asks for is no reason not to run it elsewhere. */
static void leave_out_default_ports(const struct machine *machine, struct run_request *request)
{
    struct run_plan *plan = &request->plan;

    if (!request->has_default_ports || machine->is_process || machine_has_network(machine)) {
        return;
    }
    cli_warn("%s has no ports: the project's default, port %u, is left out", machine->name, plan->ports[0].host);
    plan->port_count = 0;
}

static void check_qemu_request(const struct machine *machine, struct run_request *request)
{
    const struct run_plan *plan = &request->plan;

    choose_memory(machine, &request->plan);
    refuse_devices(machine, request);
    if (machine->has_xen_console && request->dry_run) {
        cli_usage("--dry-run: the command line for %s names files that last as long as a run", machine->name);
    }
    if (plan->disks.count > 0 && !machine_has_disks(machine)) {
        cli_usage("--disk: there is no driver yet for %s's own disks; the machines with disks are %s", machine->name,
                  machine_names_with(machine_has_disks));
    }
    if (plan->kvm && machine->is_foreign) {
        cli_usage("--accel kvm: %s has another CPU than this host; QEMU runs it in software", machine->name);
    }
    if (plan->kvm && !request->dry_run && access("/dev/kvm", R_OK | W_OK) != 0) {
        cli_fail("--accel kvm: /dev/kvm cannot be used: %s; without it, QEMU runs in software", strerror(errno));
    }
}

/* PORTS_VARIABLE knows no protocols. */
static void check_process_ports(const struct run_plan *plan)
{
    for (size_t i = 1; i < plan->port_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (plan->ports[j].guest == plan->ports[i].guest && plan->ports[j].host != plan->ports[i].host) {
                cli_usage("--port: a process gets one port of the host for its port %u, not %u and %u",
                          plan->ports[i].guest, plan->ports[j].host, plan->ports[i].host);
            }
        }
    }
}

static void check_process_request(const struct run_request *request)
{
    if (request->plan.memory_mib != 0) {
        cli_usage("--memory: a process takes its memory from Linux; `ulimit -v` bounds it");
    }
    if (request->plan.pcap != NULL && request->plan.tap == NULL) {
        cli_usage("--pcap: a process uses the host's sockets and sees no packets; give --tap too");
    }
    if (request->plan.no_network) {
        cli_usage("--no-network: a process has the host's; `unshare -rn` gives it none");
    }
    check_process_ports(&request->plan);
    if (request->plan.kvm) {
        cli_usage("--accel kvm: a process runs on the processor itself");
    }
    if (request->has_gdb_port) {
        cli_usage("--gdb PORT: a process runs under gdb itself, without a port; give --gdb alone");
    }
}

/* What QEMU, or a program, would say of it is harder to read. */
static void check_network(const struct run_plan *plan)
{
    if (plan->tap == NULL) {
        ports_check(plan->ports, plan->port_count);
    }
    if (plan->tap != NULL && if_nametoindex(plan->tap) == 0) {
        cli_fail("--tap %s: this host has no such interface; root makes one by `ip tuntap add %s mode tap user NAME`",
                 plan->tap, plan->tap);
    }
    if (plan->pcap != NULL) {
        int file = open(plan->pcap, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

        if (file < 0) {
            cli_fail("--pcap %s: it cannot be written: %s", plan->pcap, strerror(errno));
        }
        (void)close(file);
    }
}

/* What a machine cannot have is refused before anything is built. */
static void check_request(const struct machine *machine, struct run_request *request)
{
    const char *missing = request->dry_run ? NULL : machine_missing(machine);

    if (missing != NULL) {
        cli_fail("cannot run on %s: %s", machine->name, missing);
    }
    if (!machine->is_xen && (request->shell || request->guests > 1 || request->files.count > 0)) {
        cli_usage("%s: only on xen", request->shell ? "--shell" : request->guests > 1 ? "--guests" : "--file");
    }
    if (machine->is_process) {
        check_process_request(request);
    } else if (machine->is_xen) {
        refuse_devices(machine, request);
        xen_check(request);
        choose_memory(machine, &request->plan);
    } else {
        check_qemu_request(machine, request);
    }
    if (!request->dry_run) {
        check_network(&request->plan);
    }
    if (machine->device_tree != NULL && !request->dry_run && access(machine_device_tree(machine), R_OK) != 0) {
        cli_fail("%s is missing; `make tool` in the SDK's folder makes it", machine_device_tree(machine));
    }
    if (request->plan.gdb && !request->dry_run && !program_found(machine->debugger)) {
        cli_fail("%s is not installed; on Debian: apt-get install %s", machine->debugger, machine->debugger_package);
    }
}

static void build(const struct machine *machine, struct run_request *request)
{
    struct words no_targets = {0};

    project_require();
    if (!project_make(request->bsp, request->debug, true, &no_targets)) {
        cli_fail("the build for %s failed", request->bsp);
    }
    request->image = project_image(request->bsp, request->debug);
    if (machine->card != NULL) {
        char *card = text_format("%s-%s.img", request->image, machine->card);

        request->image = access(card, R_OK) == 0 ? card : request->image;
    }
}

/* An image that was made elsewhere may be another board's, which `machine` would start as well. */
static void check_board(const struct run_request *request, const struct image *image)
{
    const struct board *board = request->bsp != NULL ? board_find(request->bsp) : NULL;
    bool is_arm = image->format != IMAGE_ELF;

    if (board != NULL && board->cpu != NULL && is_arm != (strncmp(board->cpu, "arm", 3) == 0)) {
        cli_fail("%s is not for the board %s, whose CPU is %s: %s; without --bsp, the image says where it runs",
                 request->image, board->name, board->cpu, image->format == IMAGE_CARD ? "it is an SD card, for ARM"
                 : is_arm                    ? "it is a zImage, for ARM"
                                             : "it is an ELF file");
    }
}

/* How far into the machine's memory the loader puts the image. */
static uint64_t image_end(const struct image *image)
{
    return image->format == IMAGE_ELF    ? image->elf.load_end
           : image->format == IMAGE_CARD ? 0 /* that is U-Boot's to say */
                                         : ARM_LOAD_BYTES + image->zimage.len;
}

/* Reads the image: that it boots on the machine is easier to tell here than from a silent guest. */
static void check_image(const struct machine *machine, struct run_request *request)
{
    char reason[VERDICT_WHY_CAP];
    struct image image;

    read_image(request->image, &image);
    if (!machine->boots(&image, reason)) {
        const char *made = beside_zimage(&image, request->image);
        const struct machine *fits = machine_for_image(&image);

        cli_fail("%s does not boot on %s: %s%s%s%s%s", request->image, machine->name, reason,
                 made != NULL ? "; it is for debuggers, what boots was made of it: " : "", made != NULL ? made : "",
                 fits != NULL ? "; it does by --on " : "", fits != NULL ? fits->name : "");
    }
    check_board(request, &image);
    if (!machine->is_process && image_end(&image) > request->plan.memory_mib * MIB) {
        cli_fail("%s takes memory up to %" PRIu64 " MiB, but --memory gives %" PRIu64 " MiB", request->image,
                 (image_end(&image) + MIB - 1) / MIB, request->plan.memory_mib);
    }
    if (machine->is_process && access(request->image, X_OK) != 0) {
        cli_fail("%s cannot be executed: %s", request->image, strerror(errno));
    }
    request->plan.image = request->image;
    request->plan.parsed = image;
    request->plan.debug_elf = beside_debug_elf(&image, request->image);
}

/* A board's own disks: a card in its slot, if that is not what boots, and one at its SATA port. */
static void check_board_disks(const struct machine *machine, const struct run_plan *plan)
{
    const bool slot_is_free = plan->parsed.format != IMAGE_CARD;
    const size_t card_count = slot_is_free && plan->disks.count > 0 ? 1 : 0;
    struct stat is;

    if (!machine->has_slot) {
        return;
    }
    if (plan->disks.count > (slot_is_free ? 1u : 0u) + (machine->sata != NULL ? 1u : 0u)) {
        cli_usage("--disk: too many: %s has %s%s%s", machine->name,
                  slot_is_free ? "a slot for an SD card" : "the card that boots in its slot",
                  machine->sata != NULL ? ", and a SATA port" : "", ", and no other disks");
    }
    if (card_count > 0 && stat(plan->disks.items[0], &is) == 0 && S_ISREG(is.st_mode) &&
        (is.st_size == 0 || (is.st_size & (is.st_size - 1)) != 0)) {
        cli_usage("--disk: %s has %lld bytes; QEMU's SD cards have powers of two: `truncate -s 64M %s`",
                  plan->disks.items[0], (long long)is.st_size, plan->disks.items[0]);
    }
    if (plan->disks.count > card_count && plan->disk_read_only[card_count]) {
        cli_usage("--disk %s,ro: QEMU has no disk at a SATA port that is only to be read",
                  plan->disks.items[card_count]);
    }
}

/* The guest's arguments stand on its card: another card then, for as long as the run. */
static void put_options_on_card(struct run_request *request)
{
    struct run_plan *plan = &request->plan;
    char *line = machine_command_line(plan->arguments);

    if (plan->parsed.format == IMAGE_CARD && line[0] != '\0') {
        if (request->dry_run) {
            cli_usage("--dry-run: the guest's arguments would stand on a card that lasts as long as a run; leave them out");
        }
        plan->image = card_copy(&plan->parsed.card, line);
    }
    free(line);
}

static void print_command_line(const struct words *argv, const char *ports)
{
    struct text line = {0};

    if (ports != NULL) {
        text_add(&line, PORTS_VARIABLE "=");
        text_add_quoted(&line, ports);
        text_add(&line, " ");
    }
    for (size_t i = 0; i < argv->count; i++) {
        text_add(&line, i == 0 ? "" : " ");
        text_add_quoted(&line, argv->items[i]);
    }
    printf("%s\n", line.bytes);
}

static void tell_gdb(const struct machine *machine, const struct run_plan *plan)
{
    struct text file = {0};

    text_add_quoted(&file, plan->debug_elf != NULL ? plan->debug_elf : plan->image);
    cli_warn("the guest waits for a debugger; attach it by\n    %s %s -ex 'target remote :%u'", machine->debugger,
             file.bytes, plan->gdb_port);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct run_request request = run_read_options(command, argc, argv);
    const struct machine *machine = choose(&request);
    struct words line = {0};
    struct guest_plan guest;
    static struct xen_lines xen;
    const char *ports = NULL; /* what a process is told of them */
    int monitor = -1;
    bool is_card;

    leave_out_default_ports(machine, &request);
    if (request.plan.tap == NULL) {
        ports_choose(request.plan.ports, request.plan.port_count);
    }
    (void)sdk_root(); /* an error now, not when the first address of a running guest is looked up */
    check_request(machine, &request);
    if (request.image == NULL) {
        build(machine, &request);
    }
    check_image(machine, &request);
    check_board_disks(machine, &request.plan);
    put_options_on_card(&request);
    is_card = request.plan.parsed.format == IMAGE_CARD;
    /* A dry run fetches nothing. */
    request.plan.program =
        request.dry_run && machine_is_to_fetch(machine, is_card) ? machine->program : machine_program(machine, is_card);
    if (machine->is_xen) {
        return xen_run(&request);
    }
    if (request.timeout_ms > 0 && !machine->is_process && !machine->has_xen_console && !request.dry_run) {
        monitor = monitor_open(&request.plan.monitor);
    }
    machine->command(machine, &request.plan, &line);
    if (machine->is_process && request.plan.port_count > 0 && request.plan.tap == NULL) {
        ports = ports_text(request.plan.ports, request.plan.port_count);
        (void)setenv(PORTS_VARIABLE, ports, 1);
    }
    if (request.dry_run) {
        print_command_line(&line, ports);
        return cli_flush() ? CLI_OK : CLI_RUN_FAILED;
    }
    if (request.plan.gdb && machine->is_process) {
        (void)execvp(line.items[0], line.items);
        cli_fail("cannot start %s: %s", line.items[0], strerror(errno));
    }
    if (request.plan.gdb) {
        tell_gdb(machine, &request.plan);
    }
    guest = (struct guest_plan){
        .argv = line.items,
        .debug_elf = request.plan.debug_elf,
        .timeout_ms = request.timeout_ms,
        .probe = {.ports = request.plan.ports, .count = request.plan.port_count, .ready_fd = request.ready_fd,
                  .way = request.plan.tap != NULL ? PROBE_TAP : machine->is_process ? PROBE_PROCESS : PROBE_FORWARDED},
        .console_is_serial = !machine->is_process,
        .error_is_console = machine->is_process,
        .monitor = monitor,
        .has_debug_exit = machine->has_debug_exit,
        .halts = machine->halts,
        .has_loader = is_card,
        .xen = machine->has_xen_console ? &xen : NULL,
        /* QEMU reports SIGTERM, where that is how every run of what serves ends; without disks it has nothing to save,
         * and what is written to a card is in its file when the guest hears of it. */
        .end_signal =
            machine->is_process || (request.plan.disks.count > 0 && !machine->has_slot) ? SIGTERM : SIGKILL,
        .end_ms = machine->is_process ? PROCESS_END_MS : 0,
    };
    return guest_run(&guest);
}

const struct cli_command command_run = {
    .name = "run",
    .synopsis = "[OPTIONS] [-- ARGUMENTS]",
    .summary = "Builds the project in the current folder and runs it",
    .details = run_details,
    .options = run_options,
    .usage_status = CLI_RUN_FAILED,
    .failure_status = CLI_RUN_FAILED,
    .run = run,
};
