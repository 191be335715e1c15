/* SPDX-License-Identifier: ISC */
/*
 * Child processes. None outlives the tool: the kernel sends each its `death_signal` when the tool ends, however it
 * ends. Children stay in the tool's process group, so that Ctrl-C on a terminal reaches the tool, what it started and
 * the make that started it; what only the tool shall end has a group of its own.
 */
#ifndef FATA_CLI_PROCESS_H
#define FATA_CLI_PROCESS_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_plan {
    char *const *argv; /* argv[0] is looked up on the PATH */
    int output;        /* descriptors for its standard output and error, or -1 to share the tool's */
    int error;
    int input;         /* for its standard input, or 0 to share the tool's */
    int death_signal;
    bool own_group;
};

pid_t process_start(const struct process_plan *plan);

/* A wait status as a shell shows it: the exit status, or 128 + the signal's number. */
int process_shell_status(int wait_status);

/* Waits for the end of `process`; as process_shell_status(). */
int process_wait(pid_t process);

/*
 * Runs argv to its end and collects its standard output, at most `max` bytes (more is dropped). `limit_ms` bounds its
 * time (-1: none); a process that takes longer is killed. Returns as process_wait(). Its standard error is shared, or
 * dropped when `quiet`.
 */
int process_capture(char *const *argv, int limit_ms, bool quiet, size_t max, struct text *output_out);

/* Monotonic time. */
int64_t now_ms(void);

#endif
