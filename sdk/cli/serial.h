/* SPDX-License-Identifier: ISC */
/*
 * Serial ports: an adapter's or QEMU's terminal, or a socket of QEMU's. 8 bits, no parity, one stop bit, no flow control; of
 * one program at a time.
 */
#ifndef FATA_CLI_SERIAL_H
#define FATA_CLI_SERIAL_H

#include "text.h"

#include <stdbool.h>

/* Whether a port can have this speed, in bits a second. */
bool serial_has_speed(unsigned long speed);

/* A descriptor that does not block, or -1: errno says why (EBUSY: another program has it). */
int serial_open(const char *path, unsigned long speed);

/* The paths of the serial adapters that are plugged in. `root` is "", or a folder with `dev` for tests. */
void serial_adapters(const char *root, struct words *paths_out);

#endif
