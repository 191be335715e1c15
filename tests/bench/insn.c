/* SPDX-License-Identifier: ISC */
/* A TCG plugin for QEMU that counts the guest's instructions. Each translated block adds its length
 * to a counter by code inside the block, so counting is cheap. Before an instruction whose address
 * is marked, a line "ADDRESS COUNT" is written: COUNT instructions ran before it. Thus the guest
 * need not know that it is counted, and no signal has to be sent at the right moment. For what a
 * client outside sees, SIGUSR2 writes a line "signal COUNT".
 *
 *     qemu-system-x86_64 -plugin ./insn.so,out=FILE,mark=0x100000,mark=0x100200 ...
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
void qemu_plugin_register_vcpu_insn_exec_cb(insn *instruction, void (*fn)(unsigned cpu, void *data),
                                            int flags, void *data);
WEAK void qemu_plugin_register_vcpu_tb_exec_inline(tb *block, int op, void *number, uint64_t value);
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
    uint64_t left = counted_so_far();
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
        fprintf(out, "0x%" PRIx64 " %" PRIu64 "\n", here->address, counted - here->not_yet);
}

static bool is_marked(uint64_t address)
{
    for (size_t i = 0; i < mark_count; i++)
        if (marks[i] == address)
            return true;
    return false;
}

static void on_translate(plugin_id id, tb *block)
{
    (void)id;
    const size_t length = qemu_plugin_tb_n_insns(block);
    if (qemu_plugin_version == 1)
        qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &total, length);
    else
        qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(block, ADD_U64, totals, length);
    for (size_t i = 0; i < length; i++) {
        insn *instruction = qemu_plugin_tb_get_insn(block, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);
        if (!is_marked(address))
            continue;
        place *here = malloc(sizeof *here); /* lives as long as QEMU may run the block: for ever */
        if (here == NULL)
            abort();
        *here = (place){address, length - i};
        qemu_plugin_register_vcpu_insn_exec_cb(instruction, at_mark, NO_REGS, here);
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
    return false;
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (!take_option(argv[i])) {
            fprintf(stderr, "insn: cannot take the option '%s'; there are: out=FILE, up to %d mark=ADDRESS\n",
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
