/* SPDX-License-Identifier: ISC */
/* The surroundings of a core module under test: a console that is kept, a clock that is set, and
 * panics that expect_assert_failure() catches. */
#ifndef FATA_TESTS_UNIT_HOST_H
#define FATA_TESTS_UNIT_HOST_H

#include <fata/base.h>

#define HOST_CONSOLE_BYTES ((size_t)8192)

extern char host_console[HOST_CONSOLE_BYTES]; /* NUL-terminated */
extern size_t host_console_len;
void host_console_clear(void);

extern uint64_t host_mono_ns;
extern uint64_t host_wall_ns;

/* What the last fa_panic() said; an assertion leaves it as it is. */
extern char host_panic[256];

#endif
