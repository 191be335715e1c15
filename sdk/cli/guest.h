/* SPDX-License-Identifier: ISC */
/*
 * Runs a guest in the foreground: starts its process, passes its console on, heeds its last record, time and signals,
 * and leaves no process behind.
 */
#ifndef FATA_CLI_GUEST_H
#define FATA_CLI_GUEST_H

#include "probe.h"
#include "xenlines.h"

#include <stdbool.h>
#include <stdint.h>

struct guest_plan {
    char *const *argv;
    const char *debug_elf;    /* for the addresses in crash reports; NULL: there is none */
    int64_t timeout_ms;       /* 0: none */
    struct probe_plan probe;  /* what is asked until it answers */
    bool error_is_console;    /* standard error is the guest's console too, not its hypervisor's */
    bool console_is_serial;   /* its lines end in CR LF; they are passed on with LF alone */
    bool has_debug_exit;      /* its process ends with (N << 1 | 1) & 0xff */
    int monitor;              /* where its machine is asked where it was, when its time is over; -1: nowhere */
    int end_signal;           /* what its process is ended by */
    int64_t end_ms;           /* how long it may take from then on; 0: the usual time */
    struct xen_lines *xen;    /* its console comes among the lines of a Xen, whose own stay there; NULL: there is none */
    int64_t linger_ms;        /* how long its process may take to end itself after the last record; 0: the usual time */
    /* Tells why it took longer than `timeout_ms`, or left no last record: false when there is nothing better to say than the
     * usual words. NULL: there never is. */
    bool (*tell_why)(const void *context, bool took_too_long);
    const void *context;
    bool *was_ended_out;      /* set when a signal or its time ended it; NULL: nobody asks */
    bool has_loader;          /* U-Boot speaks first, and stops at a key */
    bool halts;               /* its process does not end by itself: it is ended soon after the last record */
};

/* Returns the tool's exit status: the guest's N, 124, 125 or 128 + a signal; 0 if it served and was ended. */
int guest_run(const struct guest_plan *plan);

#endif
