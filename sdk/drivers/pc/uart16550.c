/* SPDX-License-Identifier: ISC */
/* The 16550 UART: polled output, 16 bytes for each look at the status; input by interrupt. */
#include "uart16550.h"
#include "../../../bsp/plat.h"
#include "../../cpu/x86_64/cpu.h"

enum { DATA = 0, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5, SCRATCH = 7 };
#define IER_RECEIVED 0x01u
#define FCR_ENABLE_CLEAR 0x07u
#define LCR_8N1 0x03u
#define LCR_DLAB 0x80u
#define MCR_DTR_RTS_OUT2 0x0bu /* OUT2 connects the interrupt on a PC */
#define LSR_DATA_READY 0x01u
#define LSR_THR_EMPTY 0x20u
#define DIVISOR_115200 1u
#define FIFO_BYTES 16u
/* At 115200 baud the FIFO drains in 1.4 ms, but an emulated UART waits for whoever reads its output.
 * After a wait in vain the next ones are short, until the UART takes something again. Before there
 * is a clock, looks at the status are counted instead; each takes about 1 us. */
#define WAIT_NS (20 * FA_NS_PER_S)
#define STUCK_NS (20 * FA_NS_PER_MS)
#define LOOKS_MIN 20000u

static bool present;
static bool stuck;
/* What came before the FIFO was turned on, which clears it; -1: nothing. */
static int early = -1;

static void put(unsigned reg, unsigned value)
{
    x86_out8((uint16_t)(UART16550_COM1 + reg), (uint8_t)value);
}

static unsigned get(unsigned reg)
{
    return x86_in8((uint16_t)(UART16550_COM1 + reg));
}

void uart16550_init(void)
{
    put(SCRATCH, 0x5a);
    present = get(SCRATCH) == 0x5a;
    if (!present)
        return;
    put(IER, 0);
    put(LCR, LCR_DLAB);
    put(DATA, DIVISOR_115200);
    put(IER, 0);
    put(LCR, LCR_8N1);
    if (get(LSR) & LSR_DATA_READY)
        early = (int)get(DATA);
    put(FCR, FCR_ENABLE_CLEAR);
    put(MCR, MCR_DTR_RTS_OUT2);
}

static bool wait_for_room(void)
{
    for (unsigned look = 0; look < LOOKS_MIN; look++)
        if (get(LSR) & LSR_THR_EMPTY)
            return true;
    const uint64_t start_ns = plat_clock_mono_ns();
    uint64_t waited_ns;
    do {
        if (get(LSR) & LSR_THR_EMPTY) {
            stuck = false;
            return true;
        }
        waited_ns = plat_clock_mono_ns() - start_ns;
    } while (waited_ns != 0 && waited_ns < (stuck ? STUCK_NS : WAIT_NS));
    stuck = true;
    return false;
}

void uart16550_write(const char *bytes, size_t len)
{
    unsigned room = 0;
    bool returned = false; /* the CR before this LF is out */
    for (size_t at = 0; present && at < len;) {
        if (room == 0) {
            if (!wait_for_room())
                return;
            room = FIFO_BYTES;
        }
        const bool cr = bytes[at] == '\n' && !returned;
        put(DATA, cr ? '\r' : (unsigned char)bytes[at]);
        returned = cr;
        at += cr ? 0 : 1;
        room--;
    }
}

size_t uart16550_read(char *bytes_out, size_t cap)
{
    size_t len = 0;
    if (early >= 0 && cap > 0) {
        bytes_out[len++] = (char)early;
        early = -1;
    }
    while (present && len < cap && (get(LSR) & LSR_DATA_READY))
        bytes_out[len++] = (char)get(DATA);
    return len;
}

bool uart16550_listen(void)
{
    if (present)
        put(IER, IER_RECEIVED);
    return present;
}
