/* SPDX-License-Identifier: ISC */
/* The 16550 UART of a PC at COM1, 115200 8N1. Source: National Semiconductor PC16550D data sheet. */
#ifndef FATA_DRIVERS_PC_UART16550_H
#define FATA_DRIVERS_PC_UART16550_H

#include <fata/base.h>

#define UART16550_COM1 0x3f8u
#define UART16550_COM1_IRQ 4u

/* Sets the UART up; does nothing more if there is none. */
void uart16550_init(void);
/* Writes, a line feed as CR LF. Waits for room in the FIFO, but not for ever: what a stuck UART
 * does not take is dropped. */
void uart16550_write(const char *bytes, size_t len);
/* What has been received, at most `cap` bytes; 0: nothing. */
size_t uart16550_read(char *bytes_out, size_t cap);
/* Lets it interrupt when there is something to read. False: there is no UART. */
bool uart16550_listen(void);

#endif
