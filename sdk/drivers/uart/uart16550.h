/* SPDX-License-Identifier: ISC */
/* The 16550 UART, wherever its registers are. Source: National Semiconductor PC16550D data sheet;
 * for the quirks of Synopsys' version (DW-APB), the headers and comments of Linux's driver for it. */
#ifndef FATA_DRIVERS_UART_UART16550_H
#define FATA_DRIVERS_UART_UART16550_H

#include <fata/base.h>

enum { UART16550_SCRATCH = 7, UART16550_USR = 31, UART16550_REGISTERS };

/* The way to its registers, by whoever knows where the machine's only one is: ports (pc/), or memory
 * (arm/). */
uint8_t uart16550_get(unsigned reg);
void uart16550_put(unsigned reg, uint8_t value);

/* Sets it to 8N1 and a clock of so many times 16 x the rate; 0: the rate that a loader has set. */
void uart16550_init(unsigned divisor);
/* As plat_console_write() and plat_console_read(). read() opens the interrupt again that
 * uart16550_quiet() closed, when it has taken everything. */
void uart16550_write(const char *bytes, size_t len);
size_t uart16550_read(char *bytes_out, size_t cap);
/* Lets it interrupt when there is something to read. */
void uart16550_listen(void);
/* For the handler of a level-triggered interrupt: lowers the line until the next read(). */
void uart16550_quiet(void);

#endif
