/* SPDX-License-Identifier: ISC */
/* What every UART's output needs: text with CR LF, and a wait for room that ends. */
#ifndef FATA_DRIVERS_UART_UART_H
#define FATA_DRIVERS_UART_UART_H

#include <fata/base.h>

typedef struct uart_line {
    unsigned (*room)(void); /* how many bytes it takes now, without a look in between */
    void (*put)(uint8_t byte);
} uart_line;

/* Writes, a line feed as CR LF. Waits for room, but not for ever: what a stuck UART does not take
 * is dropped. There is one such line in a machine. */
void uart_write(const uart_line *line, const char *bytes, size_t len);

#endif
