/* SPDX-License-Identifier: ISC */
/* Xen's console: two rings in a page that a program of another domain (xenconsoled) reads and
 * fills. Written to it can be from the moment on that its page is mapped. */
#ifndef FATA_DRIVERS_XEN_CONSOLE_H
#define FATA_DRIVERS_XEN_CONSOLE_H

#include "xen.h"

/* The frame number of its page. FA_ENOENT: this domain has no such console. */
FA_MUST_CHECK fa_err xen_console_find(uint64_t *frame_out);
/* Uses the page found, mapped and cached. Again after a resume, with what is found then. */
void xen_console_open(void *page);

/* As plat_console_write() and plat_console_read(); nothing without a page. */
void xen_console_write(const char *bytes, size_t len);
size_t xen_console_read(char *bytes_out, size_t cap);
/* Has `arrived` called by xen_events_poll() when there is something to read. False: it cannot be. */
bool xen_console_listen(void (*arrived)(void));
/* Waits, for a bounded time, until all that was written has been taken. */
void xen_console_drain(void);

#endif
