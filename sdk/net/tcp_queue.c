/* SPDX-License-Identifier: ISC */
/* The bytes of a connection: a ring of ranges of pages, in the record itself as long as they are
 * few, else in memory that is given back when the queue is empty. */
#include "tcp_queue.h"
#include "tcp_wire.h"
#include <fata/panic.h>
#include <stdlib.h>
#include <string.h>

static fa_packet_segment *range_at(fa_tcp_queue *queue, unsigned index)
{
    fa_packet_segment *ring = queue->ring != NULL ? queue->ring : queue->own_ring;
    const unsigned cap = queue->ring != NULL ? queue->cap : FA_TCP_QUEUE_INLINE;
    return &ring[(queue->first + index) & (cap - 1)];
}

static void forget_ring(fa_tcp_queue *queue)
{
    free(queue->ring);
    queue->ring = NULL;
    queue->cap = queue->first = 0;
    queue->hint_index = 0;
    queue->hint_offset = 0;
}

void fa_tcp_queue_free(fa_tcp_queue *queue)
{
    fa_tcp_queue_drop(queue, queue->len);
    forget_ring(queue);
}

static bool grow(fa_tcp_queue *queue)
{
    const unsigned cap = queue->ring != NULL ? queue->cap : FA_TCP_QUEUE_INLINE;
    if (queue->count < cap)
        return true;
    if (cap >= FA_TCP_QUEUE_SEGMENTS_MAX)
        return false;
    fa_packet_segment *ring = malloc(4u * cap * sizeof *ring);
    if (ring == NULL)
        return false;
    for (unsigned i = 0; i < queue->count; i++)
        ring[i] = *range_at(queue, i);
    free(queue->ring);
    queue->ring = ring;
    queue->cap = (uint16_t)(4u * cap);
    queue->first = 0;
    return true;
}

bool fa_tcp_queue_add(fa_tcp_queue *queue, fa_packet_segment range)
{
    if (!grow(queue))
        return false;
    fa_packet_page_keep(range.page);
    *range_at(queue, queue->count++) = range;
    queue->len += range.len;
    return true;
}

bool fa_tcp_queue_fits(const fa_tcp_queue *queue, size_t len)
{
    if (queue->count == 0)
        return false;
    const fa_packet_segment *last = range_at((fa_tcp_queue *)(uintptr_t)queue, queue->count - 1u);
    return last->page->users == 1 &&
           FA_PACKET_PAGE_BYTES - last->offset - last->len >= len;
}

size_t fa_tcp_queue_write(fa_tcp_queue *queue, fa_packet_pool *pool, const void *bytes, size_t len,
                          uint32_t pages_max)
{
    const uint8_t *from = bytes;
    size_t left = len;
    while (left > 0) {
        fa_packet_segment *last = queue->count > 0 ? range_at(queue, queue->count - 1u) : NULL;
        size_t room = last != NULL ? FA_PACKET_PAGE_BYTES - last->offset - last->len : 0;
        if (room == 0) {
            if (pages_max == 0 || !grow(queue))
                break;
            fa_packet_page *page = fa_packet_page_alloc(pool);
            if (page == NULL)
                break;
            pages_max--;
            last = range_at(queue, queue->count++);
            *last = (fa_packet_segment){page, 0, 0};
            room = FA_PACKET_PAGE_BYTES;
        }
        const size_t n = room < left ? room : left;
        memcpy(last->page->bytes + last->offset + last->len, from, n);
        last->len = (uint16_t)(last->len + n);
        queue->len += (uint32_t)n;
        from += n;
        left -= n;
    }
    return len - left;
}

void fa_tcp_queue_drop(fa_tcp_queue *queue, size_t len)
{
    fa_assert(len <= queue->len);
    queue->len -= (uint32_t)len;
    if (len >= queue->hint_offset)
        queue->hint_index = 0, queue->hint_offset = 0;
    else
        queue->hint_offset -= (uint32_t)len;
    while (queue->count > 0) {
        fa_packet_segment *first = range_at(queue, 0);
        if (len < first->len) {
            first->offset = (uint16_t)(first->offset + len);
            first->len = (uint16_t)(first->len - len);
            return;
        }
        len -= first->len;
        fa_packet_page_release(first->page);
        const unsigned cap = queue->ring != NULL ? queue->cap : FA_TCP_QUEUE_INLINE;
        queue->first = (uint16_t)((queue->first + 1u) & (cap - 1));
        queue->count--;
        if (queue->hint_index > 0)
            queue->hint_index--;
        else
            queue->hint_offset = 0;
    }
    forget_ring(queue);
}

/* The range that the byte at `offset` is in, and where in it; NULL: behind the end. */
static fa_packet_segment *find(fa_tcp_queue *queue, size_t offset, size_t *within_out)
{
    if (offset < queue->hint_offset)
        queue->hint_index = 0, queue->hint_offset = 0;
    while (queue->hint_index < queue->count) {
        fa_packet_segment *range = range_at(queue, queue->hint_index);
        if (offset - queue->hint_offset < range->len) {
            *within_out = offset - queue->hint_offset;
            return range;
        }
        queue->hint_offset += range->len;
        queue->hint_index++;
    }
    queue->hint_index = 0;
    queue->hint_offset = 0;
    return NULL;
}

void fa_tcp_queue_copy(fa_tcp_queue *queue, size_t offset, void *bytes_out, size_t len)
{
    fa_assert(offset + len <= queue->len);
    for (uint8_t *to = bytes_out; len > 0;) {
        size_t within;
        const fa_packet_segment *range = find(queue, offset, &within);
        const size_t n = range->len - within < len ? range->len - within : len;
        memcpy(to, range->page->bytes + range->offset + within, n);
        to += n;
        offset += n;
        len -= n;
    }
}

size_t fa_tcp_queue_read(fa_tcp_queue *queue, void *bytes_out, size_t cap)
{
    const size_t len = queue->len < cap ? queue->len : cap;
    fa_tcp_queue_copy(queue, 0, bytes_out, len);
    fa_tcp_queue_drop(queue, len);
    return len;
}

size_t fa_tcp_queue_refer(fa_tcp_queue *queue, size_t offset, size_t len, fa_packet *packet)
{
    fa_assert(offset + len <= queue->len);
    size_t done = 0;
    while (done < len) {
        size_t within;
        const fa_packet_segment *range = find(queue, offset + done, &within);
        size_t n = range->len - within;
        if (n > len - done)
            n = len - done;
        if (fa_packet_append_page(packet, range->page, range->offset + within, n) != FA_OK)
            break;
        done += n;
    }
    return done;
}
