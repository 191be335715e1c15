/* SPDX-License-Identifier: ISC */
/* Unwinding one frame: the function's entry in the index, its opcodes, what they do to registers.
 * Of the opcodes, those that GCC emits for C: no FSTMX, no iWMMXt, no authentication codes. */
#include "ehabi.h"

#define WORD_BYTES 4u
#define DOUBLE_BYTES 8u
#define INDEX_ENTRY_BYTES 8u
#define CANTUNWIND 1u            /* IHI 0038, 6: in the place of the opcodes */
#define ULEB128_BYTES_MAX 5u     /* of 32 bits */
#define ASSEMBLER_WORDS_MAX 16u  /* that assembler without tables has pushed */
#define PROLOGUE_OPCODES_MAX 16u /* what undoes a prologue, */
#define PROLOGUE_BYTES_MAX 128u  /* and the code of one with its probes of the stack */
#define BIT(n) ((uint16_t)(1u << (n)))

/* The opcodes of a function: the rest of a word, then words in memory, highest bytes first. */
typedef struct opcode_row {
    uint32_t word; /* the highest byte is the next */
    uint32_t byte_count;
    uint32_t next_address;
    uint32_t word_count;
} opcode_row;

typedef struct table_entry {
    uint32_t start;
    uint32_t end;     /* where the next one begins */
    bool has_opcodes; /* otherwise it cannot be unwound */
    opcode_row opcodes;
} table_entry;

/* What an opcode does; pops of floating-point registers only add to sp. */
typedef struct opcode_action {
    enum { REFUSE, FINISH, ADD, POP, SET } kind;
    uint32_t value; /* what to add to sp; a mask of registers; the register that sp becomes */
} opcode_action;

/* The call before a return address, by how likely it called a certain function. */
typedef enum call_kind {
    NO_CALL,
    CALL_OF_OTHER, /* which jumped on to it at its own end; or by a veneer */
    CALL_BY_POINTER,
    CALL_OF_IT,
} call_kind;

typedef struct machine_state {
    arm_ehabi_regs regs;
    uint16_t popped;
} machine_state;

static bool read_word(const arm_ehabi_memory *memory, uint32_t address, uint32_t *word_out)
{
    return address % WORD_BYTES == 0 && memory->read(memory, address, word_out);
}

/* What a word at an address points to (6: prel31): 31 bits, signed, from its own place. */
static uint32_t target_of(uint32_t word, uint32_t address)
{
    const uint32_t sign = UINT32_C(0x40000000);
    return address + ((word & (sign | (sign - 1))) ^ sign) - sign;
}

/* The opcodes that a function's second index word says or points to (6, 7.1 to 7.3, 10.2). */
static bool find_opcodes(const arm_ehabi_memory *memory, uint32_t word, uint32_t address,
                         opcode_row *opcodes_out)
{
    const bool is_inline = word >> 31 != 0;
    if (!is_inline) {
        address = target_of(word, address);
        if (!read_word(memory, address, &word))
            return false;
    }
    switch (word >> 24) {
    case 0x80: *opcodes_out = (opcode_row){word << 8, 3, 0, 0}; return true;
    case 0x81:
    case 0x82:
        *opcodes_out = (opcode_row){word << 16, 2, address + WORD_BYTES, word >> 16 & 0xff};
        return !is_inline;
    default: return false;
    }
}

/* The last function of the index that begins at or before `pc`. */
static bool find_function(const arm_ehabi_memory *memory, uint32_t pc, table_entry *function_out)
{
    uint32_t first = 0, end = (memory->index_end - memory->index_start) / INDEX_ENTRY_BYTES;
    uint32_t word, address, start;
    function_out->end = UINT32_MAX;
    while (end - first > 1) {
        const uint32_t middle = first + (end - first) / 2;
        address = memory->index_start + middle * INDEX_ENTRY_BYTES;
        if (!read_word(memory, address, &word))
            return false;
        start = target_of(word, address);
        if (start <= pc) {
            first = middle;
        } else {
            end = middle;
            function_out->end = start;
        }
    }
    address = memory->index_start + first * INDEX_ENTRY_BYTES;
    if (end == 0 || !read_word(memory, address, &word))
        return false;
    function_out->start = target_of(word, address);
    if (function_out->start > pc || !read_word(memory, address + WORD_BYTES, &word))
        return false;
    address += WORD_BYTES;
    function_out->has_opcodes =
        word != CANTUNWIND && find_opcodes(memory, word, address, &function_out->opcodes);
    return true;
}

/* What a return address on a stack, where anything may stand, returns from: the instruction before
 * it. ARM ARM A8.8.25 (BL, BLX) and A8.8.26 (BLX by a register). */
static call_kind call_before(const arm_ehabi_memory *memory, uint32_t return_address,
                             uint32_t start)
{
    const uint32_t address = return_address & ~1u;
    uint32_t code, next;
    if (address < 2 * WORD_BYTES || !read_word(memory, (address - WORD_BYTES) & ~3u, &code))
        return NO_CALL;
    if (!(return_address & 1)) { /* encodings A1 and A2 */
        if (address % WORD_BYTES == 0 && (code & 0x0ffffff0) == 0x012fff30)
            return CALL_BY_POINTER;
        const bool is_bl = (code & 0x0f000000) == 0x0b000000 || (code & 0xfe000000) == 0xfa000000;
        return address % WORD_BYTES == 0 && is_bl ? CALL_OF_OTHER : NO_CALL;
    }
    /* The first halfword is the low one; BLX by a register is one alone, the high one. */
    if (address % WORD_BYTES != 0) {
        if (!read_word(memory, address & ~3u, &next))
            return NO_CALL;
        code = code >> 16 | next << 16;
    }
    if ((code & 0xff870000) == 0x47800000)
        return CALL_BY_POINTER;
    if ((code & 0xd001f800) == 0xc000f000)
        return CALL_OF_OTHER;
    if ((code & 0xd000f800) != 0xd000f000)
        return NO_CALL;
    /* BL: imm32 = S:I1:I2:imm10:imm11:0, where In = not (Jn xor S); its sign is S. */
    const uint32_t s = code >> 10 & 1, i1 = 1 ^ (code >> 29 & 1) ^ s, i2 = 1 ^ (code >> 27 & 1) ^ s;
    const uint32_t offset = (0 - s) << 24 | i1 << 23 | i2 << 22 | (code & 0x3ff) << 12 |
                            (code >> 16 & 0x7ff) << 1;
    return address + offset == start ? CALL_OF_IT : CALL_OF_OTHER;
}

static bool next_byte(const arm_ehabi_memory *memory, opcode_row *opcodes, uint32_t *byte_out)
{
    if (opcodes->byte_count == 0) {
        if (opcodes->word_count == 0 || !read_word(memory, opcodes->next_address, &opcodes->word))
            return false;
        opcodes->byte_count = WORD_BYTES;
        opcodes->next_address += WORD_BYTES;
        opcodes->word_count--;
    }
    *byte_out = opcodes->word >> 24;
    opcodes->word <<= 8;
    opcodes->byte_count--;
    return true;
}

/* The opcodes 1011xxxx. */
static opcode_action decode_1011(const arm_ehabi_memory *memory, opcode_row *opcodes,
                                 uint32_t opcode)
{
    uint32_t byte, value = 0;
    switch (opcode & 0x0f) {
    case 0x0: return (opcode_action){FINISH, 0};
    case 0x1:
        if (!next_byte(memory, opcodes, &byte) || byte == 0 || byte > 0x0f)
            return (opcode_action){REFUSE, 0};
        return (opcode_action){POP, byte};
    case 0x2:
        for (unsigned i = 0; i < ULEB128_BYTES_MAX && next_byte(memory, opcodes, &byte); i++) {
            value |= (byte & 0x7f) << 7 * i;
            if (byte < 0x80)
                return (opcode_action){ADD, 0x204 + (value << 2)};
        }
        return (opcode_action){REFUSE, 0};
    default: return (opcode_action){REFUSE, 0};
    }
}

/* The next opcode (10.3, table 4). */
static opcode_action decode(const arm_ehabi_memory *memory, opcode_row *opcodes)
{
    const opcode_action refuse = {REFUSE, 0};
    uint32_t opcode, byte;
    if (opcodes->byte_count == 0 && opcodes->word_count == 0)
        return (opcode_action){FINISH, 0};
    if (!next_byte(memory, opcodes, &opcode))
        return refuse;
    switch (opcode >> 4) {
    case 0x0:
    case 0x1:
    case 0x2:
    case 0x3: return (opcode_action){ADD, (opcode & 0x3f) * WORD_BYTES + WORD_BYTES};
    case 0x4:
    case 0x5:
    case 0x6:
    case 0x7: return (opcode_action){ADD, 0 - ((opcode & 0x3f) * WORD_BYTES + WORD_BYTES)};
    case 0x8: /* r15 to r4; none: the function refuses */
        if (!next_byte(memory, opcodes, &byte) || ((opcode & 0x0f) == 0 && byte == 0))
            return refuse;
        return (opcode_action){POP, (opcode & 0x0f) << 12 | byte << 4};
    case 0x9:
        opcode &= 0x0f;
        if (opcode == ARM_EHABI_SP || opcode == ARM_EHABI_PC)
            return refuse;
        return (opcode_action){SET, opcode};
    case 0xa: /* r4 to r4 + n, and r14 */
        return (opcode_action){POP, ((2u << (opcode & 7)) - 1) << 4 |
                                        (opcode & 8 ? BIT(ARM_EHABI_LR) : 0)};
    case 0xb: return decode_1011(memory, opcodes, opcode);
    case 0xc: /* d[s] to d[s + n], by VPUSH */
        if (opcode != 0xc9 || !next_byte(memory, opcodes, &byte) ||
            (byte >> 4) + (byte & 0x0f) > 15)
            return refuse;
        return (opcode_action){ADD, ((byte & 0x0f) + 1) * DOUBLE_BYTES};
    case 0xd: /* d8 to d8 + n, by VPUSH */
        return opcode > 0xd7 ? refuse : (opcode_action){ADD, ((opcode & 7) + 1) * DOUBLE_BYTES};
    default: return refuse;
    }
}

static bool pop(const arm_ehabi_memory *memory, machine_state *machine, uint32_t mask)
{
    uint32_t sp = machine->regs.r[ARM_EHABI_SP];
    for (unsigned i = 0; i < FA_ARRAY_COUNT(machine->regs.r); i++)
        if (mask & BIT(i)) {
            if (!read_word(memory, sp, &machine->regs.r[i]))
                return false;
            sp += WORD_BYTES;
        }
    if (!(mask & BIT(ARM_EHABI_SP))) /* it may be among them */
        machine->regs.r[ARM_EHABI_SP] = sp;
    machine->regs.known |= (uint16_t)mask;
    machine->popped |= (uint16_t)mask;
    return true;
}

/* Does what the opcodes say, without the first `skip_count`. */
static bool run(const arm_ehabi_memory *memory, const arm_ehabi_regs *regs, opcode_row opcodes,
                unsigned skip_count, machine_state *machine_out)
{
    *machine_out = (machine_state){*regs, 0};
    arm_ehabi_regs *r = &machine_out->regs;
    for (;;) { /* ends with the opcodes, of which there are 1022 at most */
        const opcode_action action = decode(memory, &opcodes);
        if (action.kind == FINISH)
            break;
        if (action.kind == REFUSE)
            return false;
        if (skip_count > 0) {
            skip_count--;
            continue;
        }
        if (action.kind == ADD)
            r->r[ARM_EHABI_SP] += action.value;
        else if (action.kind == SET && (r->known & BIT(action.value)))
            r->r[ARM_EHABI_SP] = r->r[action.value];
        else if (action.kind == SET || !pop(memory, machine_out, action.value))
            return false;
    }
    if (!(machine_out->popped & BIT(ARM_EHABI_PC))) {
        if (!(r->known & BIT(ARM_EHABI_LR)))
            return false;
        r->r[ARM_EHABI_PC] = r->r[ARM_EHABI_LR];
    }
    /* Up; a frame of no bytes is that of a function that calls nothing. */
    const uint32_t sp = r->r[ARM_EHABI_SP], old_sp = regs->r[ARM_EHABI_SP];
    return sp % WORD_BYTES == 0 &&
           (sp > old_sp || (sp == old_sp && (regs->known & BIT(ARM_EHABI_LR))));
}

/* Takes over a caller whose pc is a return address, if it looks like one. */
static bool accept(const arm_ehabi_memory *memory, const arm_ehabi_regs *caller,
                   arm_ehabi_regs *regs)
{
    if (call_before(memory, caller->r[ARM_EHABI_PC], 0) == NO_CALL)
        return false;
    *regs = *caller;
    regs->r[ARM_EHABI_PC] = (caller->r[ARM_EHABI_PC] & ~1u) - 1; /* inside the call */
    regs->known &= ARM_EHABI_KEPT | BIT(ARM_EHABI_SP) | BIT(ARM_EHABI_PC);
    return true;
}

/* A function that has kept nothing: the link register says it all. */
static bool up_by_lr(const arm_ehabi_memory *memory, arm_ehabi_regs *regs)
{
    arm_ehabi_regs caller = *regs;
    caller.r[ARM_EHABI_PC] = regs->r[ARM_EHABI_LR];
    return (regs->known & BIT(ARM_EHABI_LR)) && accept(memory, &caller, regs);
}

/* Assembler without tables that calls nothing: the link register says who called. How much it has
 * pushed, the caller's opcodes say: they find the most likely return address then. */
static bool up_from_assembler(const arm_ehabi_memory *memory, arm_ehabi_regs *regs)
{
    table_entry function;
    machine_state machine;
    if (!up_by_lr(memory, regs))
        return false;
    if (!find_function(memory, regs->r[ARM_EHABI_PC], &function) || !function.has_opcodes)
        return true;
    call_kind best = NO_CALL;
    arm_ehabi_regs caller = *regs;
    for (unsigned words = 0; words <= ASSEMBLER_WORDS_MAX; words++) {
        if (run(memory, &caller, function.opcodes, 0, &machine)) {
            const uint32_t above = machine.regs.r[ARM_EHABI_PC];
            const call_kind kind = call_before(memory, above, function.start);
            if (kind > best)
                *regs = caller;
            best = kind > best ? kind : best;
        }
        caller.r[ARM_EHABI_SP] += WORD_BYTES;
    }
    return true;
}

/* The opcodes undo a whole prologue. When only its beginning has run (a stack overflows there), the
 * last of them undo that: those that find the return address which the link register still holds.
 * When nothing has run, it still holds it, too. */
static bool up_interrupted(const arm_ehabi_memory *memory, const table_entry *function,
                           arm_ehabi_regs *regs)
{
    const uint16_t returns = BIT(ARM_EHABI_LR) | BIT(ARM_EHABI_PC);
    const uint32_t lr = regs->r[ARM_EHABI_LR];
    machine_state whole, part;
    const bool done = run(memory, regs, function->opcodes, 0, &whole);
    if (done && !(whole.popped & returns)) /* it calls nothing */
        return accept(memory, &whole.regs, regs);
    if (regs->r[ARM_EHABI_PC] - function->start < PROLOGUE_BYTES_MAX) {
        for (unsigned skip_count = 0; skip_count < PROLOGUE_OPCODES_MAX; skip_count++)
            if (run(memory, regs, function->opcodes, skip_count, &part) &&
                (part.popped & returns) && part.regs.r[ARM_EHABI_PC] == lr)
                return accept(memory, &part.regs, regs);
        const bool from_itself = lr > function->start && lr < function->end;
        if (call_before(memory, lr, function->start) == CALL_OF_IT && !from_itself)
            return up_by_lr(memory, regs);
    }
    return (done && accept(memory, &whole.regs, regs)) || up_by_lr(memory, regs);
}

bool arm_ehabi_up(const arm_ehabi_memory *memory, arm_ehabi_regs *regs)
{
    const uint32_t pc = regs->r[ARM_EHABI_PC] & ~1u;
    table_entry function;
    machine_state machine;
    if (!find_function(memory, pc, &function) || !function.has_opcodes)
        return up_from_assembler(memory, regs);
    if (pc == function.start)
        return up_by_lr(memory, regs);
    if (regs->known & BIT(ARM_EHABI_LR))
        return up_interrupted(memory, &function, regs);
    return run(memory, regs, function.opcodes, 0, &machine) && accept(memory, &machine.regs, regs);
}
