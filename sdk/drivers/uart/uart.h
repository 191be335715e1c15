/* SPDX-License-Identifier: ISC */
/* What is the same for every UART: text with CR LF, a wait for room that ends, and input that came
 * before the UART was set up. There is one such line in a machine. */
#ifndef FATA_DRIVERS_UART_UART_H
#define FATA_DRIVERS_UART_UART_H

#include <fata/base.h>

typedef struct uart_line {
    unsigned (*room)(void); /* how many bytes it takes now, without a look in between */
    void (*put)(uint8_t byte);
    bool (*has_input)(void);
    uint8_t (*get)(void);
} uart_line;

/* Takes what waits to be read, before the FIFO is turned on or off, which clears it. */
void uart_keep_early(const uart_line *line);

/* Writes, a line feed as CR LF. Waits for room, but not for ever: what a stuck UART does not take
 * is dropped. Input that comes meanwhile is kept, 256 bytes of it, for uart_read(). */
void uart_write(const uart_line *line, const char *bytes, size_t len);
/* What has been received, at most `cap` bytes, what was kept first; 0: nothing. */
size_t uart_read(const uart_line *line, char *bytes_out, size_t cap);

#endif
