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

/* Both clocks: the version is odd while Xen changes what it stands for, and another one afterwards. Xen does so while the only
 * CPU of the domain does not run. */
#define XEN_CLOCK_READS_MAX 1000u
static inline bool xen_clock_is_whole(const uint32_t *version, uint32_t before)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return before % 2 == 0 && before == __atomic_load_n(version, __ATOMIC_RELAXED);
}

/* struct vcpu_time_info: ticks since a known moment, shifted, times a fraction of 2^32. */
static inline uint64_t xen_ns_of_ticks(const xen_vcpu_time *time, uint64_t ticks)
{
    const uint64_t scaled =
        time->tsc_shift < 0 ? ticks >> -time->tsc_shift : ticks << time->tsc_shift;
    return (scaled >> 32) * time->tsc_to_system_mul +
           ((scaled & UINT32_MAX) * time->tsc_to_system_mul >> 32);
}

extern uint64_t xen_last_ns; /* Xen's corrections may set its clock back a little */

/* Xen's system time, nanoseconds since Xen itself began, on x86: `ticks` reads the time stamp counter. It never steps back,
 * but that after a resume it may be another Xen's. 0: no shared page yet. Here, so that it becomes a part of its caller:
 * each packet is given a time. */
static inline uint64_t xen_system_ns(uint64_t (*ticks)(void))
{
    if (xen_shared == NULL)
        return xen_last_ns;
    const xen_vcpu_time *time = &xen_shared->vcpus[0].time;
    for (unsigned reads = 0; reads < XEN_CLOCK_READS_MAX; reads++) {
        const uint32_t version = __atomic_load_n(&time->version, __ATOMIC_ACQUIRE);
        const uint64_t ns = time->system_time_ns + xen_ns_of_ticks(time, ticks() - time->tsc_timestamp);
        if (xen_clock_is_whole(&time->version, version))
            return xen_last_ns = ns > xen_last_ns ? ns : xen_last_ns;
    }
    return xen_last_ns;
}

/* The wall clock when Xen's system time was 0, nanoseconds since 1970 UTC; 0: not known. */
uint64_t xen_wall_base_ns(void);

#endif
