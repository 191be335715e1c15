/* SPDX-License-Identifier: ISC */
/* The 16550's registers: polled output, 16 bytes for each look at the status; input by interrupt.
 * Synopsys' version ignores a write to LCR while it is busy, and raises an interrupt that only a
 * read of its status register USR lowers. Its receive time-out has been seen to come with nothing
 * received, and then lasts until something is read. */
#include "uart16550.h"
#include "uart.h"

enum { DATA = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5 };
#define IER_RECEIVED 0x01u
#define IIR_ID 0x0fu
#define IIR_TIME_OUT 0x0cu
#define IIR_BUSY_DETECT 0x07u /* of the DW-APB alone */
#define FCR_ENABLE_CLEAR 0x07u
#define LCR_8N1 0x03u
#define LCR_DLAB 0x80u
#define MCR_DTR_RTS_OUT2 0x0bu /* OUT2 connects the interrupt on a PC */
#define LSR_DATA_READY 0x01u
#define LSR_THR_EMPTY 0x20u
#define LSR_ALL_SENT 0x40u
#define FIFO_BYTES 16u
/* What a loader has written is sent in 1.4 ms at 115200 baud; a look takes 0.1 us or more. */
#define SENT_LOOKS_MAX 100000u
#define LCR_TRIES_MAX 1000u

static bool quiet;

static bool has_input(void)
{
    return uart16550_get(LSR) & LSR_DATA_READY;
}

static uint8_t get(void)
{
    return uart16550_get(DATA);
}

static unsigned room(void)
{
    return uart16550_get(LSR) & LSR_THR_EMPTY ? FIFO_BYTES : 0;
}

static void put(uint8_t byte)
{
    uart16550_put(DATA, byte);
}

static const uart_line line = {room, put, has_input, get};

static void end_odd_interrupts(void)
{
    const unsigned id = uart16550_get(IIR) & IIR_ID;
    if (id == IIR_BUSY_DETECT)
        (void)uart16550_get(UART16550_USR);
    else if (id == IIR_TIME_OUT && !has_input())
        (void)uart16550_get(DATA);
}

/* False: the UART stays busy, and LCR as it was. */
static bool set_lcr(uint8_t value)
{
    for (unsigned tries = 0; tries < LCR_TRIES_MAX; tries++) {
        uart16550_put(LCR, value);
        if (uart16550_get(LCR) == value)
            return true;
        end_odd_interrupts();
        uart16550_put(FCR, FCR_ENABLE_CLEAR);
    }
    return false;
}

void uart16550_init(unsigned divisor)
{
    uart16550_put(IER, 0);
    for (unsigned look = 0; look < SENT_LOOKS_MAX && !(uart16550_get(LSR) & LSR_ALL_SENT);)
        look++;
    if (divisor != 0 && set_lcr(LCR_DLAB | LCR_8N1)) {
        uart16550_put(DATA, (uint8_t)divisor);
        uart16550_put(IER, (uint8_t)(divisor >> 8));
    }
    (void)set_lcr(LCR_8N1);
    uart_keep_early(&line);
    uart16550_put(FCR, FCR_ENABLE_CLEAR);
    uart16550_put(MCR, MCR_DTR_RTS_OUT2);
}

void uart16550_write(const char *bytes, size_t len)
{
    uart_write(&line, bytes, len);
}

size_t uart16550_read(char *bytes_out, size_t cap)
{
    const size_t len = uart_read(&line, bytes_out, cap);
    if (quiet && !has_input()) {
        quiet = false;
        uart16550_put(IER, IER_RECEIVED);
    }
    return len;
}

void uart16550_listen(void)
{
    uart16550_put(IER, IER_RECEIVED);
}

void uart16550_quiet(void)
{
    quiet = true;
    end_odd_interrupts();
    uart16550_put(IER, 0);
}
