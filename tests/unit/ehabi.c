/* SPDX-License-Identifier: ISC */
/* sdk/cpu/armv7a/ehabi.c: one frame up, by tables, code and a stack made here as 32-bit words. What
 * the compiler's own tables say is tested where ARM images boot. */
#include "../../sdk/cpu/armv7a/ehabi.h"
#include "test.h"

/* The memory: functions of 256 bytes, the index, other table words, the stack. */
#define BASE UINT32_C(0x40000000)
#define FUNCTION_BYTES 0x100u
#define FUNCTION_COUNT 15u
#define FUNCTION(n) (BASE + (n) * FUNCTION_BYTES)
#define INDEX FUNCTION(FUNCTION_COUNT + 1)
#define TABLE (INDEX + 0x400)
#define STACK (INDEX + 0x800)
#define STACK_END (STACK + 0x1000)
#define CODE 5u /* the function that frames are in */
#define CANTUNWIND 1u
#define POP_R4_LR 0x80a8b0b0u
#define MASK(n) ((uint16_t)(1u << (n)))
#define SP ARM_EHABI_SP
#define LR ARM_EHABI_LR
#define PC ARM_EHABI_PC

static uint32_t words[(STACK_END - BASE) / 4];

static bool read_word(const arm_ehabi_memory *memory, uint32_t address, uint32_t *word_out)
{
    (void)memory;
    assert_int_equal(address % 4, 0);
    if (address < BASE || address >= STACK_END)
        return false;
    *word_out = words[(address - BASE) / 4];
    return true;
}

static const arm_ehabi_memory memory = {read_word, INDEX, INDEX + 8 * (FUNCTION_COUNT + 1)};

static void put(uint32_t address, uint32_t word)
{
    words[(address - BASE) / 4] = word;
}

static void put_halfword(uint32_t address, uint32_t halfword)
{
    uint32_t *word = &words[(address - BASE) / 4];
    const unsigned shift = address % 4 * 8;
    *word = (*word & ~(UINT32_C(0xffff) << shift)) | halfword << shift;
}

/* A call of `target` at an address; returns the return address. */
static uint32_t put_bl(uint32_t address, uint32_t target)
{
    const uint32_t offset = target - (address + 4), s = offset >> 31;
    const uint32_t j1 = 1 ^ (offset >> 23 & 1) ^ s, j2 = 1 ^ (offset >> 22 & 1) ^ s;
    put_halfword(address, 0xf000 | s << 10 | (offset >> 12 & 0x3ff));
    put_halfword(address + 2, 0xd000 | j1 << 13 | j2 << 11 | (offset >> 1 & 0x7ff));
    return address + 4 + 1;
}

static uint32_t put_blx(uint32_t address) /* by r3 */
{
    put_halfword(address, 0x4798);
    return address + 2 + 1;
}

static uint32_t relative(uint32_t from, uint32_t to)
{
    return (to - from) & 0x7fffffff;
}

/* What the index says of a function; a word that is not the ABI's stands in the table itself. */
static void set_opcodes(unsigned function, uint32_t word)
{
    put(INDEX + 8 * function + 4, word);
}

static void set_table(unsigned function, uint32_t first, uint32_t second)
{
    const uint32_t address = INDEX + 8 * function + 4;
    put(TABLE, first);
    put(TABLE + 4, second);
    put(TABLE + 8, 0xa8b0b0b0); /* pop {r4, r14} */
    put(address, relative(address, TABLE));
}

static int clear(void **state)
{
    (void)state;
    memset(words, 0, sizeof words);
    for (unsigned i = 0; i <= FUNCTION_COUNT; i++) {
        put(INDEX + 8 * i, relative(INDEX + 8 * i, FUNCTION(i)));
        set_opcodes(i, i == FUNCTION_COUNT ? CANTUNWIND : POP_R4_LR);
    }
    return 0;
}

/* A frame in the middle of CODE, each register with a number of its own; a stack of numbers. */
static arm_ehabi_regs make_regs(void)
{
    arm_ehabi_regs regs = {.known = ARM_EHABI_KEPT};
    for (unsigned i = 0; i < 16; i++)
        regs.r[i] = 0x1000 + i;
    regs.r[SP] = STACK;
    regs.r[PC] = FUNCTION(CODE) + 0x90;
    for (uint32_t address = STACK; address < STACK_END; address += 4)
        put(address, address >> 1 & ~1u);
    return regs;
}

/* The frame is the last: false, and the registers are as before. */
static void expect_end(const arm_ehabi_regs *regs)
{
    arm_ehabi_regs copy = *regs;
    assert_false(arm_ehabi_up(&memory, &copy));
    assert_memory_equal(&copy, regs, sizeof copy);
}

static void expect_up(arm_ehabi_regs *regs, uint32_t return_address, uint32_t sp)
{
    assert_true(arm_ehabi_up(&memory, regs));
    assert_int_equal(regs->r[PC], (return_address & ~1u) - 1);
    assert_int_equal(regs->r[SP], sp);
    assert_int_equal(regs->known & ~MASK(SP) & ~MASK(PC), ARM_EHABI_KEPT);
}

static void opcodes(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, second; /* second: the opcodes lie in the table */
        uint32_t return_at, sp, r4_at; /* offsets on the stack */
    } cases[] = {
        {0x80a8b0b0, 0, 4, 8, 0},           /* pop {r4, r14} */
        {0x80afb0b0, 0, 32, 36, 0},         /* pop {r4-r11, r14} */
        {0x8085ffb0, 0, 36, 40, 0},         /* pop {r4-r12, r14} */
        {0x808801b0, 0, 4, 8, 0},           /* pop {r4, r15} */
        {0x8003a8b0, 0, 20, 24, 16},        /* sp += 16 */
        {0x803fa8b0, 0, 260, 264, 256},     /* sp += 256 */
        {0x804105a8, 0, 20, 24, 16},        /* sp -= 8, sp += 24, no finish */
        {0x80c983a8, 0, 36, 40, 32},        /* vpop {d8-d11} */
        {0x80c91ea8, 0, 124, 128, 120},     /* vpop {d1-d15} */
        {0x80d2a8b0, 0, 28, 32, 24},        /* vpop {d8-d10} */
        {0x80d7a8b0, 0, 68, 72, 64},        /* vpop {d8-d15} */
        {0x8097a8b0, 0, 0x404, 0x408, 0x400}, /* sp = r7 */
        {0x8101b10f, 0xa8b0b0b0, 20, 24, 16}, /* pop {r0-r3} */
        {0x8201b10f, 0xa8b0b0b0, 20, 24, 16},
        {0x8101b281, 0x01a8b0b0, 0x40c, 0x410, 0x408}, /* sp += 0x204 + 129 * 4 */
        {0x8102b281, 0x80808000, 0x20c, 0x210, 0x208}, /* the same with leading zeroes: 1 * 4 */
        {0x8100a8b0, CANTUNWIND, 4, 8, 0},  /* the second word is none of it */
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        arm_ehabi_regs regs = make_regs();
        const uint32_t call = FUNCTION(3) + 0x10 + 2 * (uint32_t)(i % 2);
        const uint32_t return_address = put_bl(call, FUNCTION(CODE));
        regs.r[7] = STACK + 0x400;
        put(STACK + cases[i].return_at, return_address);
        if (cases[i].second != 0)
            set_table(CODE, cases[i].first, cases[i].second);
        else
            set_opcodes(CODE, cases[i].first);
        expect_up(&regs, return_address, STACK + cases[i].sp);
        assert_int_equal(regs.r[4], (STACK + cases[i].r4_at) >> 1 & ~1u);
    }
    arm_ehabi_regs regs = make_regs();
    const uint32_t return_address = put_blx(FUNCTION(3) + 0x10);
    set_opcodes(CODE, 0x808601b0); /* pop {r4, r13, r14} */
    put(STACK + 4, STACK + 0x40);
    put(STACK + 8, return_address);
    expect_up(&regs, return_address, STACK + 0x40);
}

static void refused_opcodes(void **state)
{
    (void)state;
    static const uint32_t refused[][2] = {
        {0x808000b0, 0},                                           /* "refuse to unwind" */
        {0x809da8b0, 0}, {0x809fa8b0, 0}, {0x8090a8b0, 0},         /* sp = sp, pc, r0 (not known) */
        {0x8101b100, 0xa8b0b0b0}, {0x8101b110, 0xa8b0b0b0},        /* spare */
        {0x8102b280, 0x80808080}, {0x80b2a8b0, 0}, {0x80a8b280, 0}, /* numbers without an end */
        {0x80b300a8, 0}, {0x80b4a8b0, 0}, {0x80b8a8b0, 0}, /* FSTMX, an authentication code */
        {0x80c0a8b0, 0}, {0x80c600a8, 0}, {0x80c701a8, 0},         /* iWMMXt */
        {0x80c800a8, 0}, {0x80c9f1a8, 0},                          /* beyond d15 */
        {0x80caa8b0, 0}, {0x80d8a8b0, 0}, {0x80e0a8b0, 0}, {0x80ffa8b0, 0},
        {0x8000a8c9, 0}, {0x80000088, 0}, {0x800001b1, 0},         /* an operand is missing */
        {0x8100a8b0, 0}, {0x8200a8b0, 0}, {0x83a8b0b0, 0}, {0x90a8b0b0, 0}, {0xffa8b0b0, 0},
        {0x83a8b0b0, 1}, {0x00a8b0b0, 1}, {0x40000000, 0xa8b0b0b0}, /* personalities of others */
    };
    arm_ehabi_regs regs = make_regs();
    const uint32_t return_address = put_bl(FUNCTION(3) + 0x10, FUNCTION(CODE));
    for (uint32_t address = STACK; address < STACK_END; address += 4)
        put(address, return_address);
    for (size_t i = 0; i < FA_ARRAY_COUNT(refused); i++) {
        if (refused[i][1] != 0)
            set_table(CODE, refused[i][0], refused[i][1]);
        else
            set_opcodes(CODE, refused[i][0]);
        expect_end(&regs);
    }
    set_opcodes(CODE, CANTUNWIND);
    expect_end(&regs);
    set_opcodes(CODE, POP_R4_LR);
    expect_up(&regs, return_address, STACK + 8);
}

/* Each function has opcodes of its own: the right ones are found from first byte to last. */
static void the_index(void **state)
{
    (void)state;
    static const uint32_t offsets[] = {2, 3, FUNCTION_BYTES / 2, FUNCTION_BYTES - 1};
    for (unsigned function = 0; function < FUNCTION_COUNT; function++)
        set_opcodes(function, 0x8000a8b0 | function << 16);
    const uint32_t return_address = put_blx(FUNCTION(1) + 0x40);
    for (unsigned function = 0; function < FUNCTION_COUNT; function++)
        for (size_t i = 0; i < FA_ARRAY_COUNT(offsets); i++) {
            arm_ehabi_regs regs = make_regs();
            regs.r[PC] = FUNCTION(function) + offsets[i];
            put(STACK + 4 * function + 8, return_address);
            expect_up(&regs, return_address, STACK + 4 * function + 12);
        }
    arm_ehabi_regs regs = make_regs();
    for (uint32_t address = STACK; address < STACK_END; address += 4)
        put(address, return_address);
    static const uint32_t outside[] = {0, 1, BASE - 1, FUNCTION(FUNCTION_COUNT), STACK, UINT32_MAX};
    for (size_t i = 0; i < FA_ARRAY_COUNT(outside); i++) {
        regs.r[PC] = outside[i];
        expect_end(&regs);
    }
    const arm_ehabi_memory empty = {read_word, INDEX, INDEX};
    const arm_ehabi_memory unreadable = {read_word, 0x1000, 0x2000};
    regs.r[PC] = FUNCTION(CODE) + 2;
    assert_false(arm_ehabi_up(&empty, &regs));
    assert_false(arm_ehabi_up(&unreadable, &regs));
}

static void damaged_stacks(void **state)
{
    (void)state;
    const uint32_t return_address = put_bl(FUNCTION(3) + 0x10, FUNCTION(CODE));
    const uint32_t wrong[] = {0, 1, 2, 3, 4, 5, UINT32_MAX, STACK_END + 1,
                              FUNCTION(3) + 0x41, FUNCTION(3) + 0x40,
                              return_address - 1, return_address - 2, return_address + 2};
    arm_ehabi_regs regs = make_regs();
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++) {
        put(STACK + 4, wrong[i]);
        expect_end(&regs);
    }
    put(STACK + 4, return_address);
    static const uint32_t stacks[] = {0, 1, STACK + 1, STACK + 2, STACK_END, STACK_END - 4,
                                      UINT32_MAX, UINT32_MAX - 3};
    for (size_t i = 0; i < FA_ARRAY_COUNT(stacks); i++) {
        regs.r[SP] = stacks[i];
        expect_end(&regs);
    }
    /* Not up: to where it was, down, around the end of the address space. */
    regs = make_regs();
    put(STACK + 4, return_address);
    put(STACK + 0x104, return_address);
    regs.r[SP] = STACK + 0x100;
    static const uint32_t downwards[] = {0x8041a8b0, 0x8097a8b0, 0x807fa8b0};
    regs.r[7] = STACK;
    for (size_t i = 0; i < FA_ARRAY_COUNT(downwards); i++) {
        set_opcodes(CODE, downwards[i]);
        for (uint32_t address = STACK; address < STACK_END; address += 4)
            put(address, return_address);
        expect_end(&regs);
    }
}

/* The calls that a return address may follow, at both alignments, and in ARM code. */
static void calls(void **state)
{
    (void)state;
    for (uint32_t place = 0; place < 4; place += 2) {
        const uint32_t address = FUNCTION(2) + 0x20 + place;
        arm_ehabi_regs regs = make_regs();
        put(STACK + 4, put_bl(address, FUNCTION(9)));
        expect_up(&regs, address + 4, STACK + 8);
        regs = make_regs();
        put(STACK + 4, put_blx(address));
        expect_up(&regs, address + 2, STACK + 8);
        regs = make_regs();
        put_halfword(address, 0xf000); /* BLX to ARM code */
        put_halfword(address + 2, 0xe800);
        put(STACK + 4, address + 5);
        expect_up(&regs, address + 4, STACK + 8);
    }
    static const uint32_t arm[] = {0xeb000010, 0x0b000010, 0xfa000010, 0xfb000010, 0xe12fff33};
    for (size_t i = 0; i < FA_ARRAY_COUNT(arm); i++) {
        arm_ehabi_regs regs = make_regs();
        put(FUNCTION(2) + 0x40, arm[i]);
        put(STACK + 4, FUNCTION(2) + 0x44);
        expect_up(&regs, FUNCTION(2) + 0x44, STACK + 8);
        regs = make_regs();
        put(STACK + 4, FUNCTION(2) + 0x46);
        expect_end(&regs);
    }
}

/* A call that never returns may be a function's last instruction. */
static void calls_that_never_return(void **state)
{
    (void)state;
    arm_ehabi_regs regs = make_regs();
    const uint32_t return_address = put_bl(FUNCTION(4) - 4, FUNCTION(CODE));
    const uint32_t next = put_bl(FUNCTION(1) + 8, FUNCTION(3));
    set_opcodes(3, 0x8003a8b0);
    put(STACK + 4, return_address);
    put(STACK + 8 + 20, next);
    expect_up(&regs, return_address, STACK + 8);
    expect_up(&regs, next, STACK + 8 + 24);
}

/* The link register is good for one frame. */
static void functions_that_call_nothing(void **state)
{
    (void)state;
    arm_ehabi_regs regs = make_regs();
    regs.r[LR] = put_blx(FUNCTION(3) + 0x20);
    set_opcodes(CODE, 0x80b0b0b0);
    set_opcodes(3, 0x80b0b0b0);
    expect_end(&regs);
    regs.known |= MASK(LR);
    expect_up(&regs, regs.r[LR], STACK);
    expect_end(&regs);
    regs = make_regs();
    regs.known |= MASK(LR);
    regs.r[LR] = put_blx(FUNCTION(3) + 0x20);
    set_opcodes(CODE, 0x800fb0b0); /* variables of 64 bytes */
    expect_up(&regs, regs.r[LR], STACK + 64);
    regs = make_regs();
    regs.known |= MASK(LR);
    regs.r[LR] = put_blx(FUNCTION(3) + 0x20);
    regs.r[7] = STACK + 66;
    set_opcodes(CODE, 0x8097b0b0); /* sp = r7, which is none */
    expect_up(&regs, regs.r[LR], STACK);
}

/* push {r4-r7, lr}; vpush {d8-d9}; sub sp, #264: the opcodes 3f 01, d1, ab. What the caller has on
 * its stack looks like return addresses, and when it is the same function, one is the same. */
static void prologues(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, pushed;
        bool recursion;
    } cases[] = {{0, 0, false},   {0, 0, true},   {2, 0, false},    {2, 0, false},
                 {2, 20, false},  {2, 20, true},  {6, 36, false},   {6, 36, true},
                 {14, 300, false}, {14, 300, true}, {0x90, 300, false}, {0x90, 300, true}};
    set_table(CODE, 0x81013f01, 0xd1abb0b0);
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        arm_ehabi_regs regs = make_regs();
        const uint32_t top = STACK + 0x400; /* where the caller's frame begins */
        const uint32_t from = cases[i].recursion ? FUNCTION(CODE) + 0x60
                              : i % 2 == 0 ? FUNCTION(3) + 0x60 : FUNCTION(10) + 0x60;
        const uint32_t return_address = put_bl(from, FUNCTION(CODE));
        const uint32_t other = put_bl(FUNCTION(8) + 0x10, FUNCTION(9));
        for (uint32_t address = top; address < top + 300; address += 4)
            put(address, other);
        if (cases[i].recursion)
            put(top + 300 - 4, return_address);
        put(top - 4, return_address);
        regs.known |= MASK(LR);
        regs.r[LR] = return_address;
        regs.r[PC] = FUNCTION(CODE) + cases[i].offset;
        regs.r[SP] = top - cases[i].pushed;
        if (cases[i].pushed >= 20) {
            put(top - 8, 0x7777); /* r7 */
            regs.r[7] = 0x7777;
        }
        expect_up(&regs, return_address, top);
        assert_int_equal(regs.r[7], cases[i].pushed >= 20 ? 0x7777 : 0x1007);
    }
}

/* After a call, the link register is what that call's callees left. */
static void stale_link_registers(void **state)
{
    (void)state;
    for (uint32_t offset = 0x20; offset < FUNCTION_BYTES; offset += 0x20) {
        arm_ehabi_regs regs = make_regs();
        const uint32_t return_address = put_bl(FUNCTION(3) + 0x10, FUNCTION(CODE));
        const uint32_t lrs[] = {put_bl(FUNCTION(8) + 0x10, FUNCTION(9)),
                                put_blx(FUNCTION(8) + 0x20),
                                put_bl(FUNCTION(CODE) + 0x10, FUNCTION(8)),
                                put_bl(FUNCTION(CODE) + 0x18, FUNCTION(CODE)),
                                0x1234567, FUNCTION(2)};
        for (size_t i = 0; i < FA_ARRAY_COUNT(lrs); i++) {
            regs = make_regs();
            put(STACK + 4, return_address);
            regs.r[PC] = FUNCTION(CODE) + offset;
            regs.known |= MASK(LR);
            regs.r[LR] = lrs[i];
            expect_up(&regs, return_address, STACK + 8);
        }
    }
}

/* Without a table, by the link register; what was pushed shows in the caller's frame. */
static void assembler(void **state)
{
    (void)state;
    set_opcodes(CODE, CANTUNWIND);
    for (uint32_t pushed = 0; pushed <= 64; pushed += 4) {
        arm_ehabi_regs regs = make_regs();
        const uint32_t return_address = put_bl(FUNCTION(3) + 0x10, FUNCTION(CODE));
        const uint32_t above = put_bl(FUNCTION(2) + 0x10, FUNCTION(3));
        const uint32_t stale = put_bl(FUNCTION(2) + 0x20, FUNCTION(6));
        for (uint32_t i = 0; i < pushed; i += 8)
            put(STACK + i, stale);
        put(STACK + pushed + 4, above);
        regs.known |= MASK(LR);
        regs.r[LR] = return_address;
        expect_up(&regs, return_address, STACK + pushed);
        expect_up(&regs, above, STACK + pushed + 8);
    }
    arm_ehabi_regs regs = make_regs(); /* nothing there: as it stands */
    regs.known |= MASK(LR);
    regs.r[LR] = put_bl(FUNCTION(3) + 0x10, FUNCTION(CODE));
    expect_up(&regs, regs.r[LR], STACK);
    expect_end(&regs);
    regs = make_regs();
    regs.known |= MASK(LR);
    expect_end(&regs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(opcodes, clear),
        cmocka_unit_test_setup(refused_opcodes, clear),
        cmocka_unit_test_setup(the_index, clear),
        cmocka_unit_test_setup(damaged_stacks, clear),
        cmocka_unit_test_setup(calls, clear),
        cmocka_unit_test_setup(calls_that_never_return, clear),
        cmocka_unit_test_setup(functions_that_call_nothing, clear),
        cmocka_unit_test_setup(prologues, clear),
        cmocka_unit_test_setup(stale_link_registers, clear),
        cmocka_unit_test_setup(assembler, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
