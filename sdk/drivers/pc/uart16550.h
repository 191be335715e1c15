/* SPDX-License-Identifier: ISC */
/* The UART of a PC at COM1, 115200 8N1. */
#ifndef FATA_DRIVERS_PC_UART16550_H
#define FATA_DRIVERS_PC_UART16550_H

#include "../uart/uart16550.h"

#define UART16550_COM1_IRQ 4u

/* Sets the UART up. False: there is none, and nothing else of it is to be called. */
bool uart16550_init_com1(void);

#endif
