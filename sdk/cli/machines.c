/* SPDX-License-Identifier: ISC */
/* The table of machines and the command lines that start them: see machines.h. */
#include "machines.h"

#include "cli.h"
#include "dom0less.h"
#include "files.h"
#include "monitor.h"
#include "process.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX 65536
#define ASK_LIMIT_MS 10000

/* A comma ends a value; two of them are one that does not. */
char *machine_option_value(const char *value)
{
    struct text text = {0};

    text_add(&text, "");
    for (; *value != '\0'; value++) {
        text_add_bytes(&text, *value == ',' ? ",," : value, *value == ',' ? 2 : 1);
    }
    return text.bytes;
}

char *machine_command_line(char *const *arguments)
{
    struct text line = {0};

    text_add(&line, "");
    for (size_t i = 0; arguments[i] != NULL; i++) {
        text_add(&line, i == 0 ? "" : " ");
        text_add_quoted(&line, arguments[i]);
    }
    if (line.len > RUN_COMMAND_LINE_BYTES_MAX) {
        cli_usage("the guest's arguments take %zu bytes, quoted; a guest's command line holds at most %d", line.len,
                  RUN_COMMAND_LINE_BYTES_MAX);
    }
    return line.bytes;
}

void machine_disks(const char *device, const struct run_plan *plan, struct words *argv)
{
    for (size_t i = 0; i < plan->disks.count; i++) {
        char *file = machine_option_value(plan->disks.items[i]);

        words_add(argv, "-blockdev");
        words_addf(argv, "driver=raw,node-name=disk%zu,discard=unmap%s,file.driver=file,file.filename=%s", i,
                   plan->disk_read_only[i] ? ",read-only=on" : "", file);
        words_add(argv, "-device");
        /* The guest hears of a full host, which would stop it otherwise. */
        words_addf(argv, "%s,drive=disk%zu,serial=disk%zu,werror=report,rerror=report", device, i, i);
        free(file);
    }
}

/* A card in the board's slot, if that is free, and a disk at its SATA port. */
static void add_board_disks(const struct machine *machine, const struct run_plan *plan, struct words *argv)
{
    size_t next = 0;

    if (plan->parsed.format != IMAGE_CARD && next < plan->disks.count) {
        words_add(argv, "-drive");
        words_addf(argv, "if=sd,format=raw%s,file=%s", plan->disk_read_only[next] ? ",readonly=on" : "",
                   machine_option_value(plan->disks.items[next]));
        next++;
    }
    if (next < plan->disks.count) {
        words_add(argv, "-drive");
        words_addf(argv, "if=none,id=sata,format=raw,file=%s", machine_option_value(plan->disks.items[next]));
        words_add(argv, "-device");
        words_addf(argv, "%s,drive=sata,werror=report,rerror=report", machine->sata);
    }
}

/* FNV-1a of the word, below the prefix that QEMU uses. */
char *machine_mac(const char *word)
{
    uint32_t hash = UINT32_C(2166136261);

    for (; *word != '\0'; word++) {
        hash = (hash ^ (unsigned char)*word) * UINT32_C(16777619);
    }
    return text_format("52:54:00:%02x:%02x:%02x", hash >> 16 & 0xff, hash >> 8 & 0xff, hash & 0xff);
}

/* What the network leads to: a tap interface, or QEMU's user networking, where the guest can connect out. */
static char *backend(const struct run_plan *plan, const char *tap_options)
{
    struct text net = {0};

    if (plan->tap != NULL) {
        return text_format("tap,id=n0,ifname=%s,script=no,downscript=no%s", plan->tap, tap_options);
    }
    text_add(&net, "user,id=n0");
    for (size_t i = 0; i < plan->port_count; i++) {
        text_addf(&net, ",hostfwd=%s:127.0.0.1:%u-:%u", plan->ports[i].is_udp ? "udp" : "tcp", plan->ports[i].host,
                  plan->ports[i].guest);
    }
    return net.bytes;
}

static void add_capture(const struct run_plan *plan, struct words *argv)
{
    if (plan->pcap != NULL) {
        words_add(argv, "-object");
        words_addf(argv, "filter-dump,id=d0,netdev=n0,file=%s", machine_option_value(plan->pcap));
    }
}

void machine_network(const char *device, const struct run_plan *plan, struct words *argv)
{
    if (plan->no_network) {
        return;
    }
    words_add(argv, "-netdev");
    /* QEMU 7.2 captures virtio's headers with the packets of a tap interface, and tcpdump could not read them. */
    words_add(argv, backend(plan, plan->pcap != NULL ? ",vnet_hdr=off" : ""));
    words_add(argv, "-device");
    words_addf(argv, "%s,netdev=n0%s%s", device, plan->tap != NULL ? ",mac=" : "",
               plan->tap != NULL ? machine_mac(plan->tap) : "");
    add_capture(plan, argv);
}

/* The device is there in any case; QEMU warns of one that nothing is plugged in to. */
static void add_board_network(const char *model, const struct run_plan *plan, struct words *argv)
{
    words_add(argv, "-nic");
    words_addf(argv, "%s,model=%s", plan->no_network ? "user,restrict=on" : backend(plan, ""), model);
    add_capture(plan, argv);
}

const char *machine_device_tree(const struct machine *machine)
{
    return text_format("%s/build/dtb/%s", sdk_root(), machine->device_tree);
}

void machine_board(const struct machine *machine, const struct run_plan *plan, uint64_t memory_mib, struct words *argv)
{
    static const char *const quiet[] = {"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                                        "-serial",     "stdio",           "-monitor", "none"};

    words_add(argv, plan->program);
    words_add(argv, "-M");
    words_add(argv, machine->type);
    if (machine->cpu != NULL) {
        words_add(argv, "-cpu");
        words_add(argv, machine->cpu);
    }
    words_add(argv, "-accel");
    words_add(argv, plan->kvm ? "kvm" : "tcg");
    words_add(argv, "-m");
    words_addf(argv, "%" PRIu64 "M", memory_mib);
    for (size_t i = 0; i < sizeof quiet / sizeof quiet[0]; i++) {
        words_add(argv, quiet[i]);
    }
}

/* The card, of which nothing is changed: what is written lasts as long as the run. */
static void add_card(const struct run_plan *plan, struct words *argv)
{
    words_add(argv, "-drive");
    words_addf(argv, "if=sd,format=raw,snapshot=on,file=%s", machine_option_value(plan->image));
}

/* What QEMU loads in the place of a boot loader. */
static void add_kernel(const struct machine *machine, const struct run_plan *plan, struct words *argv)
{
    char *line = machine_command_line(plan->arguments);

    words_add(argv, "-kernel");
    words_add(argv, plan->image);
    if (machine->device_tree != NULL) {
        words_add(argv, "-dtb");
        words_add(argv, machine_device_tree(machine));
    }
    if (line[0] != '\0') {
        words_add(argv, "-append");
        words_add(argv, line);
    }
    free(line);
}

static void qemu(const struct machine *machine, const struct run_plan *plan, struct words *argv)
{
    machine_board(machine, plan, plan->memory_mib, argv);
    if (plan->parsed.format == IMAGE_CARD) {
        add_card(plan, argv);
    } else {
        add_kernel(machine, plan, argv);
    }
    words_split(argv, machine->devices != NULL ? machine->devices : "");
    if (machine->has_slot) {
        add_board_disks(machine, plan, argv);
    } else if (machine->virtio_block != NULL) {
        machine_disks(machine->virtio_block, plan, argv);
    }
    if (machine->virtio_net != NULL) {
        machine_network(machine->virtio_net, plan, argv);
    } else if (machine->board_net != NULL) {
        add_board_network(machine->board_net, plan, argv);
    }
    if (plan->monitor > 0) {
        monitor_add(plan->monitor, argv);
    }
    if (plan->gdb) {
        words_add(argv, "-S");
        words_add(argv, "-gdb");
        words_addf(argv, "tcp:127.0.0.1:%u", plan->gdb_port);
    }
}

/* A name without a slash would be looked for on the PATH. */
static void process(const struct machine *machine, const struct run_plan *plan, struct words *argv)
{
    const char *program = plan->gdb && plan->debug_elf != NULL ? plan->debug_elf : plan->image;

    if (plan->gdb) {
        words_add(argv, machine->debugger);
        words_add(argv, "--args");
    }
    words_addf(argv, "%s%s", strchr(program, '/') == NULL ? "./" : "", program);
    for (size_t i = 0; i < plan->disks.count; i++) {
        words_addf(argv, "--disk=%s%s", plan->disks.items[i], plan->disk_read_only[i] ? ",ro" : "");
    }
    if (plan->tap != NULL) {
        words_addf(argv, "--tap=%s", plan->tap);
    }
    if (plan->pcap != NULL) {
        words_addf(argv, "--pcap=%s", plan->pcap);
    }
    for (size_t i = 0; plan->arguments[i] != NULL; i++) {
        words_add(argv, plan->arguments[i]);
    }
}

#define X86                                                                                                            \
    .program = "qemu-system-x86_64", .package = "qemu-system-x86", .debugger = "gdb", .debugger_package = "gdb",       \
    .cpu = "max", .has_debug_exit = true, .devices = "-device isa-debug-exit,iobase=0xf4,iosize=0x04",                 \
    .boots = verdict_qemu, .command = qemu

#define ANY_ARM                                                                                                        \
    .program = "qemu-system-arm", .package = "qemu-system-arm", .debugger = "gdb-multiarch",                           \
    .debugger_package = "gdb-multiarch", .is_foreign = true
#define ARM ANY_ARM, .boots = verdict_qemu_arm, .command = qemu

static const struct machine machines[] = {
    {.name = "process", .description = "a process of this Linux host", .debugger = "gdb", .debugger_package = "gdb",
     .is_process = true, .boots = verdict_process, .command = process},
    {X86, .name = "microvm", .description = "QEMU's smallest x86 machine; virtio by memory",
     .type = "microvm,acpi=off,isa-serial=on", .virtio_block = "virtio-blk-device", .virtio_net = "virtio-net-device"},
    {X86, .name = "q35", .description = "QEMU's PC with PCI Express", .type = "q35",
     .virtio_block = "virtio-blk-pci", .virtio_net = "virtio-net-pci,romfile="},
    {X86, .name = "pc", .description = "QEMU's PC with PCI", .type = "pc", .virtio_block = "virtio-blk-pci",
     .virtio_net = "virtio-net-pci,romfile="},
    {ARM, .name = "virt", .description = "QEMU's own ARM board: Cortex-A7, virtio", .type = "virt",
     .memory_mib_max = 2048, .cpu = "cortex-a7", .virtio_block = "virtio-blk-device", .virtio_net = "virtio-net-device"},
    {ANY_ARM, .name = "cubieboard", .description = "QEMU's Cubieboard: Cortex-A8", .type = "cubieboard", .halts = true,
     .board_net = "allwinner-emac", .has_slot = true, .sata = "ide-hd,bus=ide.0",
     .device_tree = "sun4i-a10-cubieboard.dtb", .sizes_mib = {512, 1024},
     .card = "cubieboard", .boots = verdict_qemu_cubieboard, .command = qemu},
    {ARM, .name = "bpim2u", .description = "QEMU's Banana Pi M2 Ultra: Cortex-A7", .type = "bpim2u", .is_new = true,
     .board_net = "allwinner-emac", .has_slot = true,
     .devices = "-nic user,restrict=on,model=allwinner-sun8i-emac -global allwinner-emac.phy-addr=1",
     .device_tree = "sun8i-r40-bananapi-m2-ultra.dtb", .sizes_mib = {1024, 512, 256}},
    {ANY_ARM, .name = "dom0less", .description = "Xen on virt, and no dom0",
     .memory_mib_max = 2048, .type = "virt,virtualization=on,gic-version=2,highmem=off", .cpu = "cortex-a7",
     .halts = true, .has_xen_console = true, .tools = "dtc fdtoverlay", .tools_package = "device-tree-compiler",
     .lacks_network = "without a dom0, a guest has no network", .lacks_disks = "without a dom0, a guest has no disks",
     .lacks_gdb = "gdb would see Xen", .boots = verdict_xen_arm, .command = dom0less_command},
    {.name = "xen", .description = "Xen and its dom0 in QEMU; xl creates the guest", .is_xen = true,
     .lacks_gdb = "gdb would see Xen and the dom0", .boots = verdict_xen_any},
};

enum { MACHINE_COUNT = sizeof machines / sizeof machines[0] };

const struct machine *machine_find(const char *name)
{
    for (size_t i = 0; i < MACHINE_COUNT; i++) {
        if (strcmp(machines[i].name, name) == 0) {
            return &machines[i];
        }
    }
    return NULL;
}

const struct machine *machine_for_image(const struct image *image)
{
    char why[VERDICT_WHY_CAP];

    for (size_t i = 0; i < MACHINE_COUNT; i++) {
        if (machines[i].boots(image, why)) {
            return &machines[i];
        }
    }
    return NULL;
}

const char *machine_names(void)
{
    struct text list = {0};

    for (size_t i = 0; i < MACHINE_COUNT; i++) {
        text_addf(&list, "%s%s", i == 0 ? "" : ", ", machines[i].name);
    }
    return list.bytes;
}

bool machine_has_network(const struct machine *machine)
{
    return machine->virtio_net != NULL || machine->board_net != NULL || machine->is_xen;
}

bool machine_has_disks(const struct machine *machine)
{
    return machine->virtio_block != NULL || machine->has_slot || machine->is_xen;
}

const char *machine_names_with(bool (*has)(const struct machine *machine))
{
    struct text list = {0};

    for (size_t i = 0; i < MACHINE_COUNT; i++) {
        if (has(&machines[i])) {
            text_addf(&list, "%s%s", list.len == 0 ? "" : ", ", machines[i].name);
        }
    }
    return list.bytes;
}

const char *machine_suggest(const char *name)
{
    const char *names[MACHINE_COUNT + 1];

    for (size_t i = 0; i < MACHINE_COUNT; i++) {
        names[i] = machines[i].name;
    }
    names[MACHINE_COUNT] = NULL;
    return cli_suggest(name, names);
}

const char *machine_missing(const struct machine *machine)
{
    struct words tools = {0};

    if (machine->program != NULL && !program_found(machine->program)) {
        return text_format("%s is not installed; on Debian: apt-get install %s", machine->program, machine->package);
    }
    words_split(&tools, machine->tools != NULL ? machine->tools : "");
    for (size_t i = 0; i < tools.count; i++) {
        if (!program_found(tools.items[i])) {
            return text_format("%s is not installed; on Debian: apt-get install %s", tools.items[i],
                               machine->tools_package);
        }
    }
    return NULL;
}

/* What starts cards is as old as this machine, by some months: QEMU 8.0. */
#define CARD_TYPE "bpim2u"

/* Whether `program` lists the machine among those that it has, and can start a card if that is wanted. */
static bool knows(const char *program, const struct machine *machine, bool is_card)
{
    char *argv[] = {(char *)program, "-M", "help", NULL};
    char *line = text_format("\n%s ", is_card ? CARD_TYPE : machine->type);
    struct text answer = {0};
    bool known;

    known = process_capture(argv, ASK_LIMIT_MS, true, ANSWER_BYTES_MAX, &answer) == 0 &&
            strstr(answer.bytes, line) != NULL;
    free(line);
    text_free(&answer);
    return known;
}

/* Where toolchain/newer-qemu leaves a link to what it fetched. */
static char *fetched_program(const struct machine *machine)
{
    return text_format("%s/build/qemu/%s", sdk_root(), machine->program);
}

bool machine_is_to_fetch(const struct machine *machine, bool is_card)
{
    return (machine->is_new || is_card) && access(fetched_program(machine), X_OK) != 0 &&
           !knows(machine->program, machine, is_card);
}

const char *machine_program(const struct machine *machine, bool is_card)
{
    char *argv[] = {text_format("%s/toolchain/newer-qemu", sdk_root()), NULL};
    struct text answer = {0};

    if (!(machine->is_new || is_card) || knows(machine->program, machine, is_card)) {
        return machine->program;
    }
    if (access(fetched_program(machine), X_OK) == 0) {
        return fetched_program(machine);
    }
    if (process_capture(argv, -1, false, ANSWER_BYTES_MAX, &answer) != 0 || answer.len == 0) {
        cli_fail("cannot run on %s: this host's %s does not know %s, and there is no newer one", machine->name,
                 machine->program, is_card ? "how it starts a card" : "it");
    }
    answer.bytes[strcspn(answer.bytes, "\n")] = '\0';
    return answer.bytes;
}
