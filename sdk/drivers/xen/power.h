/* SPDX-License-Identifier: ISC */
/* The end of a domain. */
#ifndef FATA_DRIVERS_XEN_POWER_H
#define FATA_DRIVERS_XEN_POWER_H

#include "xen.h"

/* Tells Xen, and through it the domain's owner, why it ends (XEN_SHUTDOWN_...), once the console has
 * been read. Returns only if Xen refuses. */
void xen_shutdown(uint32_t reason);
/* The same by the exit status of the program: a crash for FA_EXIT_CRASH, else power-off, or a reboot if
 * the domain's owner has asked for it. */
void xen_exit(int status);
void xen_exit_reboots(void);

/* Stops for the domain's owner to save it; returns when it runs again. *is_another_out: as another
 * domain, in which nothing of what Xen had for this one is left; else the save is a copy, or was given
 * up. Xen's refusals. */
FA_MUST_CHECK fa_err xen_suspend(bool *is_another_out);

#endif
