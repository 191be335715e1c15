/* SPDX-License-Identifier: ISC */
/* What the domain's owner asks it to do: the node control/shutdown of Xenstore (Xen's
 * docs/misc/xenstore-paths.pandoc), to which the toolstack writes a word: `poweroff`, `halt`, `reboot`,
 * `suspend`. */
#ifndef FATA_DRIVERS_XEN_CONTROL_H
#define FATA_DRIVERS_XEN_CONTROL_H

#include <fata/err.h>

/* Listens from now on, in a fiber; Xenstore is open. `suspend` saves the domain and returns when it
 * runs again, or an error, and then the domain has not stopped; NULL: this machine cannot. FA_ENOMEM. */
FA_MUST_CHECK fa_err xen_control_start(fa_err (*suspend)(void));

#endif
