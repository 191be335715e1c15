/* SPDX-License-Identifier: ISC */
/* The packet pool and the segments of a packet: see packet.h. The pages lie in one piece of memory,
 * aligned, with nothing else in it; the records are apart from them, so that a device which is given
 * a page sees no pointer. */
#include "packet.h"
#include <fata/panic.h>
#include <stdlib.h>
#include <string.h>

fa_err fa_packet_pool_init(fa_packet_pool *pool, uint32_t page_count)
{
    *pool = (fa_packet_pool){.page_count = page_count, .free_page_count = page_count};
    if (page_count == 0 || page_count > FA_PACKET_POOL_PAGES_MAX)
        return FA_EINVAL;
    pool->memory = aligned_alloc(FA_PACKET_PAGE_BYTES, page_count * FA_PACKET_PAGE_BYTES);
    pool->pages = calloc(page_count, sizeof *pool->pages);
    pool->packets = calloc(page_count, sizeof *pool->packets);
    if (pool->memory == NULL || pool->pages == NULL || pool->packets == NULL) {
        free(pool->memory);
        free(pool->pages);
        free(pool->packets);
        *pool = (fa_packet_pool){0};
        return FA_ENOMEM;
    }
    for (uint32_t i = page_count; i-- > 0;) {
        pool->pages[i] = (fa_packet_page){
            (uint8_t *)pool->memory + i * FA_PACKET_PAGE_BYTES, pool, pool->free_pages, 0};
        pool->free_pages = &pool->pages[i];
        pool->packets[i].next = pool->free_packets;
        pool->free_packets = &pool->packets[i];
    }
    return FA_OK;
}

void fa_packet_pool_free(fa_packet_pool *pool)
{
    fa_assert(pool->free_page_count == pool->page_count);
    free(pool->memory);
    free(pool->pages);
    free(pool->packets);
    *pool = (fa_packet_pool){0};
}

fa_packet_page *fa_packet_page_alloc(fa_packet_pool *pool)
{
    fa_packet_page *page = pool->free_pages;
    if (page == NULL)
        return NULL;
    pool->free_pages = page->next_free;
    pool->free_page_count--;
    page->users = 1;
    return page;
}

void fa_packet_page_release(fa_packet_page *page)
{
    fa_assert(page->users > 0);
    if (--page->users > 0)
        return;
    page->next_free = page->pool->free_pages;
    page->pool->free_pages = page;
    page->pool->free_page_count++;
    void (*freed)(void *arg) = page->pool->freed;
    if (freed != NULL) {
        page->pool->freed = NULL;
        freed(page->pool->freed_arg);
    }
}

void fa_packet_pool_await(fa_packet_pool *pool, void (*freed)(void *arg), void *arg)
{
    pool->freed = freed;
    pool->freed_arg = arg;
}

fa_packet *fa_packet_alloc_empty(fa_packet_pool *pool)
{
    fa_packet *packet = pool->free_packets;
    if (packet == NULL)
        return NULL;
    pool->free_packets = packet->next;
    /* Field by field: the segments beyond segment_count are nothing. */
    packet->next = NULL;
    packet->pool = pool;
    packet->len = 0;
    packet->segment_count = 0;
    packet->checksum = FA_PACKET_UNCHECKED;
    packet->checksum_start = packet->checksum_offset = 0;
    packet->segment_payload_bytes = packet->header_bytes = 0;
    return packet;
}

fa_packet *fa_packet_alloc(fa_packet_pool *pool)
{
    fa_packet *packet = fa_packet_alloc_empty(pool);
    fa_packet_page *page = packet != NULL ? fa_packet_page_alloc(pool) : NULL;
    if (page == NULL) {
        fa_packet_free(packet);
        return NULL;
    }
    packet->segments[0] = (fa_packet_segment){page, FA_PACKET_HEADROOM, 0};
    packet->segment_count = 1;
    return packet;
}

void fa_packet_free(fa_packet *packet)
{
    if (packet == NULL)
        return;
    for (unsigned i = 0; i < packet->segment_count; i++)
        fa_packet_page_release(packet->segments[i].page);
    packet->segment_count = 0;
    packet->next = packet->pool->free_packets;
    packet->pool->free_packets = packet;
}

/* Puts a segment of `len` bytes of a new page in front. */
static bool add_front_page(fa_packet *packet, size_t len)
{
    fa_packet_page *page =
        packet->segment_count < FA_PACKET_SEGMENTS_MAX ? fa_packet_page_alloc(packet->pool) : NULL;
    if (page == NULL)
        return false;
    memmove(&packet->segments[1], &packet->segments[0],
            packet->segment_count * sizeof packet->segments[0]);
    packet->segments[0] = (fa_packet_segment){page, FA_PACKET_HEADROOM, (uint16_t)len};
    packet->segment_count++;
    packet->len += (uint32_t)len;
    return true;
}

uint8_t *fa_packet_prepend(fa_packet *packet, size_t len)
{
    fa_assert(len <= FA_PACKET_HEADROOM);
    fa_packet_segment *first = &packet->segments[0];
    if (packet->segment_count > 0 && first->page->users == 1 && first->offset >= len) {
        first->offset = (uint16_t)(first->offset - len);
        first->len = (uint16_t)(first->len + len);
        packet->len += (uint32_t)len;
    } else if (!add_front_page(packet, len)) {
        return NULL;
    }
    packet->checksum_start = (uint16_t)(packet->checksum_start + len);
    packet->header_bytes = (uint16_t)(packet->header_bytes + len);
    return first->page->bytes + first->offset;
}

static size_t room_at_end(const fa_packet *packet)
{
    if (packet->segment_count == 0)
        return 0;
    const fa_packet_segment *last = &packet->segments[packet->segment_count - 1];
    return last->page->users > 1 ? 0 : FA_PACKET_PAGE_BYTES - last->offset - last->len;
}

uint8_t *fa_packet_append(fa_packet *packet, size_t len)
{
    if (packet->segment_count == 0 || len > room_at_end(packet))
        return NULL;
    fa_packet_segment *last = &packet->segments[packet->segment_count - 1];
    uint8_t *end = last->page->bytes + last->offset + last->len;
    last->len = (uint16_t)(last->len + len);
    packet->len += (uint32_t)len;
    return end;
}

fa_err fa_packet_append_bytes(fa_packet *packet, const void *bytes, size_t len)
{
    for (const uint8_t *next = bytes; len > 0;) {
        size_t room = room_at_end(packet);
        if (room == 0) {
            if (packet->segment_count == FA_PACKET_SEGMENTS_MAX)
                return FA_ELIMIT;
            fa_packet_page *page = fa_packet_page_alloc(packet->pool);
            if (page == NULL)
                return FA_ENOMEM;
            packet->segments[packet->segment_count++] = (fa_packet_segment){page, 0, 0};
            room = FA_PACKET_PAGE_BYTES;
        }
        room = room < len ? room : len;
        memcpy(fa_packet_append(packet, room), next, room);
        next += room;
        len -= room;
    }
    return FA_OK;
}

fa_err fa_packet_append_page(fa_packet *packet, fa_packet_page *page, size_t offset, size_t len)
{
    fa_assert(offset <= FA_PACKET_PAGE_BYTES && len <= FA_PACKET_PAGE_BYTES - offset);
    if (packet->segment_count == FA_PACKET_SEGMENTS_MAX)
        return FA_ELIMIT;
    fa_packet_page_keep(page);
    packet->segments[packet->segment_count++] =
        (fa_packet_segment){page, (uint16_t)offset, (uint16_t)len};
    packet->len += (uint32_t)len;
    return FA_OK;
}

/* Gives up the segments that are whole within the first `len` bytes; what is left of these. (Not inlined, as the next one
 * too: what is seldom would cost what is done with every packet registers.) */
__attribute__((noinline)) static size_t pull_segments(fa_packet *packet, size_t len)
{
    unsigned gone = 0;
    for (; gone < packet->segment_count && packet->segments[gone].len <= len; gone++) {
        len -= packet->segments[gone].len;
        fa_packet_page_release(packet->segments[gone].page);
    }
    packet->segment_count = (uint8_t)(packet->segment_count - gone);
    memmove(&packet->segments[0], &packet->segments[gone],
            packet->segment_count * sizeof packet->segments[0]);
    return len;
}

void fa_packet_pull(fa_packet *packet, size_t len)
{
    fa_assert(len <= packet->len);
    if (len == 0)
        return;
    packet->len -= (uint32_t)len;
    packet->header_bytes = (uint16_t)(packet->header_bytes > len ? packet->header_bytes - len : 0);
    if (packet->checksum_start >= len)
        packet->checksum_start = (uint16_t)(packet->checksum_start - len);
    else if (packet->checksum == FA_PACKET_PARTIAL)
        packet->checksum = FA_PACKET_VERIFIED;
    if (packet->segments[0].len <= len)
        len = pull_segments(packet, len);
    if (len > 0) {
        packet->segments[0].offset = (uint16_t)(packet->segments[0].offset + len);
        packet->segments[0].len = (uint16_t)(packet->segments[0].len - len);
    }
}

void fa_packet_truncate(fa_packet *packet, size_t len)
{
    fa_assert(len <= packet->len);
    size_t more = packet->len - len;
    packet->len = (uint32_t)len;
    while (packet->segment_count > 0) {
        fa_packet_segment *last = &packet->segments[packet->segment_count - 1];
        if (last->len > more) {
            last->len = (uint16_t)(last->len - more);
            return;
        }
        more -= last->len;
        fa_packet_page_release(last->page);
        packet->segment_count--;
    }
}

/* The first `len` bytes into a segment of their own; false: no memory. */
__attribute__((noinline)) static bool join_head(fa_packet *packet, size_t len)
{
    fa_assert(len <= FA_PACKET_HEADROOM);
    uint8_t head[FA_PACKET_HEADROOM];
    const uint16_t checksum_start = packet->checksum_start, header = packet->header_bytes;
    const uint8_t checksum = packet->checksum;
    fa_packet_page *page = fa_packet_page_alloc(packet->pool);
    if (page == NULL)
        return false;
    fa_packet_page_release(page); /* (There is one: add_front_page() will not fail.) */
    fa_packet_copy(packet, 0, head, len);
    fa_packet_pull(packet, len); /* gives up one segment at least */
    add_front_page(packet, len);
    memcpy(packet->segments[0].page->bytes + packet->segments[0].offset, head, len);
    packet->checksum_start = checksum_start;
    packet->header_bytes = header;
    packet->checksum = checksum;
    return true;
}

uint8_t *fa_packet_head(fa_packet *packet, size_t len)
{
    if (packet->len < len || packet->segment_count == 0)
        return NULL;
    const fa_packet_segment *first = &packet->segments[0];
    if (first->len < len && !join_head(packet, len))
        return NULL;
    return first->page->bytes + first->offset;
}

bool fa_packet_copy(const fa_packet *packet, size_t offset, void *bytes_out, size_t len)
{
    if (offset > packet->len || len > packet->len - offset)
        return false;
    uint8_t *out = bytes_out;
    for (const fa_packet_segment *segment = packet->segments; len > 0; segment++) {
        if (offset >= segment->len) {
            offset -= segment->len;
            continue;
        }
        const size_t here = segment->len - offset < len ? segment->len - offset : len;
        memcpy(out, segment->page->bytes + segment->offset + offset, here);
        out += here;
        len -= here;
        offset = 0;
    }
    return true;
}

void fa_packet_queue_add(fa_packet_queue *queue, fa_packet *packet)
{
    packet->next = NULL;
    if (queue->last != NULL)
        queue->last->next = packet;
    else
        queue->first = packet;
    queue->last = packet;
    queue->count++;
}

fa_packet *fa_packet_queue_take(fa_packet_queue *queue)
{
    fa_packet *packet = queue->first;
    if (packet == NULL)
        return NULL;
    queue->first = packet->next;
    if (queue->first == NULL)
        queue->last = NULL;
    queue->count--;
    packet->next = NULL;
    return packet;
}

void fa_packet_queue_move(fa_packet_queue *to, fa_packet_queue *from)
{
    if (from->first == NULL)
        return;
    if (to->last != NULL)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->count += from->count;
    *from = (fa_packet_queue){0};
}

void fa_packet_queue_free(fa_packet_queue *queue)
{
    for (fa_packet *packet; (packet = fa_packet_queue_take(queue)) != NULL;)
        fa_packet_free(packet);
}
