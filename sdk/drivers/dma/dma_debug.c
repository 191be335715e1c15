/* SPDX-License-Identifier: ISC */
/* Linked into debug builds: the device has a bounce buffer, in pages of its own. What an owner must
 * not use is poison, so that a forgotten map or unmap shows on machines where caches would hide it:
 * the buffer while the device may write it, and the bounce buffer, which is kept for a while, after
 * the unmap. What is no longer poison when it should be, and arguments that do not match, panic. */
#include "../../core/pages.h"
#include "../../cpu/dma.h"
#include "dma.h"
#include <fata/panic.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How many bytes of bounce buffers are kept after their unmap; the last one always is. */
#define ENDED_BYTES_MAX (64 * FA_KIB)

typedef struct mapping {
    struct mapping *next;
    uint8_t *buffer;
    size_t len;
    plat_dma_direction direction;
    plat_dma_sharing sharing;
    plat_dma_addr addr;
    uint8_t *pages; /* whole ones, poison but for the bounce buffer */
    size_t pages_bytes;
    size_t bounce_at; /* in the pages: where the buffer lies in its own */
} mapping;

static mapping *mapped; /* the last first */
static mapping *ended_first, *ended_last; /* unmapped, in that order */
static size_t ended_bytes;

static const char *text_of(plat_dma_direction direction)
{
    return direction == PLAT_DMA_TO_DEVICE     ? "to the device"
           : direction == PLAT_DMA_FROM_DEVICE ? "from the device"
                                               : "both ways";
}

static bool is_poison(const uint8_t *bytes, size_t len)
{
    return len == 0 || (bytes[0] == DMA_POISON && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* In the bounce buffer's pages the device's writes must show up also where there should be none. */
static void give_pages(const mapping *m)
{
    if (m->sharing == PLAT_DMA_INCOHERENT)
        fa_cpu_dma_begin(m->pages, m->pages_bytes, true);
}

static void take_pages(const mapping *m)
{
    if (m->sharing == PLAT_DMA_INCOHERENT)
        fa_cpu_dma_end(m->pages, m->pages_bytes);
}

static void check_ended(const mapping *m)
{
    take_pages(m);
    if (!is_poison(m->pages, m->pages_bytes))
        fa_panic("a device wrote to the buffer at %p, %zu bytes %s, after its unmap",
                 (void *)m->buffer, m->len, text_of(m->direction));
}

static void discard(mapping *m)
{
    free(m->pages);
    free(m);
}

static void keep_ended(mapping *m)
{
    m->next = NULL;
    if (ended_first == NULL)
        ended_first = m;
    else
        ended_last->next = m;
    ended_last = m;
    ended_bytes += m->pages_bytes;
    while (ended_bytes > ENDED_BYTES_MAX && ended_first != ended_last) {
        mapping *oldest = ended_first;
        check_ended(oldest);
        ended_bytes -= oldest->pages_bytes;
        ended_first = oldest->next;
        discard(oldest);
    }
}

static void check_overlaps(const uint8_t *buffer, size_t len, plat_dma_direction direction)
{
    for (const mapping *m = mapped; m != NULL; m = m->next)
        if ((dma_device_writes(direction) || dma_device_writes(m->direction)) &&
            buffer < m->buffer + m->len && m->buffer < buffer + len)
            fa_panic("the buffer at %p, %zu bytes, is mapped %s while that at %p, %zu bytes, is %s",
                     (const void *)buffer, len, text_of(direction), (void *)m->buffer, m->len,
                     text_of(m->direction));
}

/* A mapping with its pages, all poison, that is on no list; NULL: no memory. */
static mapping *new_mapping(uint8_t *buffer, size_t len, plat_dma_direction direction,
                            plat_dma_sharing sharing)
{
    const size_t bounce_at = (uintptr_t)buffer % FA_PAGE_BYTES;
    const size_t pages_bytes =
        (bounce_at + len + FA_PAGE_BYTES - 1) / FA_PAGE_BYTES * FA_PAGE_BYTES;
    mapping *m = malloc(sizeof *m);
    if (m == NULL)
        return NULL;
    *m = (mapping){.buffer = buffer,
                   .len = len,
                   .direction = direction,
                   .sharing = sharing,
                   .pages = aligned_alloc(FA_PAGE_BYTES, pages_bytes),
                   .pages_bytes = pages_bytes,
                   .bounce_at = bounce_at};
    if (m->pages == NULL) {
        free(m);
        return NULL;
    }
    memset(m->pages, DMA_POISON, pages_bytes);
    return m;
}

fa_err plat_dma_map(void *buffer, size_t len, plat_dma_direction direction,
                    plat_dma_sharing sharing, plat_dma_addr *addr_out)
{
    plat_dma_addr own;
    fa_err err = dma_address(buffer, len, direction, &own);
    if (err != FA_OK)
        return err;
    check_overlaps(buffer, len, direction);
    for (const mapping *m = ended_first; m != NULL; m = m->next)
        check_ended(m);
    mapping *m = new_mapping(buffer, len, direction, sharing);
    if (m == NULL)
        return FA_ENOMEM;
    err = dma_address(m->pages + m->bounce_at, len, direction, &m->addr);
    if (err != FA_OK) {
        discard(m);
        return err;
    }
    if (direction != PLAT_DMA_FROM_DEVICE)
        memcpy(m->pages + m->bounce_at, buffer, len);
    if (dma_device_writes(direction))
        memset(buffer, DMA_POISON, len);
    give_pages(m);
    m->next = mapped;
    mapped = m;
    *addr_out = m->addr;
    return FA_OK;
}

/* What the two owners did while the device had the buffer. */
static void check_use(const mapping *m)
{
    const uint8_t *bounce = m->pages + m->bounce_at;
    const size_t end = m->bounce_at + m->len;
    if (!is_poison(m->pages, m->bounce_at) || !is_poison(m->pages + end, m->pages_bytes - end))
        fa_panic("a device wrote before or behind the buffer at %p, %zu bytes %s",
                 (void *)m->buffer, m->len, text_of(m->direction));
    if (!dma_device_writes(m->direction) && memcmp(m->buffer, bounce, m->len) != 0)
        fa_panic("the CPU or the device wrote to the buffer at %p, %zu bytes %s, before its unmap",
                 (void *)m->buffer, m->len, text_of(m->direction));
    if (dma_device_writes(m->direction) && !is_poison(m->buffer, m->len))
        fa_panic("the CPU wrote to the buffer at %p, %zu bytes %s, before its unmap",
                 (void *)m->buffer, m->len, text_of(m->direction));
}

void plat_dma_unmap(void *buffer, size_t len, plat_dma_direction direction, plat_dma_sharing sharing,
                    plat_dma_addr addr)
{
    mapping **link = &mapped;
    while (*link != NULL && (*link)->addr.address != addr.address)
        link = &(*link)->next;
    mapping *m = *link;
    if (m == NULL)
        fa_panic("unmap of the buffer at %p, %zu bytes %s: nothing is mapped at 0x%" PRIx64, buffer,
                 len, text_of(direction), addr.address);
    if (m->buffer != buffer || m->len != len || m->direction != direction)
        fa_panic("unmap of the buffer at %p, %zu bytes %s; mapped was that at %p, %zu bytes %s",
                 buffer, len, text_of(direction), (void *)m->buffer, m->len, text_of(m->direction));
    if (m->sharing != sharing)
        fa_panic("unmap of the buffer at %p, %zu bytes %s, which was mapped for a device that %s the "
                 "caches", buffer, len, text_of(direction),
                 m->sharing == PLAT_DMA_COHERENT ? "sees" : "does not see");
    take_pages(m);
    check_use(m);
    if (dma_device_writes(direction))
        memcpy(buffer, m->pages + m->bounce_at, len);
    memset(m->pages, DMA_POISON, m->pages_bytes);
    give_pages(m);
    *link = m->next;
    keep_ended(m);
}
