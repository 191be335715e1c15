/* SPDX-License-Identifier: ISC */
/* ARM's UART. Source: PrimeCell UART (PL011) Technical Reference Manual, ARM DDI 0183. Where a
 * loader has it running it stays as it was set. */
#include "../dt/machine.h"
#include "../uart/uart.h"
#include "drivers.h"

enum { DR = 0x00, FR = 0x18, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2c, CR = 0x30, IMSC = 0x38,
       ICR = 0x44 };
#define REGISTERS_BYTES 0x48u
#define FR_RX_EMPTY 0x10u
#define FR_TX_FULL 0x20u
#define LCR_H_8N1_FIFO 0x70u
#define CR_ENABLE 0x001u
#define CR_ENABLE_TX_RX 0x301u
#define INTERRUPTS_RECEIVED 0x50u /* the FIFO is half full; a time-out with something in it */
#define INTERRUPTS_ALL 0x7ffu
#define BAUD 115200u

static arm_mmio uart;
static dt_node uart_node;
static void (*input_arrived)(void); /* NULL: nobody listens */

static unsigned room(void)
{
    return arm_read32(uart, FR) & FR_TX_FULL ? 0 : 1;
}

static void put(uint8_t byte)
{
    arm_write32(uart, DR, byte);
}

static bool has_input(void)
{
    return !(arm_read32(uart, FR) & FR_RX_EMPTY);
}

static uint8_t get(void)
{
    return (uint8_t)arm_read32(uart, DR);
}

static const uart_line line = {room, put, has_input, get};

static void write_text(const char *bytes, size_t len)
{
    uart_write(&line, bytes, len);
}

static size_t read_text(char *bytes_out, size_t cap)
{
    const size_t len = uart_read(&line, bytes_out, cap);
    if (input_arrived != NULL && !has_input())
        arm_write32(uart, IMSC, INTERRUPTS_RECEIVED);
    return len;
}

static void interrupted(void *arg)
{
    (void)arg;
    arm_write32(uart, IMSC, 0);
    input_arrived();
}

static bool listen(void (*arrived)(void))
{
    input_arrived = arrived;
    if (machine_open_interrupt(uart_node, 0, interrupted, NULL) != FA_OK) {
        input_arrived = NULL;
        return false;
    }
    arm_write32(uart, IMSC, INTERRUPTS_RECEIVED);
    return true;
}

/* In this order: rate, line control (whose write makes the rate hold), control. The divisor of the
 * clock, which gives 16 times the rate, counts in 64ths. */
static void set_up(uint32_t clock_hz)
{
    const uint32_t divisor = (uint32_t)((UINT64_C(4) * clock_hz + BAUD / 2) / BAUD);
    if (divisor >= 64 && divisor / 64 <= UINT16_MAX) {
        arm_write32(uart, IBRD, divisor / 64);
        arm_write32(uart, FBRD, divisor % 64);
    }
    uart_keep_early(&line);
    arm_write32(uart, LCR_H, LCR_H_8N1_FIFO);
    arm_write32(uart, CR, CR_ENABLE_TX_RX);
}

static fa_err probe(dt_node node, bool has_control)
{
    static const machine_console console = {write_text, read_text, listen};
    if (!machine_wants_console(node))
        return FA_OK;
    const fa_err err = machine_map_registers(node, 0, REGISTERS_BYTES, &uart);
    if (err != FA_OK)
        return err;
    uart_node = node;
    arm_write32(uart, IMSC, 0);
    arm_write32(uart, ICR, INTERRUPTS_ALL);
    if (has_control && !(arm_read32(uart, CR) & CR_ENABLE))
        set_up(dt_clock_hz(node, 0));
    machine.console = &console;
    return FA_OK;
}

fa_err pl011_probe(dt_node node)
{
    return probe(node, true);
}

/* A PL011 without the registers that set it up. Xen's, before 4.18, ends a guest that reads them. */
fa_err pl011_sbsa_probe(dt_node node)
{
    return probe(node, false);
}
