/* SPDX-License-Identifier: ISC */
/* The device's registers on QEMU's virt machine; all but the data are big-endian. Writing the lower
 * half of the address starts the transfer. */
#include "fw_cfg.h"
#include "sdk/cpu/armv7a/cpu.h"
#include "sdk/cpu/armv7a/mmu.h"
#include <fata/panic.h>

#define BASE 0x09020000u
#define DATA 0x00u
#define SELECT 0x08u /* 16 bits */
#define ADDRESS_HIGH 0x10u
#define ADDRESS_LOW 0x14u
#define BYTES 0x18u

static arm_mmio registers(void)
{
    static arm_mmio mapped;
    if (mapped == NULL && arm_mmu_map_device((arm_phys){BASE}, BYTES, &mapped) != FA_OK)
        fa_panic("no room for the device's registers");
    return mapped;
}

void fw_cfg_select(uint16_t item)
{
    *(volatile uint16_t *)(volatile void *)(registers() + SELECT) = __builtin_bswap16(item);
}

uint8_t fw_cfg_read(void)
{
    return arm_read8(registers(), DATA);
}

void fw_cfg_start(plat_dma_addr access)
{
    arm_write32(registers(), ADDRESS_HIGH, __builtin_bswap32((uint32_t)(access.address >> 32)));
    arm_write32(registers(), ADDRESS_LOW, __builtin_bswap32((uint32_t)access.address));
    arm_dsb();
}
