/* SPDX-License-Identifier: ISC */
/*
 * Running images on a real Xen: see xen.h. The dom0 (toolchain/dom0) gets its job on a disk, a cpio archive: the image and its
 * xl.cfg, and the script /job that says what to do with them. The guests' consoles come through QEMU's standard streams
 * and a virtio port, and through another port, a file here, how they ended. What Xen, the dom0's kernel and the toolstack
 * say is kept in a log beside it, and shown when no guest had its say.
 */
#include "xen.h"

#include "beside.h"
#include "files.h"
#include "guest.h"
#include "process.h"
#include "terminal.h"
#include "xen_job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define DOM0_MIB UINT64_C(256)      /* and twice the job: it is read from a disk into files in memory */
#define XEN_MIB UINT64_C(128)       /* Xen itself, its heap and what lies below 1 MiB */
#define DOM0_STEP_MIB UINT64_C(128) /* on ARM Xen takes it in pieces of so much, or fails */
#define ARM_GAP_MIB UINT64_C(512)   /* the dom0's is one piece there, and lies behind the modules and before the end */
#define GUEST_EXTRA_MIB UINT64_C(8) /* page tables and the like, for each */
#define ARM_MIB_MAX UINT64_C(3072)  /* QEMU's virt has its RAM below 4 GiB where a 32-bit guest shall reach it */
#define DISK_BYTES ((off_t)1 << 30) /* a disk of one size for all jobs; the rest of it is a hole */
#define LOG_BYTES_MAX (4 * MIB)
#define LOG_LINES 30
#define DOM0_LINE "dom0: " /* how a line of the dom0's own begins there (toolchain/dom0/init, guests) */
#define REASON_BYTES_MAX 31 /* of how a guest ended; sscanf's formats have it too */
#define LINGER_MS 30000 /* from a guest's last record to the end of the dom0 */

/* The dom0's kernel: what it would do for hardware or attackers that are not there is left out, seconds of emulation:
 * protection of its own pages, self-tests, certificates, large bounce buffers; on PCs, configuration of PCI by memory and a
 * test of a timer. */
#define KERNEL_OPTIONS                                                                                                 \
    "console=hvc0 panic=1 quiet rodata=off mitigations=off lsm= cryptomgr.notests "                                     \
    "initcall_blacklist=load_system_certificate_list swiotlb=1024"

/* Where a hypervisor of one architecture runs. Guests are 64-bit on x86 and 32-bit on ARM. */
struct host {
    const char *architecture; /* as toolchain/xen calls it */
    const char *program;
    const char *package;
    const char *machine;
    const char *cpu;
    const char *serial; /* the virtio devices' names */
    const char *disk;
    const char *network;
    const char *xen_options;
    const char *kernel_options;
};

/* Without npt, Xen refuses PVH guests; without rdrand, the toolstack waits for random numbers. Mitigations against other
 * tenants of a CPU would only cost emulated time. */
static const struct host hosts[] = {
    {.architecture = "x86_64", .program = "qemu-system-x86_64", .package = "qemu-system-x86", .machine = "q35",
     .cpu = "qemu64,+svm,+npt,+rdrand", .serial = "virtio-serial-pci", .disk = "virtio-blk-pci",
     .network = "virtio-net-pci,romfile=",
     .xen_options = "console=com1 com1=115200,8n1 spec-ctrl=no edd=off",
     .kernel_options = KERNEL_OPTIONS " pci=nommconf pmtmr=0"},
    {.architecture = "arm64", .program = "qemu-system-aarch64", .package = "qemu-system-arm",
     .machine = "virt,virtualization=on,gic-version=2,highmem=off", .cpu = "cortex-a53",
     .serial = "virtio-serial-device", .disk = "virtio-blk-device",
     .network = "virtio-net-device",
     .xen_options = "console=dtuart dtuart=/pl011@9000000", .kernel_options = KERNEL_OPTIONS},
};

struct place {
    const char *folder; /* of this run's files, temporary */
    const char *disk;
    const char *control;
    const char *log;
};

void xen_check(const struct run_request *request)
{
    if (request->plan.kvm) {
        cli_usage("--accel kvm: Xen runs in QEMU's software emulation, which brings its own virtualization");
    }
    if (request->dry_run) {
        cli_usage("--dry-run: a run on xen makes files first, and has no one command line");
    }
    for (size_t i = 0; i < request->plan.disks.count && !request->shell; i++) {
        if (request->guests > 1 && !request->plan.disk_read_only[i]) {
            cli_usage("--disk %s: several guests would write to it, each as if it were alone; give it as FILE,ro, or start one "
                      "guest", request->plan.disks.items[i]);
        }
    }
}

static void make_place(struct place *place)
{
    const char *parent = getenv("TMPDIR");
    char *folder = text_format("%s/fata-xen.XXXXXX", parent != NULL && parent[0] == '/' ? parent : "/tmp");

    if (mkdtemp(folder) == NULL) {
        cli_fail("cannot make a folder for Xen's files, %s: %s", folder, strerror(errno));
    }
    place->folder = folder;
    place->disk = text_format("%s/disk", folder);
    place->control = text_format("%s/control", folder);
    place->log = text_format("%s/log", folder);
}

static const struct place *left; /* to be removed when the tool fails */

static void remove_place(const struct place *place, bool keep_log)
{
    left = NULL;
    (void)unlink(place->disk);
    (void)unlink(place->control);
    if (!keep_log) {
        (void)unlink(place->log);
        (void)rmdir(place->folder);
    }
}

static void remove_left(void)
{
    if (left != NULL) {
        remove_place(left, false);
    }
}

static void write_disk(const struct place *place, const struct text *archive)
{
    FILE *file = fopen(place->disk, "we");

    if (file == NULL || fwrite(archive->bytes, 1, archive->len, file) != archive->len || fclose(file) != 0 ||
        truncate(place->disk, DISK_BYTES) != 0) {
        cli_fail("cannot write %s: %s", place->disk, strerror(errno));
    }
}

/* What toolchain/xen has made, perhaps just now. */
static const char *xen_folder(const struct host *host)
{
    char *argv[] = {text_format("%s/toolchain/xen", sdk_root()), (char *)host->architecture, NULL};
    struct text answer = {0};

    if (process_capture(argv, -1, false, 65536, &answer) != 0 || answer.len == 0) {
        cli_fail("there is no Xen to run on");
    }
    answer.bytes[strcspn(answer.bytes, "\n")] = '\0';
    return answer.bytes;
}

static void add_kernel(const struct host *host, const char *xen, uint64_t dom0_mib, struct words *argv)
{
    words_add(argv, "-kernel");
    words_addf(argv, "%s/xen", xen);
    words_add(argv, "-append");
    words_addf(argv, "%s loglvl=warning guest_loglvl=warning bootscrub=0 dom0_max_vcpus=1 dom0_mem=%" PRIu64 "M,max:%" PRIu64 "M",
               host->xen_options, dom0_mib, dom0_mib);
    if (strcmp(host->architecture, "x86_64") == 0) { /* as multiboot modules */
        words_add(argv, "-initrd");
        words_addf(argv, "%s/kernel %s,%s/initramfs", xen, host->kernel_options, xen);
    } else {
        words_add(argv, "-device");
        words_addf(argv, "guest-loader,addr=0x50000000,kernel=%s/kernel,bootargs=%s", xen, host->kernel_options);
        words_add(argv, "-device");
        words_addf(argv, "guest-loader,addr=0x54000000,initrd=%s/initramfs", xen);
    }
}

static void command_line(const struct run_request *request, const struct host *host, const char *xen, size_t job_bytes,
                         bool on_terminal, const struct place *place, struct words *argv)
{
    static const char *const quiet[] = {"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                                        "-monitor",    "none",            "-accel",   "tcg",  "-smp",
                                        "1"};
    uint64_t dom0_mib = (DOM0_MIB + 2 * (job_bytes / MIB) + DOM0_STEP_MIB - 1) / DOM0_STEP_MIB * DOM0_STEP_MIB;
    uint64_t mib = XEN_MIB + dom0_mib + request->guests * (request->plan.memory_mib + GUEST_EXTRA_MIB);

    mib += host == &hosts[1] ? ARM_GAP_MIB : 0;
    if (host == &hosts[1] && mib > ARM_MIB_MAX) {
        cli_fail("--memory: the guests and the dom0 take %" PRIu64 " MiB, and QEMU's virt has %" PRIu64, mib, ARM_MIB_MAX);
    }
    words_add(argv, host->program);
    for (size_t i = 0; i < sizeof quiet / sizeof quiet[0]; i++) {
        words_add(argv, quiet[i]);
    }
    words_add(argv, "-M");
    words_add(argv, host->machine);
    words_add(argv, "-cpu");
    words_add(argv, host->cpu);
    words_add(argv, "-m");
    words_addf(argv, "%" PRIu64 "M", mib);
    add_kernel(host, xen, dom0_mib, argv);
    words_add(argv, "-serial");
    words_addf(argv, "file:%s", place->log);
    words_add(argv, "-device");
    words_add(argv, host->serial);
    words_add(argv, "-chardev");
    words_addf(argv, "file,id=control,path=%s", machine_option_value(place->control));
    words_add(argv, "-device");
    words_add(argv, "virtserialport,nr=1,chardev=control");
    words_add(argv, "-chardev");
    words_add(argv, "stdio,id=console,signal=off");
    words_add(argv, "-device");
    words_add(argv, on_terminal ? "virtconsole,nr=2,chardev=console" : "virtserialport,nr=2,chardev=console");
    words_add(argv, "-drive");
    words_addf(argv, "if=none,id=job,format=raw,readonly=on,file=%s", machine_option_value(place->disk));
    words_add(argv, "-device");
    words_addf(argv, "%s,drive=job,serial=job", host->disk);
    machine_disks(host->disk, &request->plan, argv);
    machine_network(host->network, &request->plan, argv);
}

/* The log's lines of the dom0's own, from the one at `*at` on: the next, without its end and DOM0_LINE, or NULL. */
static const char *next_dom0_line(char **at)
{
    while (*at != NULL && **at != '\0') {
        char *line = *at, *end = strchr(line, '\n');

        *at = end != NULL ? end + 1 : NULL;
        line[strcspn(line, "\r\n")] = '\0';
        if (strncmp(line, DOM0_LINE, sizeof DOM0_LINE - 1) == 0) {
            return line + sizeof DOM0_LINE - 1;
        }
    }
    return NULL;
}

/* Whether the dom0 came up; or shows what xl said of a guest, if it is not 0. */
static bool read_log(const struct place *place, unsigned guest)
{
    char *prefix = text_format("xl of guest %u: ", guest);
    struct text log = {0};
    bool is_ready = false;
    const char *why, *line;

    if (!file_read(place->log, LOG_BYTES_MAX, &log, &why) || log.len == 0) {
        return false;
    }
    for (char *at = log.bytes; (line = next_dom0_line(&at)) != NULL;) {
        const char *word = strchr(line, ' '); /* behind the time */

        is_ready |= word != NULL && strcmp(word, " ready") == 0;
        if (guest != 0 && strncmp(line, prefix, strlen(prefix)) == 0 &&
            strncmp(line + strlen(prefix), "Parsing config", 14) != 0 &&
            strncmp(line + strlen(prefix), "got a tsc mode", 14) != 0) { /* those two come when all is well */
            cli_warn("%s", line);
        }
    }
    text_free(&log);
    free(prefix);
    return is_ready;
}

/* The last lines of Xen's log. */
static void show_log(const struct place *place)
{
    struct text log = {0};
    const char *why, *at;
    unsigned lines = 0;

    if (!file_read(place->log, LOG_BYTES_MAX, &log, &why)) {
        return;
    }
    for (at = log.bytes + log.len; at > log.bytes; at--) {
        if (at[-1] == '\n' && ++lines > LOG_LINES) {
            break;
        }
    }
    cli_warn("Xen and its dom0 said at last:\n%s", at);
    text_free(&log);
}

/* What the toolstack told of the guests' ends. */
struct ends {
    unsigned count, failed;
    bool ended[RUN_GUEST_COUNT_MAX + 1]; /* by number, from 1 */
    char how[RUN_GUEST_COUNT_MAX + 1][REASON_BYTES_MAX + 1];
    bool is_failed[RUN_GUEST_COUNT_MAX + 1];
};

static struct ends read_ends(const struct run_request *request, const struct place *place)
{
    struct ends ends = {0};
    struct text control = {0};
    const char *why;

    if (!file_read(place->control, LOG_BYTES_MAX, &control, &why) || control.len == 0) {
        return ends;
    }
    for (char *save, *line = strtok_r(control.bytes, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        char how[8], reason[REASON_BYTES_MAX + 1];
        unsigned number;

        if (sscanf(line, "%7s %u %31[^\n]", how, &number, reason) != 3 || number == 0 || number > request->guests ||
            ends.ended[number]) {
            continue;
        }
        ends.count++;
        ends.ended[number] = true;
        ends.is_failed[number] = strcmp(how, "failed") == 0;
        ends.failed += ends.is_failed[number] ? 1 : 0;
        memcpy(ends.how[number], reason, strlen(reason) + 1);
    }
    text_free(&control);
    return ends;
}

/* Tells how the guests ended, as the toolstack saw it; false when one could not be created, or did not end. */
static bool tell_ends(const struct run_request *request, const struct place *place)
{
    struct ends ends = read_ends(request, place);

    for (unsigned i = 1; i <= request->guests; i++) {
        if (ends.is_failed[i]) {
            (void)read_log(place, i);
            cli_warn("xl cannot create guest %u: it ended with status %s", i, ends.how[i]);
        } else if (ends.ended[i] && request->guests > 1) {
            cli_warn("guest %u ended by %s, as xl saw it", i, ends.how[i]);
        } else if (ends.ended[i]) {
            cli_warn("the guest ended by %s, as xl saw it", ends.how[i]);
        }
    }
    return ends.failed == 0 && ends.count == request->guests;
}

struct run {
    const struct run_request *request;
    const struct place *place;
};

/* Why there is no last record, or not in time, if it is no guest's fault, or that of some of several. */
static bool tell_why(const void *context, bool took_too_long)
{
    const struct run *run = context;
    const struct run_request *request = run->request;
    double limit_s = (double)request->timeout_ms / 1000;
    struct ends ends = read_ends(request, run->place);
    struct text missing = {0};

    if (!took_too_long) {
        return ends.failed > 0; /* tell_ends() has the reason */
    }
    if (!read_log(run->place, 0)) {
        cli_warn("no guest had started: the dom0 was not ready after %g s (--timeout)", limit_s);
        return true;
    }
    if (request->shell) {
        cli_warn("the dom0 was ended: its script took longer than %g s (--timeout)", limit_s);
        return true;
    }
    for (unsigned i = 1; i <= request->guests; i++) {
        if (!ends.ended[i]) {
            text_addf(&missing, "%s%u", missing.len > 0 ? ", " : "", i);
        }
    }
    if (request->guests == 1 || missing.len == 0) {
        return false;
    }
    cli_warn("of %u guests, these were ended: %s; they took longer than %g s (--timeout)", request->guests,
             missing.bytes, limit_s);
    text_free(&missing);
    return true;
}

/* A person at a terminal, which QEMU gives to the dom0 as it is: Ctrl-C and all. */
static int shell_on_terminal(char *const *argv)
{
    struct process_plan plan = {.argv = argv, .output = -1, .error = -1, .death_signal = SIGKILL};
    int status;

    cli_warn("the dom0's shell comes in some seconds; `exit` ends it and the machine");
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGQUIT, SIG_IGN);
    terminal_save();
    status = process_wait(process_start(&plan));
    terminal_restore();
    return status;
}

static int run_guests(const struct run_request *request, char *const *argv, const struct image *image,
                      const struct place *place, bool *keep_log_out)
{
    const struct run run = {.request = request, .place = place};
    bool was_ended = false;
    struct guest_plan plan = {
        .argv = argv,
        .debug_elf = beside_debug_elf(image, request->image),
        .timeout_ms = request->timeout_ms,
        .probe = {.ports = request->plan.ports, .count = request->plan.port_count, .ready_fd = request->ready_fd,
                  .way = request->plan.tap != NULL ? PROBE_TAP : PROBE_FORWARDED},
        .console_is_serial = true,
        .monitor = -1,
        .end_signal = request->plan.disks.count > 0 ? SIGTERM : SIGKILL,
        .linger_ms = LINGER_MS,
        .tell_why = tell_why,
        .context = &run,
        .was_ended_out = &was_ended,
    };
    int status = guest_run(&plan);
    bool well = request->shell || tell_ends(request, place) || was_ended;

    /* What xl said of a guest that it could not create says more. */
    if (status == CLI_RUN_TIMEOUT || (status == CLI_RUN_FAILED && read_ends(request, place).failed == 0)) {
        show_log(place);
    }
    *keep_log_out = !well || status == CLI_RUN_FAILED || status == CLI_RUN_TIMEOUT;
    return status;
}

/* A network device costs a second or two of the dom0's and xl's time, so an image gets one if it has the driver. */
static bool wants_network(const struct run_plan *plan, const struct text *image)
{
    return !plan->no_network && (plan->port_count > 0 || plan->tap != NULL || plan->pcap != NULL ||
                                 image_has_vif((const uint8_t *)image->bytes, image->len));
}

int xen_run(struct run_request *request)
{
    bool on_terminal = request->shell && isatty(STDIN_FILENO);
    struct words argv = {0};
    struct text bytes = {0}, archive = {0};
    const struct host *host;
    struct image image;
    static struct place place;
    bool keep_log = false;
    const char *why, *xen;
    int status;

    if (!file_read(request->image, IMAGE_BYTES_MAX, &bytes, &why) ||
        !image_parse(&image, (const uint8_t *)bytes.bytes, bytes.len, &why)) {
        cli_fail("cannot run %s: %s", request->image, why);
    }
    host = image.format == IMAGE_ZIMAGE ? &hosts[1] : &hosts[0];
    if (!program_found(host->program)) {
        cli_fail("cannot run on xen: %s is not installed; on Debian: apt-get install %s", host->program, host->package);
    }
    request->plan.no_network = !wants_network(&request->plan, &bytes);
    xen = xen_folder(host);
    xen_job_make(request, &image, &bytes, on_terminal, &archive);
    make_place(&place);
    left = &place;
    (void)atexit(remove_left);
    write_disk(&place, &archive);
    command_line(request, host, xen, archive.len, on_terminal, &place, &argv);
    status = on_terminal ? shell_on_terminal(argv.items) : run_guests(request, argv.items, &image, &place, &keep_log);
    if (keep_log) {
        cli_warn("the whole log of Xen and its dom0: %s", place.log);
    }
    remove_place(&place, keep_log);
    text_free(&archive);
    text_free(&bytes);
    return status;
}
