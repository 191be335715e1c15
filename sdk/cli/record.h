/* SPDX-License-Identifier: ISC */
/*
 * What the tool reads from a guest's console. A record is a whole line: `fata: exit N` (N of 0 to 255) ends a run, but
 * only as the last of all output; `fata: at 0xHEX` names an address in the guest. The stack logs `[time] info  net: A.B.C.D
 * on ...` when it has got an address of the network; of several guests, "1| " comes before the first's. U-Boot says
 * `Starting kernel ...` before it starts one. Lines end in \n; \r is ignored around them. No input or output happens here.
 *
 *     struct record_reader reader = {0};
 *     size_t len = record_read(&reader, bytes, count, &record); // consumed `len`: at most up to a line's end
 */
#ifndef FATA_CLI_RECORD_H
#define FATA_CLI_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_LINE_BYTES_MAX 512 /* a longer line is no record */

enum record_kind { RECORD_NONE, RECORD_EXIT, RECORD_ADDRESS, RECORD_NETWORK, RECORD_STARTING };

struct record {
    enum record_kind kind;
    unsigned exit;
    uint64_t address;
    uint32_t network_address; /* in host order */
};

struct record_reader {
    char line[RECORD_LINE_BYTES_MAX + 1];
    size_t len;
    bool too_long;
    bool has_exit; /* a record `fata: exit` came, and nothing after it */
    unsigned exit;
};

/* Takes bytes up to the end of a line, or all; returns how many. *record_out is what the line that ended is. */
size_t record_read(struct record_reader *reader, const char *bytes, size_t count, struct record *record_out);

#endif
