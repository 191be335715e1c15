/* SPDX-License-Identifier: ISC */
/* The clock of a PC: the time stamp counter, once its frequency is known. */
#ifndef FATA_BSP_XEN_X86_64_CLOCK_H
#define FATA_BSP_XEN_X86_64_CLOCK_H

#include <fata/base.h>

/* Counting begins; reads 0 until clock_init(). */
void clock_start(void);
/* Finds the frequencies of the counter and of the local APIC's timer. Panics: no reference. */
void clock_init(void);
/* Measures again, over a longer time, when one has gone by. Called now and then; cheap. */
void clock_refine(void);
/* As plat_clock_mono_ns(). */
uint64_t clock_ns(void);

#endif
