/* SPDX-License-Identifier: ISC */
/* A machine that was saved and goes on later, perhaps elsewhere, perhaps more than once: who keeps what
 * is true for one machine at one time only compares this with what it was then. */
#ifndef FATA_CORE_RESUMED_H
#define FATA_CORE_RESUMED_H

/* How often the machine was saved; the board counts. */
extern unsigned fa_resumed_count;

#endif
