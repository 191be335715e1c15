/* SPDX-License-Identifier: ISC */
/* See makes.h. GNU make's handler of a signal first gives it back its default meaning, and then waits for the recipes
 * while it is blocked, as a handler's signal is: what /proc tells of a process has both (proc(5): SigBlk, SigIgn, SigCgt). */
#include "makes.h"

#include "text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 32 /* processes that are looked at, upwards */

/* The name and the parent of a process, from "PID (NAME) STATE PARENT ...". */
static bool read_stat(pid_t process, char name[64], pid_t *parent_out)
{
    char *path = text_format("/proc/%d/stat", (int)process);
    FILE *file = fopen(path, "re");
    char line[512];
    char *end = NULL;

    if (file != NULL && fgets(line, sizeof line, file) != NULL) {
        end = strrchr(line, ')');
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    free(path);
    return end != NULL && sscanf(line, "%*d (%63[^)]", name) == 1 && sscanf(end, ") %*c %d", parent_out) == 1;
}

static bool is_among(const char *name, const char *const names[])
{
    while (*names != NULL && strcmp(name, *names) != 0) {
        names++;
    }
    return *names != NULL;
}

void makes_find(struct makes *makes_out)
{
    static const char *const makes[] = {"make", "gmake", NULL};
    static const char *const between[] = {"sh", "dash", "bash", NULL};
    pid_t process = getppid();
    char name[64];

    makes_out->count = 0;
    if (getenv("MAKELEVEL") == NULL) {
        return;
    }
    for (unsigned i = 0; i < DEPTH_MAX && process > 1 && makes_out->count < MAKES_COUNT_MAX; i++) {
        pid_t parent;

        if (!read_stat(process, name, &parent) || (!is_among(name, makes) && !is_among(name, between))) {
            return;
        }
        if (is_among(name, makes)) {
            makes_out->process[makes_out->count++] = process;
        }
        process = parent;
    }
}

/* The signals that a process blocks, and would end by; a process that is gone has none. One that it ignores, as make does if
 * a shell began it in the background, is blocked for the moment only in which make begins a recipe. */
static uint64_t read_ending(pid_t process)
{
    char *path = text_format("/proc/%d/status", (int)process);
    FILE *file = fopen(path, "re");
    char line[256];
    uint64_t blocked = 0, ignored = 0, caught = 0;

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "SigBlk: %" SCNx64, &blocked);
        (void)sscanf(line, "SigIgn: %" SCNx64, &ignored);
        (void)sscanf(line, "SigCgt: %" SCNx64, &caught);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    free(path);
    return blocked & ~ignored & ~caught;
}

int makes_signal(const struct makes *makes)
{
    static const int signals[] = {SIGINT, SIGHUP, SIGQUIT};

    for (size_t i = 0; i < makes->count; i++) {
        uint64_t ending = read_ending(makes->process[i]);

        for (size_t j = 0; j < sizeof signals / sizeof signals[0]; j++) {
            if ((ending & UINT64_C(1) << (signals[j] - 1)) != 0) {
                return signals[j];
            }
        }
    }
    return 0;
}
