/* SPDX-License-Identifier: ISC */
/* Does what no program should, to see that it is caught: `--fault` names what. Each fault lies in a
 * function of its own, whose name the symbolised report must show. */
#include <assert.h>
#include <fata/fata.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_PARAM_STRING(fault, "fault", "none", "what to do wrong");

/* Addresses where nothing is, on any machine. */
#define WILD(address, address_of_32_bits) (sizeof(void *) == 4 ? (uintptr_t)(address_of_32_bits) : (uintptr_t)(address))

static void wild_write(void)
{
    volatile int *volatile wild = (volatile int *)WILD(0x123456789000, 0x12345000);
    *wild = 1;
}

static void wild_read(void)
{
    volatile int *volatile wild = (volatile int *)WILD(0x7654321000, 0x23456000);
    (void)*wild;
}

static void null_read(void)
{
    volatile int *volatile null = (volatile int *)(uintptr_t)8;
    (void)*null;
}

static void null_call(void)
{
    void (*volatile nowhere)(void) = NULL;
    nowhere();
}

static unsigned recurse(volatile unsigned depth)
{
    volatile char room[256];
    memset((char *)room, (int)depth, sizeof room);
    return depth == 0 ? 0 : recurse(depth + 1) + (unsigned char)room[depth % sizeof room];
}

static void overflowing_fiber(void *arg)
{
    (void)arg;
    printf("%u\n", recurse(1));
}

static void stack_overflow(void)
{
    fa_scope scope;
    fa_scope_open(&scope);
    if (fa_scope_spawn(&scope, "overflowing", overflowing_fiber, NULL) == FA_OK)
        printf("%s\n", fa_err_text(fa_scope_wait(&scope, FA_FOREVER)));
    fa_scope_close(&scope);
}

static void write_to_code(void)
{
    *(volatile char *)(uintptr_t)write_to_code = 0;
}

static void write_to_constant(void)
{
    static const char constant[] = "constant";
    *(volatile char *)(uintptr_t)constant = 0;
}

static void jump_to_data(void)
{
    static unsigned char ret[] = {0xc3, 0xc3, 0xc3, 0xc3};
    ((void (*)(void))(uintptr_t)ret)();
}

static void jump_to_heap(void)
{
    unsigned char *ret = malloc(16);
    memset(ret, 0xc3, 16);
    ((void (*)(void))(uintptr_t)ret)();
}

static void jump_to_stack(void)
{
    volatile unsigned char ret[] = {0xc3, 0xc3, 0xc3, 0xc3};
    ((void (*)(void))(uintptr_t)ret)();
}

static void divide_by_zero(void)
{
    volatile int zero = 0;
    printf("%d\n", 100 / zero);
}

static void invalid_opcode(void)
{
    __builtin_trap();
}

static void panics(void)
{
    fa_panic("the answer is %d", 42);
}

static void asserts(void)
{
    fa_assert(1 + 1 == 3);
}

static void libc_asserts(void)
{
    assert(1 + 1 == 3);
}

static void aborts(void)
{
    abort();
}

static void smashes_the_stack(void)
{
    volatile char room[16];
    for (volatile size_t i = 0; i < 64; i++)
        room[i] = (char)i;
    printf("%d\n", room[0]);
}

static void frees_twice(void)
{
    void *volatile memory = malloc(100);
    free(memory);
    free(memory);
}

static void deadlocks(void)
{
    static fa_waitq never;
    printf("%s\n", fa_err_text(fa_waitq_wait(&never, FA_FOREVER)));
}

static const struct {
    const char *name;
    void (*run)(void);
} faults[] = {
    {"wild-write", wild_write},       {"wild-read", wild_read},
    {"null-read", null_read},         {"null-call", null_call},
    {"stack-overflow", stack_overflow}, {"write-code", write_to_code},
    {"write-constant", write_to_constant}, {"jump-data", jump_to_data},
    {"jump-heap", jump_to_heap},      {"jump-stack", jump_to_stack},
    {"divide", divide_by_zero},       {"opcode", invalid_opcode},
    {"panic", panics},                {"fa-assert", asserts},
    {"assert", libc_asserts},         {"abort", aborts},
    {"smash", smashes_the_stack},     {"double-free", frees_twice},
    {"deadlock", deadlocks},
};

int main(void)
{
    for (size_t i = 0; i < FA_ARRAY_COUNT(faults); i++)
        if (strcmp(fault, faults[i].name) == 0) {
            printf("doing: %s\n", fault);
            faults[i].run();
            printf("not caught: %s\n", fault);
            return 1;
        }
    for (size_t i = 0; i < FA_ARRAY_COUNT(faults); i++)
        printf("%s\n", faults[i].name);
    return 0;
}
