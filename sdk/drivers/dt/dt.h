/* SPDX-License-Identifier: ISC */
/* The flattened device tree that the loader hands over (Devicetree Specification 0.4), read by
 * libfdt: addresses as the CPU sees them, interrupts, clocks, what /chosen says; and which driver a
 * node has. Nothing here trusts the tree: what is malformed is absent.
 *
 *     static const dt_driver drivers[] = {{"arm,pl011", pl011_probe}, ...};
 *     fa_err err = dt_open(blob, blob_bytes);
 *     dt_probe(drivers, FA_ARRAY_COUNT(drivers));
 */
#ifndef FATA_DRIVERS_DT_H
#define FATA_DRIVERS_DT_H

#include <fata/err.h>

/* Made here alone. */
typedef struct dt_node {
    int number; /* in the order of the tree, from the root's 0; negative: no node */
} dt_node;

typedef struct dt_range {
    uint64_t start, len;
} dt_range;

#define DT_INTERRUPT_CELLS_MAX 4u
typedef struct dt_interrupt {
    dt_node controller;
    unsigned cell_count;
    uint32_t cells[DT_INTERRUPT_CELLS_MAX];
} dt_interrupt;

/* Uses this tree from now on; it stays where it is. `cap` is how far it may be read. FA_EINVAL: it
 * is no device tree, or a damaged one. */
FA_MUST_CHECK fa_err dt_open(const void *blob, size_t cap);

/* RAM: the ranges of the /memory nodes, one by one from index 0; false at the end. */
bool dt_memory(unsigned index, dt_range *range_out);
/* What is not to be touched: the tree's memory reservations, then /reserved-memory's. */
bool dt_reserved(unsigned index, dt_range *range_out);

/* /chosen: bootargs ("": none); a seed of kaslr-seed and rng-seed, as pieces from index 0 on; the
 * node of stdout-path, through an alias where it names one, without what follows a colon. */
const char *dt_bootargs(void);
bool dt_seed(unsigned index, const void **bytes_out, size_t *len_out);
dt_node dt_stdout(void);

/* Of a node: its register range as the CPU sees it (ranges of the buses above it applied); its
 * interrupts ("interrupts" with interrupt-parent, or "interrupts-extended"); the frequency of its
 * clock (0: not known, since that is no fixed-clock); a number (its property's first cell), a text,
 * bytes (NULL: none), and the node whose phandle a property holds. */
bool dt_reg(dt_node node, unsigned index, dt_range *range_out);
bool dt_interrupt_of(dt_node node, unsigned index, dt_interrupt *interrupt_out);
uint32_t dt_clock_hz(dt_node node, unsigned index);
uint32_t dt_u32(dt_node node, const char *property, uint32_t otherwise);
const char *dt_text(dt_node node, const char *property); /* NULL: none */
const void *dt_bytes(dt_node node, const char *property, size_t *len_out);
dt_node dt_reference(dt_node node, const char *property);
bool dt_has(dt_node node, const char *property);
bool dt_is(dt_node a, dt_node b);
/* The nodes right below it that are enabled, from index 0 on; negative: no more. */
dt_node dt_child(dt_node node, unsigned index);
/* The first node of a kind, enabled or not. */
dt_node dt_find(const char *compatible);

/* What the tree calls the machine; NULL: nothing. */
static inline const char *dt_model(void)
{
    return dt_text((dt_node){0}, "model");
}

typedef struct dt_driver {
    const char *compatible;
    /* Sets the device up and makes it known (machine.h). An error leaves the device alone. */
    fa_err (*probe)(dt_node node);
} dt_driver;

#define DT_DEVICES_MAX 96u

/* Probes every enabled node that a driver is for: in the order of the drivers, so that a driver
 * stands behind those it needs; a node goes to the driver of its first compatible that has one.
 * What a probe says of an error is in the log. */
void dt_probe(const dt_driver *drivers, size_t count);

#endif
