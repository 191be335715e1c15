/* SPDX-License-Identifier: ISC */
/* The two kinds of machine that one image runs on: a PC, real or played by a monitor (machine_pc.c),
 * and a domain of Xen (machine_xen.c). Each is a table; board.c asks which it is and calls that. */
#ifndef FATA_BSP_XEN_X86_64_MACHINE_H
#define FATA_BSP_XEN_X86_64_MACHINE_H

#include "../plat.h"

typedef struct x86_machine {
    /* The console, before all else. */
    void (*start_early)(void);
    /* Interrupts, timer and clock, once there is memory. Panics: it cannot be done without. */
    void (*start)(void);
    /* As plat_console_...(), plat_clock_...(), plat_poll(). */
    void (*write)(const char *bytes, size_t len);
    size_t (*read)(char *bytes_out, size_t cap);
    bool (*listen)(void);
    uint64_t (*mono_ns)(void);
    uint64_t (*wall_ns)(void);
    void (*poll)(void);
    /* Whether an interrupt can come that no deadline announces. */
    bool (*awaits)(void);
    /* One interrupt at the deadline, or as late as the timer can, which may be never if that is
     * FA_FOREVER; replaces an earlier one. */
    void (*arm)(fa_deadline deadline, uint64_t now_ns);
    /* As plat_exit(), plat_reboot(). */
    __attribute__((noreturn)) void (*exit)(int status);
    __attribute__((noreturn)) void (*reboot)(void);
} x86_machine;

extern const x86_machine machine_pc, machine_xen;
/* Whether this is a domain of Xen. */
bool machine_xen_found(void);
/* After a resume: console, events, the shared page, the timer. */
void machine_xen_reconnect(void);
/* What mono_ns() says now, from where it goes on. */
void machine_xen_set_mono(uint64_t now_ns);

#endif
