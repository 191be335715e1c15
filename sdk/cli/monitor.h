/* SPDX-License-Identifier: ISC */
/*
 * A line to QEMU's monitor, over which a guest that took too long is asked where it is.
 *
 *     int far_end;
 *     int monitor = monitor_open(&far_end);             // far_end is for the child, which inherits it
 *     monitor_add(far_end, &argv);
 *     if (monitor_where(monitor, &where)) use(where.address);
 */
#ifndef FATA_CLI_MONITOR_H
#define FATA_CLI_MONITOR_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

struct monitor_place {
    uint64_t address; /* of the instruction that is next */
    bool is_halted;   /* it waits for an interrupt (told on x86 alone) */
};

int monitor_open(int *far_end_out);

/* QEMU's options for a monitor at the inherited descriptor `far_end`. */
void monitor_add(int far_end, struct words *argv);

/* False: no answer within a second. */
bool monitor_where(int monitor, struct monitor_place *place_out);

#endif
