/* SPDX-License-Identifier: ISC */
/* A TCG plugin for QEMU that counts the guest's instructions. Each translated block adds its length
 * to a counter by code inside the block, so counting is cheap. Before an instruction whose address
 * is marked, a line "ADDRESS COUNT" is written: COUNT instructions ran before it. Thus the guest
 * need not know that it is counted, and no signal has to be sent at the right moment. For what a
 * client outside sees, SIGUSR2 writes a line "signal COUNT".
 *
 *     qemu-system-x86_64 -plugin ./insn.so,out=FILE,mark=0x100000,mark=0x100200 ...
 *
 * With guests=on, what is counted is what guests of a hypervisor run there, of all guests together and by a CPU of
 * one: from each VMRUN, which enters a guest, to the instruction behind it, which comes next when the guest is left (AMD64
 * manual, volume 2, 15.5).
 *
 * With each=on every instruction counts by itself, which is slower: a QEMU of 8.2 or newer leaves a block at an access to a device
 * and runs the rest of it as another one, so that both would count in full.
 *
 * A block that a fault leaves early counts in full; a repeated string instruction counts as QEMU
 * translates it. QEMU 7.2 has version 1 of the plugin interface, QEMU 9 and later only 2 and up,
 * with another inline add. No Debian package of QEMU 7.2 has the header, so what is used of both
 * versions is declared here, and what only one has is weak: the plugin says which it speaks when it
 * is loaded. */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define WEAK __attribute__((weak))
#define MARKS_MAX 16
#define LINES_MAX 100000 /* written in all: a mark in a loop must not fill the disk */
#define ENTRIES_MAX 8    /* VMRUNs in all that is translated, of which a hypervisor runs one */

typedef uint64_t plugin_id;
typedef struct qemu_plugin_tb tb;
typedef struct qemu_plugin_insn insn;
typedef struct qemu_plugin_scoreboard scoreboard;
typedef struct qemu_plugin_u64 { /* version 2: a number for each CPU */
    scoreboard *score;
    size_t offset;
} qemu_plugin_u64;
enum { ADD_U64 = 0, NO_REGS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*fn)(plugin_id id, tb *block));
size_t qemu_plugin_tb_n_insns(const tb *block);
insn *qemu_plugin_tb_get_insn(const tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const insn *instruction);
void *qemu_plugin_insn_haddr(const insn *instruction);
size_t qemu_plugin_insn_size(const insn *instruction);
void qemu_plugin_register_vcpu_insn_exec_cb(insn *instruction, void (*fn)(unsigned cpu, void *data),
                                            int flags, void *data);
WEAK void qemu_plugin_register_vcpu_tb_exec_inline(tb *block, int op, void *number, uint64_t value);
WEAK void qemu_plugin_register_vcpu_insn_exec_inline(insn *instruction, int op, void *number,
                                                     uint64_t value);
WEAK void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn *instruction, int op,
                                                              qemu_plugin_u64 number,
                                                              uint64_t value);
WEAK scoreboard *qemu_plugin_scoreboard_new(size_t element_bytes);
WEAK void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb *block, int op,
                                                            qemu_plugin_u64 number, uint64_t value);
WEAK uint64_t qemu_plugin_u64_sum(qemu_plugin_u64 number);

/* What QEMU calls, or looks at. */
EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

/* A marked instruction in one translated block. */
typedef struct place {
    uint64_t address;
    uint64_t not_yet; /* instructions from it to the end of its block, which are counted already */
} place;

static uint64_t marks[MARKS_MAX];
static size_t mark_count;
static unsigned long lines;
static FILE *out;
static uint64_t total;          /* version 1 */
static qemu_plugin_u64 totals;  /* version 2 */
static bool of_guests, of_each;
static uint64_t entries[ENTRIES_MAX]; /* where the VMRUNs end */
static size_t entry_count;
static bool in_guest;
static uint64_t entered_at, guests_total;

/* Before QEMU asks for the version. */
__attribute__((constructor)) static void choose_version(void)
{
    if (qemu_plugin_scoreboard_new != NULL)
        qemu_plugin_version = 2;
}

static uint64_t counted_so_far(void)
{
    return qemu_plugin_version == 1 ? total : qemu_plugin_u64_sum(totals);
}

/* By write() alone, as a signal's handler has to; lines of the marks are whole in the file by then. */
static void at_signal(int number)
{
    (void)number;
    char line[32] = "signal ";
    char digits[20];
    size_t len = strlen(line), count = 0;
    uint64_t left = of_guests ? guests_total : counted_so_far();
    do
        digits[count++] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    while (count > 0)
        line[len++] = digits[--count];
    line[len++] = '\n';
    if (write(fileno(out), line, len) < 0)
        abort();
}

static void at_mark(unsigned cpu, void *data)
{
    (void)cpu;
    const place *here = data;
    const uint64_t counted = counted_so_far();
    if (lines++ < LINES_MAX)
        fprintf(out, "0x%" PRIx64 " %" PRIu64 "\n", here->address,
                of_guests ? guests_total : counted - here->not_yet);
}

static void at_entry(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data; /* a VMRUN ends its block */
    in_guest = true;
    entered_at = counted_so_far();
}

static void at_exit_of_guest(unsigned cpu, void *data)
{
    (void)cpu;
    const place *here = data;
    if (in_guest)
        guests_total += counted_so_far() - here->not_yet - entered_at;
    in_guest = false;
}

static bool is_marked(uint64_t address)
{
    for (size_t i = 0; i < mark_count; i++)
        if (marks[i] == address)
            return true;
    return false;
}

static bool is_behind_entry(uint64_t address)
{
    for (size_t i = 0; i < entry_count; i++)
        if (entries[i] == address)
            return true;
    return false;
}

static bool is_vmrun(const insn *instruction)
{
    static const uint8_t vmrun[] = {0x0f, 0x01, 0xd8};
    const void *bytes = qemu_plugin_insn_haddr(instruction);
    return qemu_plugin_insn_size(instruction) == sizeof vmrun && bytes != NULL &&
           memcmp(bytes, vmrun, sizeof vmrun) == 0;
}

static void call_at(insn *instruction, void (*fn)(unsigned cpu, void *data), uint64_t not_yet)
{
    place *here = malloc(sizeof *here); /* lives as long as QEMU may run the block: for ever */
    if (here == NULL)
        abort();
    *here = (place){qemu_plugin_insn_vaddr(instruction), not_yet};
    qemu_plugin_register_vcpu_insn_exec_cb(instruction, fn, NO_REGS, here);
}

static void watch_guests(insn *instruction, uint64_t address, uint64_t not_yet)
{
    if (is_behind_entry(address))
        call_at(instruction, at_exit_of_guest, not_yet);
    if (!is_vmrun(instruction) || entry_count == ENTRIES_MAX)
        return;
    call_at(instruction, at_entry, not_yet);
    if (!is_behind_entry(address + qemu_plugin_insn_size(instruction)))
        entries[entry_count++] = address + qemu_plugin_insn_size(instruction);
}

static void count_block(tb *block, size_t length)
{
    if (qemu_plugin_version == 1)
        qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &total, length);
    else
        qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(block, ADD_U64, totals, length);
}

static void count_instruction(insn *instruction)
{
    if (qemu_plugin_version == 1)
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64, &total, 1);
    else
        qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, ADD_U64, totals, 1);
}

static void on_translate(plugin_id id, tb *block)
{
    (void)id;
    const size_t length = qemu_plugin_tb_n_insns(block);
    if (!of_each)
        count_block(block, length);
    for (size_t i = 0; i < length; i++) {
        insn *instruction = qemu_plugin_tb_get_insn(block, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);
        const uint64_t not_yet = of_each ? 0 : length - i;
        if (is_marked(address))
            call_at(instruction, at_mark, not_yet);
        if (of_guests)
            watch_guests(instruction, address, not_yet);
        if (of_each)
            count_instruction(instruction);
    }
}

/* One option, "name=value"; false: it is not understood. */
static bool take_option(const char *option)
{
    if (strncmp(option, "out=", 4) == 0 && out == NULL) {
        out = fopen(option + 4, "a");
        if (out == NULL)
            perror(option + 4);
        else
            setvbuf(out, NULL, _IOLBF, 0); /* QEMU may be killed at any time */
        return out != NULL;
    }
    if (strncmp(option, "mark=", 5) == 0 && mark_count < MARKS_MAX) {
        char *end;
        marks[mark_count++] = strtoull(option + 5, &end, 0);
        return end != option + 5 && *end == '\0';
    }
    of_guests |= strcmp(option, "guests=on") == 0;
    of_each |= strcmp(option, "each=on") == 0;
    if (strcmp(option, "guests=on") == 0 || strcmp(option, "each=on") == 0)
        return true;
    return false;
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (!take_option(argv[i])) {
            fprintf(stderr, "insn: cannot take the option '%s'; there are: out=FILE, up to %d mark=ADDRESS, guests=on, each=on\n",
                    argv[i], MARKS_MAX);
            return 1;
        }
    if (out == NULL) {
        fprintf(stderr, "insn: out=FILE is missing\n");
        return 1;
    }
    const struct sigaction on_signal = {.sa_handler = at_signal, .sa_flags = SA_RESTART};
    if (sigaction(SIGUSR2, &on_signal, NULL) != 0) {
        perror("insn: SIGUSR2");
        return 1;
    }
    if (qemu_plugin_version != 1)
        totals.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    return 0;
}
