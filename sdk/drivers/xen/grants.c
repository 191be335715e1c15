/* SPDX-License-Identifier: ISC */
/* The grant table, version 1: frames of entries that Xen shares, each put in the place of a page of
 * RAM when the ones before it are used up. Beside each frame stands a row of notes: whose the
 * reference is, or the next free one. Source: Xen's public header grant_table.h, whose rules for
 * changing an entry these are: its flags come last, and go by compare-and-exchange. */
#include "grants.h"
#include "../../core/pages.h"
#include "../../cpu/dma.h"
#include <fata/panic.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 64u /* Xen's own default limit is 64 frames; what it allows beyond is not used */
#define NONE 0u        /* the first references are the toolstack's */

typedef struct note {
    void (*ended)(void *arg); /* not NULL: kept aside */
    union {
        void *arg;
        uint32_t next_free;
    };
} note;

static xen_grant_entry *frames[FRAMES_MAX];
static note *notes[FRAMES_MAX];
static uint32_t frame_count, frame_limit;
static uint32_t first_free; /* NONE: all are in use */
static xen_grants_count count;

static xen_grant_entry *entry_of(uint32_t ref)
{
    fa_assert(ref >= XEN_GRANTS_RESERVED && ref / XEN_GRANTS_PER_FRAME < frame_count);
    return &frames[ref / XEN_GRANTS_PER_FRAME][ref % XEN_GRANTS_PER_FRAME];
}

static note *note_of(uint32_t ref)
{
    return &notes[ref / XEN_GRANTS_PER_FRAME][ref % XEN_GRANTS_PER_FRAME];
}

static void add_free(uint32_t ref)
{
    *note_of(ref) = (note){.next_free = first_free};
    first_free = ref;
}

static fa_err find_limit(void)
{
    xen_op_grant_query op = {.domain = XEN_DOMID_SELF};
    const fa_err err = xen_call_row(XEN_HYPERCALL_GRANT_TABLE_OP, XEN_GRANT_QUERY_SIZE, &op, 1);
    if (err != FA_OK)
        return err;
    if (op.status != XEN_GRANT_OKAY)
        return FA_EIO;
    frame_limit = op.frames_max < FRAMES_MAX ? op.frames_max : FRAMES_MAX;
    return FA_OK;
}

static fa_err map_frame(uint32_t index, void *page)
{
    fa_cpu_phys phys;
    const fa_err err = fa_cpu_dma_address(page, XEN_PAGE_BYTES, &phys);
    return err == FA_OK
               ? xen_map_space(XEN_MAPSPACE_GRANT_TABLE, index, phys.address / XEN_PAGE_BYTES)
               : err;
}

/* One frame more, with its references free. */
static fa_err grow(void)
{
    fa_err err = frame_limit == 0 ? find_limit() : FA_OK;
    if (err != FA_OK)
        return err;
    if (frame_count >= frame_limit)
        return FA_ELIMIT;
    void *page = fa_pages_alloc(&fa_ram, 1);
    note *row = calloc(XEN_GRANTS_PER_FRAME, sizeof *row);
    err = page == NULL || row == NULL ? FA_ENOMEM : map_frame(frame_count, page);
    if (err != FA_OK) {
        if (page != NULL)
            fa_pages_free(&fa_ram, page, 1);
        free(row);
        return err;
    }
    frames[frame_count] = page;
    notes[frame_count] = row;
    const uint32_t first = frame_count++ * XEN_GRANTS_PER_FRAME;
    for (uint32_t i = XEN_GRANTS_PER_FRAME; i-- > 0;)
        if (first + i >= XEN_GRANTS_RESERVED)
            add_free(first + i);
    return FA_OK;
}

fa_err xen_grant_reserve(uint32_t *ref_out)
{
    if (first_free == NONE)
        (void)xen_grants_retry();
    const fa_err err = first_free == NONE ? grow() : FA_OK;
    if (err != FA_OK)
        return err;
    const uint32_t ref = first_free;
    first_free = note_of(ref)->next_free;
    *note_of(ref) = (note){0};
    count.reserved++;
    *ref_out = ref;
    return FA_OK;
}

void xen_grant_give(uint32_t ref, uint16_t domain, plat_dma_addr page, bool is_writable)
{
    xen_grant_entry *entry = entry_of(ref);
    fa_assert(entry->flags == 0 && page.address / XEN_PAGE_BYTES <= UINT32_MAX);
    entry->frame = (uint32_t)(page.address / XEN_PAGE_BYTES);
    entry->domain = domain;
    __atomic_store_n(&entry->flags,
                     (uint16_t)(XEN_GRANT_PERMIT_ACCESS | (is_writable ? 0 : XEN_GRANT_READONLY)),
                     __ATOMIC_RELEASE);
}

/* Xen may mark the entry as in use between the look and the exchange, which then fails; it cannot go
 * on so for long, as each time is a mapping that is new. */
bool xen_grant_end(uint32_t ref)
{
    xen_grant_entry *entry = entry_of(ref);
    uint16_t flags = __atomic_load_n(&entry->flags, __ATOMIC_RELAXED);
    do {
        if (flags & (XEN_GRANT_READING | XEN_GRANT_WRITING))
            return false;
    } while (!__atomic_compare_exchange_n(&entry->flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    return true;
}

void xen_grant_release(uint32_t ref)
{
    fa_assert(entry_of(ref)->flags == 0 && count.reserved > 0);
    count.reserved--;
    add_free(ref);
}

void xen_grant_abandon(uint32_t ref, void (*ended)(void *arg), void *arg)
{
    if (xen_grant_end(ref)) {
        xen_grant_release(ref);
        ended(arg);
        return;
    }
    *note_of(ref) = (note){.ended = ended, .arg = arg};
    count.reserved--;
    count.kept++;
}

uint32_t xen_grants_retry(void)
{
    const uint32_t end = count.kept == 0 ? 0 : frame_count * XEN_GRANTS_PER_FRAME;
    for (uint32_t ref = XEN_GRANTS_RESERVED; ref < end; ref++) {
        const note kept = *note_of(ref);
        if (kept.ended == NULL || !xen_grant_end(ref))
            continue;
        count.kept--;
        add_free(ref);
        kept.ended(kept.arg);
    }
    return count.kept;
}

fa_err xen_grants_resume(void)
{
    for (uint32_t i = 0; i < frame_count; i++) {
        const fa_err err = map_frame(i, frames[i]);
        if (err != FA_OK)
            return err;
    }
    (void)xen_grants_retry();
    return FA_OK;
}

xen_grants_count xen_grants_counted(void)
{
    return count;
}

static fa_err error_of(fa_err err, int status)
{
    if (err != FA_OK)
        return err;
    switch (status) {
    case XEN_GRANT_OKAY:
        return FA_OK;
    case XEN_GRANT_BAD_DOMAIN:
        return FA_ENOENT;
    case XEN_GRANT_BAD_REF:
    case XEN_GRANT_PERMISSION_DENIED:
        return FA_EPERM;
    case XEN_GRANT_EAGAIN:
        return FA_EAGAIN;
    case XEN_GRANT_NO_SPACE:
        return FA_ENOSPC;
    default:
        return FA_EIO;
    }
}

fa_err xen_grant_map(uint16_t domain, uint32_t ref, bool is_writable, void *page,
                     uint32_t *handle_out)
{
    fa_cpu_phys phys;
    fa_err err = fa_cpu_dma_address(page, XEN_PAGE_BYTES, &phys);
    if (err != FA_OK)
        return err;
    xen_op_grant_map op = {
        .host_address = phys.address,
        .flags = XEN_GRANT_MAP_HOST | (is_writable ? 0 : XEN_GRANT_MAP_READONLY),
        .ref = ref,
        .domain = domain,
    };
    err = xen_call_row(XEN_HYPERCALL_GRANT_TABLE_OP, XEN_GRANT_MAP, &op, 1);
    err = error_of(err, op.status);
    if (err == FA_OK)
        *handle_out = op.handle;
    return err;
}

fa_err xen_grant_unmap(uint32_t handle, void *page)
{
    fa_cpu_phys phys;
    fa_err err = fa_cpu_dma_address(page, XEN_PAGE_BYTES, &phys);
    if (err != FA_OK)
        return err;
    xen_op_grant_unmap op = {.host_address = phys.address, .handle = handle};
    err = xen_call_row(XEN_HYPERCALL_GRANT_TABLE_OP, XEN_GRANT_UNMAP, &op, 1);
    return error_of(err, op.status);
}

/* Our side of a copy. */
static fa_err own_place(const void *bytes, uint16_t len, xen_grant_place *place_out)
{
    fa_cpu_phys phys;
    const fa_err err = fa_cpu_dma_address(bytes, len, &phys);
    if (err == FA_OK)
        *place_out = (xen_grant_place){phys.address / XEN_PAGE_BYTES, XEN_DOMID_SELF,
                                       (uint16_t)(phys.address % XEN_PAGE_BYTES), 0};
    return err;
}

static fa_err copy(xen_op_grant_copy *op)
{
    const fa_err err = xen_call_row(XEN_HYPERCALL_GRANT_TABLE_OP, XEN_GRANT_COPY, op, 1);
    return error_of(err, op->status);
}

fa_err xen_grant_copy_from(uint16_t domain, uint32_t ref, uint16_t offset, void *bytes, uint16_t len)
{
    xen_op_grant_copy op = {
        .source = {ref, domain, offset, 0}, .len = len, .flags = XEN_GRANT_COPY_SOURCE_REF};
    const fa_err err = own_place(bytes, len, &op.dest);
    return err == FA_OK ? copy(&op) : err;
}

fa_err xen_grant_copy_to(uint16_t domain, uint32_t ref, uint16_t offset, const void *bytes,
                         uint16_t len)
{
    xen_op_grant_copy op = {
        .dest = {ref, domain, offset, 0}, .len = len, .flags = XEN_GRANT_COPY_DEST_REF};
    const fa_err err = own_place(bytes, len, &op.source);
    return err == FA_OK ? copy(&op) : err;
}
