/* SPDX-License-Identifier: ISC */
/* From an address to its source line, by the binutils' addr2line. */
#ifndef FATA_CLI_SYMBOLS_H
#define FATA_CLI_SYMBOLS_H

#include "text.h"

#include <stdint.h>

/*
 * Adds a line `    function at file:line`, and one for each function it was inlined into, when `debug_elf` tells them;
 * else nothing. Takes 2 seconds at most. Files below the current folder or the SDK's are named relative to it.
 */
void symbols_describe(const char *debug_elf, uint64_t address, struct text *out);

#endif
