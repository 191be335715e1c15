/* SPDX-License-Identifier: ISC */
/* Fuzzes the ARM unwinder: the input is a frame's registers and the memory with index, tables, code
 * and stack. Only words in it are read; every step goes up, the first maybe to where it was; a step
 * that fails changes nothing. */
#include "require.h"
#include "../../sdk/cpu/armv7a/ehabi.h"
#include <string.h>

#define BASE UINT32_C(0x40000000)
#define WORDS_MAX 1024u

typedef struct header {
    uint8_t index_entries; /* the index begins the memory */
    uint8_t knows_lr;
    uint8_t pc[2], sp[2], lr[2]; /* offsets in the memory */
    uint32_t kept[8];
} header;

static uint32_t words[WORDS_MAX];
static size_t word_count;

static bool read_word(const arm_ehabi_memory *memory, uint32_t address, uint32_t *word_out)
{
    (void)memory;
    require(address % 4 == 0);
    if (address < BASE || (address - BASE) / 4 >= word_count)
        return false;
    *word_out = words[(address - BASE) / 4];
    return true;
}

static uint32_t place(const uint8_t bytes[2])
{
    return BASE + bytes[0] + bytes[1] * 256u;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    header h;
    if (len < sizeof h)
        return 0;
    memcpy(&h, bytes, sizeof h);
    word_count = (len - sizeof h) / 4 < WORDS_MAX ? (len - sizeof h) / 4 : WORDS_MAX;
    memcpy(words, bytes + sizeof h, word_count * 4);

    const arm_ehabi_memory memory = {read_word, BASE, BASE + 8u * h.index_entries};
    arm_ehabi_regs regs = {.known = ARM_EHABI_KEPT};
    memcpy(&regs.r[4], h.kept, sizeof h.kept);
    regs.r[ARM_EHABI_PC] = place(h.pc);
    regs.r[ARM_EHABI_SP] = place(h.sp);
    regs.r[ARM_EHABI_LR] = place(h.lr);
    if (h.knows_lr & 1)
        regs.known |= 1u << ARM_EHABI_LR;
    for (unsigned step = 0;; step++) {
        const arm_ehabi_regs before = regs;
        if (!arm_ehabi_up(&memory, &regs)) {
            require(memcmp(&before, &regs, sizeof regs) == 0);
            return 0;
        }
        const uint32_t sp = regs.r[ARM_EHABI_SP], old_sp = before.r[ARM_EHABI_SP];
        require(sp > old_sp || (sp == old_sp && step == 0 && (h.knows_lr & 1)));
        require((regs.known & (1u << ARM_EHABI_LR)) == 0);
        require(regs.r[ARM_EHABI_PC] >= BASE && regs.r[ARM_EHABI_PC] / 4 < BASE / 4 + word_count);
    }
}
