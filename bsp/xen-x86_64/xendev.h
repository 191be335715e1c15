/* SPDX-License-Identifier: ISC */
/* The devices of a domain of Xen, for programs that use some. */
#ifndef FATA_BSP_XEN_X86_64_XENDEV_H
#define FATA_BSP_XEN_X86_64_XENDEV_H

#include <fata/err.h>

/* Opens Xenstore, once. FA_ENOENT: this is no domain of Xen, or it has no Xenstore. */
FA_MUST_CHECK fa_err xendev_start(void);
/* After a resume. */
FA_MUST_CHECK fa_err xendev_resume(void);

#endif
