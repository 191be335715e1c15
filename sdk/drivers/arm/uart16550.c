/* SPDX-License-Identifier: ISC */
/* A 16550 in memory, as the device tree says: ns16550a, and Synopsys' DW-APB version (bindings 8250
 * and snps,dw-apb-uart). Where its clock is no fixed one, the rate stays as the loader set it. */
#include "../uart/uart16550.h"
#include "../dt/machine.h"
#include "drivers.h"

#define BAUD 115200u
#define SHIFT_MAX 4u
#define IO_BYTES 4u /* of a register that is to be accessed as a word */
#define STANDARD_REGISTERS 8u

static arm_mmio uart;
static dt_node uart_node;
static uint32_t shift;
static bool as_words, has_usr;
static void (*input_arrived)(void);

uint8_t uart16550_get(unsigned reg)
{
    const size_t at = (size_t)reg << shift;
    if (reg >= STANDARD_REGISTERS && !has_usr)
        return 0;
    return as_words ? (uint8_t)arm_read32(uart, at) : arm_read8(uart, at);
}

void uart16550_put(unsigned reg, uint8_t value)
{
    const size_t at = (size_t)reg << shift;
    if (as_words)
        arm_write32(uart, at, value);
    else
        arm_write8(uart, at, value);
}

static void interrupted(void *arg)
{
    (void)arg;
    uart16550_quiet();
    input_arrived();
}

static bool listen(void (*arrived)(void))
{
    input_arrived = arrived;
    if (machine_open_interrupt(uart_node, 0, interrupted, NULL) != FA_OK)
        return false;
    uart16550_listen();
    return true;
}

fa_err uart16550_probe(dt_node node)
{
    static const machine_console console = {uart16550_write, uart16550_read, listen};
    dt_range range;
    if (!machine_wants_console(node))
        return FA_OK;
    shift = dt_u32(node, "reg-shift", 0);
    as_words = dt_u32(node, "reg-io-width", 1) == IO_BYTES;
    if (shift > SHIFT_MAX || (as_words && shift < 2))
        return FA_EINVAL;
    const fa_err err =
        machine_map_registers(node, 0, (size_t)STANDARD_REGISTERS << shift, &uart);
    if (err != FA_OK)
        return err;
    has_usr = dt_reg(node, 0, &range) && range.len >= (size_t)UART16550_REGISTERS << shift;
    uart_node = node;
    const uint32_t clock_hz = dt_u32(node, "clock-frequency", dt_clock_hz(node, 0));
    const uint32_t divisor = (clock_hz / 16 + BAUD / 2) / BAUD;
    uart16550_init(divisor <= UINT16_MAX ? divisor : 0);
    machine.console = &console;
    return FA_OK;
}
