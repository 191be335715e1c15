/* SPDX-License-Identifier: ISC */
/* What the drivers that were found in the device tree offer to the board: the machine's console,
 * interrupts, timer and power. Each is one table of functions, filled in by the probe function of
 * the driver that has it; there is one of each in a machine. The board's plat.h functions call them.
 *
 * Interrupts stay masked at the CPU for good: a pending one wakes plat_wait(), and plat_poll()
 * asks the controller for it (machine_poll_interrupts) and calls its handler, like any function. */
#ifndef FATA_DRIVERS_DT_MACHINE_H
#define FATA_DRIVERS_DT_MACHINE_H

#include "../../cpu/armv7a/mmio.h"
#include "dt.h"

typedef struct machine_console {
    void (*write)(const char *bytes, size_t len); /* as plat_console_write() */
    size_t (*read)(char *bytes_out, size_t cap);  /* as plat_console_read() */
    /* Opens its interrupt, whose handler calls `arrived` and keeps the device quiet until read()
     * has taken everything. False: input can never come. */
    bool (*listen)(void (*arrived)(void));
} machine_console;

typedef struct machine_irqs {
    /* Opens an interrupt of the device tree and gives the controller's own number of it.
     * FA_ENOTSUP: it is another controller's; FA_EINVAL: this one has no such interrupt. */
    fa_err (*open)(const dt_interrupt *interrupt, unsigned *line_out);
    /* The next pending line, acknowledged; false: none. done() follows once it was handled. */
    bool (*take)(unsigned *line_out);
    void (*done)(unsigned line);
} machine_irqs;

typedef struct machine_timer {
    uint64_t (*ticks)(void); /* counts up for ever from any number; cheap */
    uint32_t hz;
    /* One interrupt after so many ticks, or as late as it can if that is earlier; replaces an
     * earlier one. 0 and 1 are soon, never missed. */
    void (*arm)(uint64_t ticks);
    uint64_t ticks_max; /* the counter must be read at least so often, in ticks; UINT64_MAX: never */
} machine_timer;

struct machine {
    const machine_console *console; /* of /chosen's stdout-path */
    const machine_irqs *irqs;
    const machine_timer *timer;
    uint64_t (*wall_s)(void); /* seconds since 1970 UTC; 0: not known */
    bool awaits_interrupts; /* some can come that no deadline announces */
    /* Return only where the machine does not do it. The status goes to whom it may concern. */
    void (*off)(int status);
    void (*reset)(void);
};
extern struct machine machine;

/* Maps the registers `index` of `node`. FA_EINVAL: there are none, or fewer than `len_min` bytes. */
FA_MUST_CHECK fa_err machine_map_registers(dt_node node, unsigned index, size_t len_min,
                                           arm_mmio *registers_out);

/* Whether a console at `node` should become the machine's: it is the one of /chosen's stdout-path,
 * or that names none and it is the first. */
bool machine_wants_console(dt_node node);

#define MACHINE_HANDLERS_MAX 32u

/* Has `handler(arg)` called when the interrupt `index` of `node` comes, and opens it. FA_ENOTSUP: no
 * such interrupt, or of a controller that has no driver; FA_ELIMIT: MACHINE_HANDLERS_MAX. */
FA_MUST_CHECK fa_err machine_open_interrupt(dt_node node, unsigned index, void (*handler)(void *arg),
                                            void *arg);
/* Calls the handlers of what is pending; a bounded number at a time. */
void machine_poll_interrupts(void);

#endif
