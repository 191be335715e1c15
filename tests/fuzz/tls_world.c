/* SPDX-License-Identifier: ISC */
/* The wire, and the one who sits on it. */
#include "tls_world.h"
#include "require.h"
#include <fata/panic.h>
#include <string.h>

#define RECORD_HEADER 5u

struct world world;
static const uint8_t *thrown;
static size_t thrown_len;
static unsigned thrown_at;

static world_end *other(world_end *end)
{
    return end == &world.ends[0] ? &world.ends[1] : &world.ends[0];
}

static void arrive(world_end *to, const uint8_t *bytes, size_t len)
{
    if (to->in_ended || len > WORLD_BYTES_MAX - to->in_len) {
        to->in_ended = true;
        return;
    }
    if (len > 0)
        memcpy(to->in + to->in_len, bytes, len);
    to->in_len += len;
}

/* One change of a record, which may become longer; false: it does not arrive now. */
static bool change(world_end *from, uint8_t *record, size_t *len, const uint8_t *how)
{
    const size_t where = (size_t)how[2] << 8 | how[3], n = *len;
    const uint8_t value = how[4];
    world_end *to = other(from);
    switch (how[1] % CHANGE_COUNT) {
    case CHANGE_XOR: record[where % n] ^= value; break;
    case CHANGE_DROP: return false;
    case CHANGE_REPEAT: arrive(to, record, n); break;
    case CHANGE_CUT: *len = where % n; break;
    case CHANGE_TYPE: record[0] = value; break;
    case CHANGE_LENGTH: record[3] = how[2], record[4] = how[3]; break;
    case CHANGE_FILL: memset(record + where % n, value, n - where % n); break;
    case CHANGE_END: to->in_ended = true; break;
    case CHANGE_SPLIT: {
        if (n < RECORD_HEADER + 2)
            break;
        const size_t first = 1 + where % (n - RECORD_HEADER - 1), rest = n - RECORD_HEADER - first;
        const uint8_t head[] = {record[0], record[1], record[2], (uint8_t)(first >> 8), (uint8_t)first};
        arrive(to, head, sizeof head);
        arrive(to, record + RECORD_HEADER, first);
        memmove(record + RECORD_HEADER, record + RECORD_HEADER + first, rest);
        record[3] = (uint8_t)(rest >> 8), record[4] = (uint8_t)rest;
        *len = RECORD_HEADER + rest;
        break;
    }
    case CHANGE_INSERT:
        memmove(record + where % n + value, record + where % n, n - where % n);
        memset(record + where % n, 0, value);
        *len += value;
        break;
    default: /* CHANGE_HOLD */
        memcpy(from->held, record, n);
        from->held_len = n;
        return false;
    }
    return true;
}

static void pass(world_end *from, const uint8_t *bytes, size_t len)
{
    static uint8_t record[WORLD_BYTES_MAX + UINT8_MAX];
    const unsigned number = from->count++ & 0x7f, side = from == &world.ends[0] ? 0x80 : 0;
    bool arrives = true;
    memcpy(record, bytes, len);
    const bool held = from->held_len > 0;
    for (size_t at = 0; at + CHANGE_BYTES <= world.changes_len && arrives && len > 0; at += CHANGE_BYTES)
        if (world.changes[at] == (side | number))
            arrives = change(from, record, &len, world.changes + at);
    if (arrives)
        arrive(other(from), record, len);
    if (held) {
        arrive(other(from), from->held, from->held_len);
        from->held_len = 0;
    }
}

/* The flows. */

static fa_err read_in(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out)
{
    world_end *end = (world_end *)flow;
    size_t len = end->in_seen - end->in_at;
    if (len == 0 && !(end->in_ended && end->in_seen == end->in_len))
        return FA_EAGAIN;
    len = len < cap ? len : cap;
    if (len > 0)
        memcpy(bytes_out, end->in + end->in_at, len);
    end->in_at += len;
    *len_out = len;
    return FA_OK;
}

static fa_err write_out(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out)
{
    world_end *end = (world_end *)flow;
    *len_out = 0;
    for (size_t i = 0; i < count; i++) {
        if (slices[i].len > sizeof end->record - end->record_len)
            return FA_ECLOSED;
        memcpy(end->record + end->record_len, slices[i].bytes, slices[i].len);
        end->record_len += slices[i].len;
        *len_out += slices[i].len;
    }
    while (end->record_len >= RECORD_HEADER) {
        const size_t len = RECORD_HEADER + ((size_t)end->record[3] << 8 | end->record[4]);
        if (len > end->record_len)
            break;
        pass(end, end->record, len);
        memmove(end->record, end->record + len, end->record_len - len);
        end->record_len -= len;
    }
    if (!world.dribbles)
        other(end)->in_seen = other(end)->in_len;
    return FA_OK;
}

static void arm(fa_flow *flow, unsigned events, fa_waker *waker)
{
    (void)flow, (void)events, (void)waker; /* each end has its turns */
}

static fa_err shut(fa_flow *flow)
{
    other((world_end *)flow)->in_ended = true;
    return FA_OK;
}

static void close_end(fa_flow *flow, bool abort)
{
    (void)abort;
    other((world_end *)flow)->in_ended = true;
}

void world_begin(const uint8_t *changes, size_t len, bool dribbles)
{
    static const fa_flow_ops ops = {read_in, write_out, arm, shut, close_end};
    world.changes = changes;
    world.changes_len = len;
    world.dribbles = dribbles;
    for (unsigned i = 0; i < 2; i++) {
        world_end *end = &world.ends[i];
        end->flow.ops = &ops;
        end->in_len = end->in_seen = end->in_at = end->record_len = end->held_len = 0;
        end->in_ended = false;
        end->count = 0;
    }
    arrive(&world.ends[thrown_at], thrown, thrown_len);
    thrown_len = 0;
}

void world_throw(const uint8_t *bytes, size_t len, unsigned end)
{
    thrown = bytes;
    thrown_len = len;
    thrown_at = end;
}

bool world_move(void)
{
    bool moved = false;
    for (unsigned i = 0; i < 2; i++) {
        world_end *end = &world.ends[i];
        moved |= end->in_seen < end->in_len;
        end->in_seen = world.dribbles && end->in_seen < end->in_len ? end->in_seen + 1 : end->in_len;
    }
    return moved;
}

size_t world_progress(void)
{
    size_t all = 0;
    for (unsigned i = 0; i < 2; i++)
        all += world.ends[i].in_len + world.ends[i].in_at + world.ends[i].count;
    return all;
}

void fa_panic_assert(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}
