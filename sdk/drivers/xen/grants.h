/* SPDX-License-Identifier: ISC */
/* Grants: pages of ours that another domain may use, and pages of others. A grant is a reference, a
 * number that the other domain is told. Only whole pages that hold nothing else are granted. While
 * the other domain has the page mapped the grant cannot be ended, and the page not be used for
 * anything else: xen_grant_abandon() keeps both aside until it is free. A reference may be given,
 * ended and given again as often as one likes.
 *
 *     err = xen_grant_reserve(&ref);
 *     xen_grant_give(ref, backend_domain, page_addr, true);
 *     ... the other domain is told of `ref`, and is done with it ...
 *     if (xen_grant_end(ref))
 *         xen_grant_release(ref);
 */
#ifndef FATA_DRIVERS_XEN_GRANTS_H
#define FATA_DRIVERS_XEN_GRANTS_H

#include "../../../bsp/plat.h"
#include "xen.h"

/* A reference that is nobody else's. FA_ELIMIT: Xen gives this domain no more; FA_ENOMEM; Xen's
 * refusals. */
FA_MUST_CHECK fa_err xen_grant_reserve(uint32_t *ref_out);
/* Lets `domain` use the page in which the address lies, from now on. */
void xen_grant_give(uint32_t ref, uint16_t domain, plat_dma_addr page, bool is_writable);
/* Takes it back; true also if it was not given. False: the other domain has it mapped, or copies to
 * or from it, at this moment. */
FA_MUST_CHECK bool xen_grant_end(uint32_t ref);
/* The reference is free. It is not given. */
void xen_grant_release(uint32_t ref);
/* Ends it and releases it, and calls `ended`: at once, or out of a later xen_grants_retry() or
 * xen_grant_reserve(). */
void xen_grant_abandon(uint32_t ref, void (*ended)(void *arg), void *arg);
/* Tries once more what is kept aside; how many still are. */
uint32_t xen_grants_retry(void);
/* After a resume the table is empty: nothing is given, what was kept aside has ended; references stay
 * whose they are. */
FA_MUST_CHECK fa_err xen_grants_resume(void);

/* How many references are reserved, and how many more are kept aside. */
typedef struct xen_grants_count {
    uint32_t reserved, kept;
} xen_grants_count;
xen_grants_count xen_grants_counted(void);

/* Another domain's page in the place of one of ours: the RAM there is lost, for good, so that
 * afterwards it can only be the place of another one. FA_EPERM: not granted to us, or not for that;
 * FA_ENOENT: no such domain; FA_EAGAIN: it is paged out. */
FA_MUST_CHECK fa_err xen_grant_map(uint16_t domain, uint32_t ref, bool is_writable, void *page,
                                   uint32_t *handle_out);
FA_MUST_CHECK fa_err xen_grant_unmap(uint32_t handle, void *page);
/* Copies `len` bytes, which cross no page, out of or into another domain's page. */
FA_MUST_CHECK fa_err xen_grant_copy_from(uint16_t domain, uint32_t ref, uint16_t offset, void *bytes,
                                         uint16_t len);
FA_MUST_CHECK fa_err xen_grant_copy_to(uint16_t domain, uint32_t ref, uint16_t offset,
                                       const void *bytes, uint16_t len);

#endif
