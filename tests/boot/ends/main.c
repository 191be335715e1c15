/* SPDX-License-Identifier: ISC */
/* The ways a program ends: what atexit() and destructors print comes before the exit record, in their
 * order; the record stands on a line of its own whatever was written before; much output arrives
 * whole, however slowly it is read. */
#include <fata/fata.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

FA_PARAM_STRING(how, "how", "return", "return, exit, write, flood");

static void first(void)
{
    printf("registered first\n");
}

static void second(void)
{
    printf("registered second\n");
}

__attribute__((destructor)) static void destroy(void)
{
    printf("destroyed\n");
}

static void exits(void *arg)
{
    (void)arg;
    exit(5);
}

int main(void)
{
    if (atexit(first) != 0 || atexit(second) != 0)
        return 1;
    if (strcmp(how, "exit") == 0) {
        fa_scope scope;
        fa_scope_open(&scope);
        if (fa_scope_spawn(&scope, "exits", exits, NULL) == FA_OK)
            printf("%s\n", fa_err_text(fa_scope_wait(&scope, FA_FOREVER)));
        fa_scope_close(&scope);
    }
    if (strcmp(how, "write") == 0) {
        printf("a line\n");
        fflush(stdout);
        if (write(STDOUT_FILENO, "partial", 7) == 7)
            _exit(6);
    }
    if (strcmp(how, "flood") == 0)
        for (int i = 0; i < 6000; i++)
            printf("line %d of many that fill what lies between\n", i);
    return 4;
}
