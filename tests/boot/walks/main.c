/* SPDX-License-Identifier: ISC */
/* Crashes below frames of every shape, to see that the report names each function on the way up:
 * `--walk` names the shape. */
#include <fata/fata.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_PARAM_STRING(walk, "walk", "none", "through which frames");

#define OWN_FRAME __attribute__((noinline, noclone))
#define DEPTH 5
#define LARGE_BYTES 9000 /* more than a page: the compiler probes the stack */
/* Where nothing is, on any machine. */
#define WILD ((char *)(uintptr_t)(sizeof(void *) == 4 ? 0x12345000 : 0x123456789000))

static volatile int one = 1;
static volatile double kept;

/* Returns, as far as the compiler knows: what calls it does not end there. */
OWN_FRAME static int bottom(void *what)
{
    if (one)
        fa_panic("the bottom, with %p", what);
    return one;
}

OWN_FRAME static int recursive(int depth)
{
    return depth == 1 ? bottom(NULL) + 1 : recursive(depth - 1) + depth;
}

OWN_FRAME static int variable(int len)
{
    char room[len * 8];
    room[0] = 1;
    return bottom(room) + room[0];
}

OWN_FRAME static int large(int index)
{
    char room[LARGE_BYTES];
    room[index] = 1;
    return bottom(room) + room[index];
}

OWN_FRAME static double floating(double a, double b, double c, double d)
{
    const int i = bottom(NULL);
    return a * b + c * d + i;
}

OWN_FRAME static int variadic(int count, ...)
{
    va_list args;
    va_start(args, count);
    int sum = 0;
    while (count-- > 0)
        sum += va_arg(args, int);
    sum += bottom(&sum);
    va_end(args);
    return sum;
}

/* Its last instruction is a call. */
FA_NORETURN OWN_FRAME static void never_returning(int depth)
{
    one = depth;
    fa_panic("it never returns");
}

OWN_FRAME static int ending(int depth)
{
    if (depth > 0)
        never_returning(depth);
    return bottom(NULL);
}

OWN_FRAME static int compare(const void *a, const void *b)
{
    return bottom(NULL) + *(const char *)a - *(const char *)b;
}

OWN_FRAME static int sorting(int n)
{
    char text[] = "ba";
    qsort(text, 2, 1, compare);
    return text[0] + n;
}

OWN_FRAME static int filling(int n)
{
    memset(WILD, one, 1000 + (size_t)n);
    return one;
}

OWN_FRAME static int copying(int n)
{
    static char room[2000];
    memcpy(WILD, room, 1000 + (size_t)n);
    return one;
}

OWN_FRAME static int measuring(int n)
{
    return (int)strlen(WILD + n);
}

/* Faults before anything of its frame is made, when the compiler delays that. */
OWN_FRAME static int beginning(volatile int *wild)
{
    const int value = *wild;
    if (value != 0)
        return bottom(NULL) + bottom(NULL) + value;
    return value;
}

OWN_FRAME static int go(void)
{
    if (strcmp(walk, "recursive") == 0)
        return recursive(DEPTH) + one;
    if (strcmp(walk, "variable") == 0)
        return variable(DEPTH) + one;
    if (strcmp(walk, "large") == 0)
        return large(DEPTH) + one;
    if (strcmp(walk, "floating") == 0)
        kept = floating(1, kept, 2, kept) + one;
    if (strcmp(walk, "variadic") == 0)
        return variadic(3, one, 2, 3) + one;
    if (strcmp(walk, "ending") == 0)
        return ending(DEPTH) + one;
    if (strcmp(walk, "sorting") == 0)
        return sorting(DEPTH) + one;
    if (strcmp(walk, "filling") == 0)
        return filling(DEPTH) + one;
    if (strcmp(walk, "copying") == 0)
        return copying(DEPTH) + one;
    if (strcmp(walk, "measuring") == 0)
        return measuring(DEPTH) + one;
    if (strcmp(walk, "beginning") == 0)
        return beginning((volatile int *)(void *)WILD) + one;
    return 0;
}

int main(void)
{
    printf("not caught: %s, %d\n", walk, go());
    return 1;
}
