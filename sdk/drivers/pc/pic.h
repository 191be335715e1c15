/* SPDX-License-Identifier: ISC */
/* The 8259 interrupt controllers, which the APICs replace. Source: Intel 8259A data sheet. */
#ifndef FATA_DRIVERS_PC_PIC_H
#define FATA_DRIVERS_PC_PIC_H

/* Masks every line: a BIOS leaves them open, on vectors that are the CPU's exceptions. */
void pic_mask_all(void);

#endif
