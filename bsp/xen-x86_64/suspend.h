/* SPDX-License-Identifier: ISC */
/* Saving a domain of Xen, by which it may go on later, or on another host. */
#ifndef FATA_BSP_XEN_X86_64_SUSPEND_H
#define FATA_BSP_XEN_X86_64_SUSPEND_H

#include <fata/err.h>

/* Stops the domain for its owner to save, and returns when it runs again, here or as another domain,
 * with its devices on their way. For a fiber, while no other stands in a driver: between two waits that
 * is always so. An error: Xen has refused. */
FA_MUST_CHECK fa_err suspend_domain(void);

#endif
