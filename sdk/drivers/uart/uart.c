/* SPDX-License-Identifier: ISC */
/* Polled output and input of a UART, as far as it is the same for all of them. */
#include "uart.h"
#include "../../../bsp/plat.h"
#include "../../fiber/console.h"

/* At 115200 baud a FIFO of 16 bytes drains in 1.4 ms, but an emulated UART waits for whoever reads
 * its output. After a wait in vain the next ones are short, until the UART takes something again.
 * Before there is a clock, looks at the status are counted instead; each takes 0.1 to 1 us. */
#define WAIT_NS (20 * FA_NS_PER_S)
#define STUCK_NS (20 * FA_NS_PER_MS)
#define LOOKS_MIN 40000u

/* Input from before the start comes byte by byte, the next one when this one is taken: so long
 * afterwards an emulator has brought it. */
#define EARLY_LOOKS 20000u

/* Input that came when nobody could read it. */
#define KEPT_BYTES_MAX 256u
/* A UART's FIFO has 16 bytes at least, and receives as fast as it sends: it is looked at after so many
 * bytes of output. */
#define LOOK_BYTES 8u

static bool stuck;
static struct {
    uint8_t bytes[KEPT_BYTES_MAX];
    size_t start, end;
} kept;

static void keep(uint8_t byte)
{
    kept.bytes[kept.end++ % KEPT_BYTES_MAX] = byte;
}

static bool may_keep(const uart_line *line)
{
    return kept.end - kept.start < KEPT_BYTES_MAX && line->has_input();
}

void uart_keep_early(const uart_line *line)
{
    while (may_keep(line)) {
        keep(line->get());
        for (unsigned look = 0; look < EARLY_LOOKS && !line->has_input();)
            look++;
    }
}

static void keep_input(const uart_line *line)
{
    if (!may_keep(line))
        return;
    do
        keep(line->get());
    while (may_keep(line));
    fa_console_input_arrived();
}

size_t uart_read(const uart_line *line, char *bytes_out, size_t cap)
{
    size_t len = 0;
    while (len < cap && kept.start != kept.end)
        bytes_out[len++] = (char)kept.bytes[kept.start++ % KEPT_BYTES_MAX];
    while (len < cap && line->has_input())
        bytes_out[len++] = (char)line->get();
    return len;
}

/* How much room there is after a wait; 0: the wait was in vain. */
static unsigned wait_for_room(const uart_line *line)
{
    unsigned room;
    for (unsigned look = 0; look < LOOKS_MIN; look++)
        if ((room = line->room()) > 0)
            return room;
    const uint64_t start_ns = plat_clock_mono_ns();
    uint64_t waited_ns;
    do {
        if ((room = line->room()) > 0) {
            stuck = false;
            return room;
        }
        waited_ns = plat_clock_mono_ns() - start_ns;
    } while (waited_ns != 0 && waited_ns < (stuck ? STUCK_NS : WAIT_NS));
    stuck = true;
    return 0;
}

void uart_write(const uart_line *line, const char *bytes, size_t len)
{
    unsigned room = 0;
    bool returned = false; /* the CR before this LF is out */
    for (size_t at = 0; at < len;) {
        if (room == 0 && (room = wait_for_room(line)) == 0)
            return;
        const bool cr = bytes[at] == '\n' && !returned;
        line->put(cr ? '\r' : (uint8_t)bytes[at]);
        returned = cr;
        at += cr ? 0 : 1;
        room--;
        if (at % LOOK_BYTES == 0)
            keep_input(line);
    }
}
