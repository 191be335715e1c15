/* SPDX-License-Identifier: ISC */
/* What all of a Xen guest's drivers need: calls, parameters of the domain, the page that Xen shares
 * with it. Whether there is a Xen the board finds out, and how its CPU reaches it is
 * sdk/cpu/hypercall.h.
 *
 *     fa_err err = xen_map_shared_info(page, frame_of(page));   (again after a resume)
 *     xen_events_init();                                        (again after a resume)
 *     err = xen_param_set(XEN_PARAM_CALLBACK_IRQ, ...);         (again after a resume)
 *     ... xen_events_poll() in plat_poll() ...
 */
#ifndef FATA_DRIVERS_XEN_XEN_H
#define FATA_DRIVERS_XEN_XEN_H

#include "abi.h"
#include <fata/err.h>

/* The page that Xen shares: events that are pending, time. NULL: not mapped yet. */
extern xen_shared_info *xen_shared;

/* An operation of a hypercall with its argument. FA_ENOTSUP is Xen's ENOSYS, FA_EIO any error that
 * has no name here. */
FA_MUST_CHECK fa_err xen_call(unsigned hypercall, unsigned operation, void *argument);
/* The same with a row of so many arguments. */
FA_MUST_CHECK fa_err xen_call_row(unsigned hypercall, unsigned operation, void *arguments,
                                  uint32_t count);
/* Xen's version: 0x00040011 is 4.17. */
uint32_t xen_version(void);

/* Puts the shared info in the place of a page of RAM, which the domain loses: mapped, page-aligned,
 * cached, at physical frame number `frame`. Again, with the same page, after a resume. */
FA_MUST_CHECK fa_err xen_map_shared_info(void *page, uint64_t frame);
/* Puts a page of Xen's (XEN_MAPSPACE_...) in the place of the frame of RAM, which is lost. */
FA_MUST_CHECK fa_err xen_map_space(unsigned space, uint32_t index, uint64_t frame);

/* Parameters of the domain (XEN_PARAM_...). FA_ENOENT: Xen has not set it. */
FA_MUST_CHECK fa_err xen_param_get(unsigned index, uint64_t *value_out);
FA_MUST_CHECK fa_err xen_param_set(unsigned index, uint64_t value);

/* Xen's system time, nanoseconds since Xen itself began, on x86: `ticks` reads the time stamp counter.
 * It never steps back, but that after a resume it may be another Xen's. 0: no shared page yet. */
uint64_t xen_system_ns(uint64_t (*ticks)(void));
/* The wall clock when Xen's system time was 0, nanoseconds since 1970 UTC; 0: not known. */
uint64_t xen_wall_base_ns(void);

#endif
