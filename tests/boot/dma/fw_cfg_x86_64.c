/* SPDX-License-Identifier: ISC */
/* The device's I/O ports on a PC. The address register is big-endian; writing its lower half starts
 * the transfer. */
#include "fw_cfg.h"
#include "sdk/cpu/x86_64/cpu.h"

#define PORT_SELECT 0x510
#define PORT_DATA 0x511
#define PORT_ADDRESS_HIGH 0x514
#define PORT_ADDRESS_LOW 0x518

void fw_cfg_select(uint16_t item)
{
    x86_out16(PORT_SELECT, item);
}

uint8_t fw_cfg_read(void)
{
    return x86_in8(PORT_DATA);
}

void fw_cfg_start(plat_dma_addr access)
{
    x86_out32(PORT_ADDRESS_HIGH, __builtin_bswap32((uint32_t)(access.address >> 32)));
    x86_out32(PORT_ADDRESS_LOW, __builtin_bswap32((uint32_t)access.address));
}
