/* SPDX-License-Identifier: ISC */
/* Calls of Xen, and how much of what Xen shares with its guests depends on the CPU. Source: Xen's
 * public headers arch-x86/xen-x86_64.h and arch-arm.h. */
#ifndef FATA_CPU_HYPERCALL_H
#define FATA_CPU_HYPERCALL_H

#include <fata/base.h>

/* Xen's answer: 0 or more, or a negative error of public/errno.h. Memory that an argument points to
 * is mapped and, on ARM, cached and inner-shareable. Where no Xen is there to answer the
 * instruction is undefined. */
intptr_t fa_cpu_hypercall(unsigned number, uintptr_t a1, uintptr_t a2, uintptr_t a3, uintptr_t a4,
                          uintptr_t a5);

/* XEN_LEGACY_MAX_VCPUS, and the size of struct vcpu_info. */
#ifdef __arm__
#define FA_CPU_XEN_VCPUS 1u
#define FA_CPU_XEN_VCPU_BYTES 48u
#else
#define FA_CPU_XEN_VCPUS 32u
#define FA_CPU_XEN_VCPU_BYTES 64u
#endif

#endif
