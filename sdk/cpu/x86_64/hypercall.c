/* SPDX-License-Identifier: ISC */
/* Calls of Xen by the instruction of the CPU's maker; the other one's is undefined. Source: Xen's
 * public header arch-x86/xen-x86_64.h (registers); Intel SDM vol. 3, 26; AMD APM vol. 2, 15. */
#include "../hypercall.h"
#include "cpu.h"

#define VENDOR_AMD_EBX 0x68747541u   /* "AuthenticAMD" */
#define VENDOR_HYGON_EBX 0x6f677948u /* "HygonGenuine" */

static bool is_amd(void)
{
    static int known; /* CPUID is slow under a hypervisor */
    if (known == 0) {
        const uint32_t vendor = x86_cpuid_of(0).b;
        known = vendor == VENDOR_AMD_EBX || vendor == VENDOR_HYGON_EBX ? 1 : -1;
    }
    return known > 0;
}

intptr_t fa_cpu_hypercall(unsigned number, uintptr_t a1, uintptr_t a2, uintptr_t a3, uintptr_t a4,
                          uintptr_t a5)
{
    intptr_t result;
    register uintptr_t r10 __asm__("r10") = a4;
    register uintptr_t r8 __asm__("r8") = a5;
    /* Xen may change the registers of the arguments. */
    if (is_amd())
        __asm__ volatile("vmmcall"
                         : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                         : "0"((uintptr_t)number)
                         : "memory");
    else
        __asm__ volatile("vmcall"
                         : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                         : "0"((uintptr_t)number)
                         : "memory");
    return result;
}
