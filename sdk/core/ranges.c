/* SPDX-License-Identifier: ISC */
/* A sorted list of ranges: see ranges.h. */
#include "ranges.h"
#include <string.h>

void fa_ranges_add(fa_ranges *ranges, uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    size_t at = 0;
    while (at < ranges->count && ranges->items[at].end < start)
        at++;
    /* Those that touch or overlap the new one become part of it. */
    while (at < ranges->count && ranges->items[at].start <= end) {
        const fa_range other = ranges->items[at];
        start = other.start < start ? other.start : start;
        end = other.end > end ? other.end : end;
        ranges->count--;
        memmove(&ranges->items[at], &ranges->items[at + 1], (ranges->count - at) * sizeof other);
    }
    if (ranges->count == FA_RANGES_MAX)
        return;
    memmove(&ranges->items[at + 1], &ranges->items[at],
            (ranges->count - at) * sizeof ranges->items[0]);
    ranges->items[at] = (fa_range){start, end};
    ranges->count++;
}

void fa_ranges_cut(fa_ranges *ranges, uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    fa_ranges rest = {.count = 0};
    for (size_t i = 0; i < ranges->count; i++) {
        const fa_range range = ranges->items[i];
        fa_ranges_add(&rest, range.start, start < range.end ? start : range.end);
        fa_ranges_add(&rest, end > range.start ? end : range.start, range.end);
    }
    *ranges = rest;
}

uint64_t fa_ranges_end_at(const fa_ranges *ranges, uint64_t address)
{
    for (size_t i = 0; i < ranges->count; i++)
        if (ranges->items[i].start <= address && address < ranges->items[i].end)
            return ranges->items[i].end;
    return 0;
}
