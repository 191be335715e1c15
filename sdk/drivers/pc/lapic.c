/* SPDX-License-Identifier: ISC */
/* The local APIC through its memory-mapped registers, its timer in one-shot mode. */
#include "lapic.h"
#include "../../cpu/x86_64/cpu.h"
#include "../../cpu/x86_64/mmu.h"
#include "../../cpu/x86_64/traps.h"
#include <fata/clock.h>

#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_ENABLE (UINT64_C(1) << 11)
#define APIC_BASE_ADDRESS UINT64_C(0xffffff000)
#define CPUID_1_EDX_APIC (UINT32_C(1) << 9)

/* Offsets of registers, in 32-bit words. */
enum {
    ID = 0x20 / 4,
    EOI = 0xb0 / 4,
    SPURIOUS = 0xf0 / 4,
    LVT_TIMER = 0x320 / 4,
    INITIAL_COUNT = 0x380 / 4,
    CURRENT_COUNT = 0x390 / 4,
    DIVIDE = 0x3e0 / 4,
};
#define SPURIOUS_ENABLE 0x100u
#define LVT_MASKED 0x10000u
#define DIVIDE_BY_16 3u

static volatile uint32_t *apic;
static uint64_t timer_hz;

fa_err lapic_init(void)
{
    if (!(x86_cpuid_of(1).d & CPUID_1_EDX_APIC))
        return FA_ENOTSUP;
    const uint64_t base = x86_rdmsr(MSR_APIC_BASE);
    x86_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    volatile void *device;
    const fa_err err =
        x86_mmu_map_device((x86_phys){base & APIC_BASE_ADDRESS}, X86_PAGE_BYTES, &device);
    if (err != FA_OK)
        return err;
    apic = device;
    apic[SPURIOUS] = SPURIOUS_ENABLE | X86_VECTOR_SPURIOUS;
    apic[DIVIDE] = DIVIDE_BY_16;
    apic[LVT_TIMER] = LVT_MASKED;
    x86_traps_set_eoi(&apic[EOI]);
    return FA_OK;
}

void lapic_timer_measure(void)
{
    apic[INITIAL_COUNT] = UINT32_MAX;
}

uint32_t lapic_timer_elapsed(void)
{
    return UINT32_MAX - apic[CURRENT_COUNT];
}

void lapic_timer_set_hz(uint64_t hz)
{
    timer_hz = hz;
    apic[INITIAL_COUNT] = 0;
    apic[LVT_TIMER] = LAPIC_TIMER_VECTOR;
}

void lapic_timer_arm(uint64_t ns)
{
    if (ns > FA_NS_PER_S)
        ns = FA_NS_PER_S;
    uint64_t count = ns * timer_hz / FA_NS_PER_S;
    count = count > UINT32_MAX ? UINT32_MAX : count;
    apic[INITIAL_COUNT] = (uint32_t)count + 1;
}

uint32_t lapic_id(void)
{
    return apic[ID] >> 24;
}
