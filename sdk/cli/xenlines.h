/* SPDX-License-Identifier: ISC */
/*
 * What comes over Xen's own serial console, where Xen and one guest without a dom0 take turns, told apart. Xen begins
 * each line with "(XEN) ", the guest's too, until input is switched to it with another "DOM1: " behind. A guest ends
 * its lines in CR LF, of which Xen makes CR CR LF; Xen's own end in CR LF. (Xen: xen/arch/arm/vpl011.c, of 4.17 to
 * 4.20; xen/drivers/char/console.c.) No input or output happens here.
 *
 *     struct xen_lines lines = {0};
 *     xen_lines_take(&lines, bytes, len, now, &guest); // adds to the text `guest`
 *     xen_lines_rest(&lines, now, &guest);             // at lines.due_ms, unless that is 0
 */
#ifndef FATA_CLI_XENLINES_H
#define FATA_CLI_XENLINES_H

#include "text.h"

#include <stdint.h>

#define XEN_LINES_PIECE_BYTES 4096 /* of a line that does not end */
#define XEN_LINES_LOG_BYTES_MAX 65536 /* of Xen's own lines: the last ones are kept */
#define XEN_LINES_QUIET_MS 20 /* so long after its begin, a line without an end is the guest's: Xen writes whole ones */
/* A guest's UART, as Xen plays it, holds 32 bytes of input, and loses more. After the machine stood still Xen takes at once
 * what its own UART holds, 16 bytes, and what waits before that: so many at a time, none before the last ones are gone,
 * and a pause. */
#define XEN_INPUT_BYTES 8
#define XEN_INPUT_PAUSE_MS 10
#define XEN_INPUT_HOLD_MS 5000 /* for a guest that says nothing: by then it has booted */
#define XEN_SWITCH_INPUT "\001\001\001" /* from Xen to the first guest, if it comes before there is one */

struct xen_lines {
    char line[XEN_LINES_PIECE_BYTES + 1];
    size_t len;
    bool is_guests;  /* of this line, some has been passed on */
    bool is_switched; /* the guest has Xen's input */
    bool is_booted;  /* Xen: a piece of a line is no more one of its boot messages that stood still */
    bool listens;    /* both */
    bool crashed;    /* Xen has ended the guest, or itself */
    int64_t due_ms;  /* when what is there of a line is to be passed on; 0: nothing */
    struct text log; /* Xen's own lines */
};

void xen_lines_take(struct xen_lines *lines, const char *bytes, size_t len, int64_t now_ms, struct text *guest_out);
void xen_lines_rest(struct xen_lines *lines, int64_t now_ms, struct text *guest_out);

#endif
