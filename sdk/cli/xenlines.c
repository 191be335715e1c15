/* SPDX-License-Identifier: ISC */
/* Xen's lines and a guest's: see xenlines.h. */
#include "xenlines.h"

#include <string.h>

#define XEN_PREFIX "(XEN) "
#define GUEST_PREFIX "DOM1: "
#define SWITCHED "*** Serial input to DOM1"
#define BOOTED " init memory." /* behind "Freed 324kB": Xen's last line at boot */

static const char *behind(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : NULL;
}

static void add_log(struct xen_lines *lines)
{
    struct text *log = &lines->log;

    if (log->len > XEN_LINES_LOG_BYTES_MAX) {
        const char *half = memchr(log->bytes + log->len / 2, '\n', log->len - log->len / 2);
        size_t gone = half != NULL ? (size_t)(half + 1 - log->bytes) : log->len;

        memmove(log->bytes, log->bytes + gone, log->len - gone + 1);
        log->len -= gone;
    }
    text_addf(log, "%s\n", lines->line);
}

/* Passes on what is there of a line, as the guest's. */
static void pass_piece(struct xen_lines *lines, struct text *guest)
{
    const char *text = lines->is_guests ? NULL : behind(lines->line, XEN_PREFIX);
    const char *more = text != NULL ? behind(text, GUEST_PREFIX) : NULL;

    text = more != NULL ? more : text != NULL ? text : lines->line;
    text_add_bytes(guest, text, lines->len - (size_t)(text - lines->line));
    lines->is_guests = true;
    lines->len = 0;
}

/* The line without its LF. A guest's line of more than 126 bytes comes in pieces, before its input is switched: such a
 * piece has no CR of the guest's at its end. */
static void end_line(struct xen_lines *lines, struct text *guest)
{
    size_t returns = 0;
    const char *text;

    for (; lines->len > 0 && lines->line[lines->len - 1] == '\r'; returns++) {
        lines->len--;
    }
    lines->line[lines->len] = '\0';
    text = behind(lines->line, XEN_PREFIX);
    lines->is_switched |= text != NULL && behind(text, SWITCHED) != NULL;
    lines->is_booted |= text != NULL && strstr(text, BOOTED) != NULL;
    lines->listens = lines->is_switched && lines->is_booted;
    if (lines->is_guests || returns > 1 || (text != NULL && behind(text, GUEST_PREFIX) != NULL)) {
        pass_piece(lines, guest);
        text_add(guest, returns > 1 ? "\n" : "");
    } else {
        add_log(lines);
        lines->crashed |= strstr(lines->line, "domain_crash called") != NULL ||
                          strstr(lines->line, XEN_PREFIX "Reboot in five seconds") != NULL;
    }
    lines->is_guests = false;
    lines->len = 0;
}

/* A piece of a line is not passed on while it may be Xen's prefix, or Xen's own line. */
static bool may_pass(const struct xen_lines *lines)
{
    return lines->listens && (lines->is_guests ? lines->len > 0 : lines->len > sizeof XEN_PREFIX - 1);
}

void xen_lines_take(struct xen_lines *lines, const char *bytes, size_t len, int64_t now_ms, struct text *guest_out)
{
    text_add(guest_out, "");
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n') {
            end_line(lines, guest_out);
            continue;
        }
        if (lines->len == XEN_LINES_PIECE_BYTES) {
            pass_piece(lines, guest_out);
        }
        lines->line[lines->len++] = bytes[i];
        lines->line[lines->len] = '\0';
    }
    lines->due_ms = may_pass(lines) ? now_ms + XEN_LINES_QUIET_MS : 0;
}

void xen_lines_rest(struct xen_lines *lines, int64_t now_ms, struct text *guest_out)
{
    text_add(guest_out, "");
    if (lines->due_ms == 0 || now_ms < lines->due_ms) {
        return;
    }
    lines->due_ms = 0;
    /* CRs at the end are the line's end, of which the rest is still to come. */
    if (lines->line[lines->len - 1] != '\r') {
        pass_piece(lines, guest_out);
    }
}
