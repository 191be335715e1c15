/* SPDX-License-Identifier: ISC */
/* A set of physical addresses, as a sorted list of ranges: what of a loader's memory map is RAM.
 *
 *     fa_ranges ram = {0};
 *     fa_ranges_add(&ram, 0x40000000, 0x48000000);
 *     fa_ranges_cut(&ram, 0x41000000, 0x41100000);
 */
#ifndef FATA_CORE_RANGES_H
#define FATA_CORE_RANGES_H

#include <fata/base.h>

typedef struct fa_range {
    uint64_t start, end; /* end: the first address behind it */
} fa_range;

/* More pieces than any machine's memory has; what would be one more stays out of the set. */
#define FA_RANGES_MAX 32u

typedef struct fa_ranges {
    size_t count;
    fa_range items[FA_RANGES_MAX]; /* sorted; they neither touch nor overlap */
} fa_ranges;

/* Nothing, where the end is not behind the start. */
void fa_ranges_add(fa_ranges *ranges, uint64_t start, uint64_t end);
void fa_ranges_cut(fa_ranges *ranges, uint64_t start, uint64_t end);
/* The end of the range that an address is in; 0: it is in none. */
uint64_t fa_ranges_end_at(const fa_ranges *ranges, uint64_t address);

#endif
