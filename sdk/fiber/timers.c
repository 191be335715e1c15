/* SPDX-License-Identifier: ISC */
/* A binary heap of deadlines in one array, each entry with its deadline beside the pointer so that
 * comparing touches nothing else. */
#include "timers.h"
#include <fata/panic.h>
#include <stdlib.h>

typedef struct entry {
    fa_deadline deadline;
    fa_timer *timer;
} entry;

static entry *entries;
static size_t entry_count, entry_cap;

static void put(size_t index, entry e)
{
    entries[index] = e;
    e.timer->slot = index + 1;
}

static void sift_up(size_t index, entry e)
{
    while (index > 0 && entries[(index - 1) / 2].deadline > e.deadline) {
        put(index, entries[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    put(index, e);
}

static void sift_down(size_t index, entry e)
{
    for (size_t child; (child = 2 * index + 1) < entry_count; index = child) {
        if (child + 1 < entry_count && entries[child + 1].deadline < entries[child].deadline)
            child++;
        if (entries[child].deadline >= e.deadline)
            break;
        put(index, entries[child]);
    }
    put(index, e);
}

fa_err fa_timers_reserve(size_t count)
{
    if (count <= entry_cap)
        return FA_OK;
    size_t cap = entry_cap < 8 ? 8 : 2 * entry_cap;
    cap = cap < count ? count : cap;
    entry *grown = realloc(entries, cap * sizeof *grown);
    if (grown == NULL)
        return FA_ENOMEM;
    entries = grown;
    entry_cap = cap;
    return FA_OK;
}

void fa_timers_add(fa_deadline deadline, fa_timer *timer)
{
    fa_assert(timer->slot == 0 && entry_count < entry_cap);
    sift_up(entry_count++, (entry){deadline, timer});
}

void fa_timers_remove(fa_timer *timer)
{
    if (timer->slot == 0)
        return;
    const size_t index = timer->slot - 1;
    fa_assert(index < entry_count && entries[index].timer == timer);
    timer->slot = 0;
    const entry last = entries[--entry_count];
    if (index == entry_count)
        return;
    if (index > 0 && entries[(index - 1) / 2].deadline > last.deadline)
        sift_up(index, last);
    else
        sift_down(index, last);
}

fa_deadline fa_timers_first(void)
{
    return entry_count == 0 ? FA_FOREVER : entries[0].deadline;
}

fa_timer *fa_timers_expire(uint64_t now_ns)
{
    if (entry_count == 0 || entries[0].deadline > now_ns)
        return NULL;
    fa_timer *timer = entries[0].timer;
    fa_timers_remove(timer);
    return timer;
}

fa_deadline fa_timers_deadline(const fa_timer *timer)
{
    return timer->slot == 0 ? FA_FOREVER : entries[timer->slot - 1].deadline;
}
