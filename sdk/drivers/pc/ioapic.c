/* SPDX-License-Identifier: ISC */
/* The I/O APIC: an index and a data register; two 32-bit words for each line. */
#include "ioapic.h"
#include "../../cpu/x86_64/mmu.h"

#define IOAPIC_ADDRESS UINT64_C(0xfec00000)
#define INDEX 0
#define DATA (0x10 / 4)
#define REG_VERSION 1u
#define REG_LINES 0x10u

fa_err ioapic_open_line(unsigned line, uint32_t lapic)
{
    volatile void *device;
    const fa_err err = x86_mmu_map_device((x86_phys){IOAPIC_ADDRESS}, X86_PAGE_BYTES, &device);
    if (err != FA_OK)
        return err;
    volatile uint32_t *ioapic = device;
    ioapic[INDEX] = REG_VERSION;
    const uint32_t version = ioapic[DATA];
    if (version == UINT32_MAX || line > (version >> 16 & 0xff))
        return FA_ENOTSUP;
    ioapic[INDEX] = REG_LINES + 2 * line + 1;
    ioapic[DATA] = lapic << 24;
    ioapic[INDEX] = REG_LINES + 2 * line;
    ioapic[DATA] = IOAPIC_VECTOR_FIRST + line; /* fixed, physical, active high, edge, not masked */
    return FA_OK;
}
