/* SPDX-License-Identifier: ISC */
/* The first UART of a PC, behind I/O ports. */
#include "uart16550.h"
#include "../../cpu/x86_64/cpu.h"

#define COM1 0x3f8u
#define DIVISOR_115200 1u

void uart16550_put(unsigned reg, uint8_t value)
{
    x86_out8((uint16_t)(COM1 + reg), value);
}

uint8_t uart16550_get(unsigned reg)
{
    return x86_in8((uint16_t)(COM1 + reg));
}

bool uart16550_init_com1(void)
{
    uart16550_put(UART16550_SCRATCH, 0x5a);
    if (uart16550_get(UART16550_SCRATCH) != 0x5a)
        return false;
    uart16550_init(DIVISOR_115200);
    return true;
}
