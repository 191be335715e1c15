/* SPDX-License-Identifier: ISC */
/* The timing wheel: see wheel.h. A timer lies on the lowest level whose span reaches it; when time
 * comes to a slot of a higher level, its timers move down. Bit maps of the slots that hold timers
 * let time jump over those that do not. */
#include "wheel.h"

#define SLOT_BITS 6u
#define SPAN ((uint64_t)1 << (SLOT_BITS * FA_WHEEL_LEVELS)) /* in ticks, of the whole wheel */

static unsigned slot_of(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> (SLOT_BITS * level)) % FA_WHEEL_SLOTS;
}

static void mark_slot(fa_wheel *wheel, unsigned level, unsigned slot, bool is_used)
{
    const uint64_t bit = (uint64_t)1 << slot;
    wheel->used[level] = is_used ? wheel->used[level] | bit : wheel->used[level] & ~bit;
    wheel->is_next_known = false;
}

static void link_timer(fa_wheel_timer **head, fa_wheel_timer *timer)
{
    timer->next = *head;
    timer->previous = head;
    if (timer->next != NULL)
        timer->next->previous = &timer->next;
    *head = timer;
}

static void put(fa_wheel *wheel, fa_wheel_timer *timer)
{
    uint64_t tick =
        timer->deadline / FA_WHEEL_TICK_NS + (timer->deadline % FA_WHEEL_TICK_NS != 0);
    if (tick < wheel->tick)
        tick = wheel->tick;
    if (tick - wheel->tick >= SPAN)
        tick = wheel->tick + SPAN - 1;
    unsigned level = 0;
    while ((tick - wheel->tick) >> (SLOT_BITS * (level + 1)) != 0)
        level++;
    const unsigned slot = slot_of(tick, level);
    link_timer(&wheel->slots[level][slot], timer);
    mark_slot(wheel, level, slot, true);
}

void fa_wheel_init(fa_wheel *wheel, uint64_t now_ns)
{
    *wheel = (fa_wheel){.tick = now_ns / FA_WHEEL_TICK_NS};
}

void fa_wheel_disarm(fa_wheel *wheel, fa_wheel_timer *timer)
{
    fa_wheel_timer **previous = timer->previous;
    if (previous == NULL)
        return;
    *previous = timer->next;
    if (timer->next != NULL)
        timer->next->previous = previous;
    timer->next = NULL;
    timer->previous = NULL;
    /* The last one of a slot: `previous` is the slot itself. */
    const uintptr_t at = (uintptr_t)previous, first = (uintptr_t)&wheel->slots[0][0];
    if (*previous == NULL && at >= first && at < first + sizeof wheel->slots) {
        const size_t index = (at - first) / sizeof wheel->slots[0][0];
        mark_slot(wheel, (unsigned)(index / FA_WHEEL_SLOTS), (unsigned)(index % FA_WHEEL_SLOTS), false);
    }
}

void fa_wheel_arm(fa_wheel *wheel, fa_wheel_timer *timer, fa_deadline deadline)
{
    fa_wheel_disarm(wheel, timer);
    timer->deadline = deadline;
    if (deadline != FA_FOREVER)
        put(wheel, timer);
}

/* The next tick at which a slot with timers is reached, of any level; UINT64_MAX: there is none. */
static uint64_t find_next(const fa_wheel *wheel)
{
    uint64_t next = UINT64_MAX;
    for (unsigned level = 0; level < FA_WHEEL_LEVELS; level++) {
        if (wheel->used[level] == 0)
            continue;
        const unsigned shift = SLOT_BITS * level;
        /* The slot that time is in the middle of has been emptied: what it holds is a turn later. */
        const uint64_t from = (wheel->tick + (((uint64_t)1 << shift) - 1)) >> shift;
        const unsigned turn = (unsigned)from % FA_WHEEL_SLOTS;
        const uint64_t used = wheel->used[level];
        const uint64_t turned =
            turn == 0 ? used : used >> turn | used << (FA_WHEEL_SLOTS - turn);
        const uint64_t tick = (from + (unsigned)__builtin_ctzll(turned)) << shift;
        next = tick < next ? tick : next;
    }
    return next;
}

/* It is asked for with each packet, and seldom another: time that passes up to it changes nothing. */
static uint64_t next_tick(fa_wheel *wheel)
{
    if (!wheel->is_next_known)
        wheel->next = find_next(wheel);
    wheel->is_next_known = true;
    return wheel->next;
}

/* Empties a slot and returns what was in it. */
static fa_wheel_timer *take_slot(fa_wheel *wheel, unsigned level, unsigned slot)
{
    fa_wheel_timer *timers = wheel->slots[level][slot];
    wheel->slots[level][slot] = NULL;
    mark_slot(wheel, level, slot, false);
    return timers;
}

static void reach(fa_wheel *wheel, uint64_t tick)
{
    wheel->tick = tick;
    for (unsigned level = FA_WHEEL_LEVELS; level-- > 1;) {
        if (tick % ((uint64_t)1 << (SLOT_BITS * level)) != 0)
            continue;
        fa_wheel_timer *timer = take_slot(wheel, level, slot_of(tick, level));
        while (timer != NULL) {
            fa_wheel_timer *next = timer->next;
            put(wheel, timer);
            timer = next;
        }
    }
    wheel->due = take_slot(wheel, 0, slot_of(tick, 0));
    if (wheel->due != NULL)
        wheel->due->previous = &wheel->due;
    wheel->tick = tick + 1;
}

fa_wheel_timer *fa_wheel_expire(fa_wheel *wheel, uint64_t now_ns)
{
    const uint64_t now = now_ns / FA_WHEEL_TICK_NS;
    while (wheel->due == NULL && wheel->tick <= now) {
        const uint64_t tick = next_tick(wheel);
        if (tick <= now)
            reach(wheel, tick);
        else
            wheel->tick = now + 1;
    }
    fa_wheel_timer *timer = wheel->due;
    if (timer != NULL)
        fa_wheel_disarm(wheel, timer);
    return timer;
}

fa_deadline fa_wheel_next(fa_wheel *wheel)
{
    if (wheel->due != NULL)
        return FA_NOW;
    const uint64_t tick = next_tick(wheel);
    return tick > UINT64_MAX / FA_WHEEL_TICK_NS ? FA_FOREVER : tick * FA_WHEEL_TICK_NS;
}
