/* SPDX-License-Identifier: ISC */
/* Grants by the words of Xen's public header grant_table.h. */
#include "xen_fake_grants.h"
#include "../../sdk/cpu/dma.h"
#include "test.h"
#include "xen_fake.h"

#define FRAMES_MAX 64u
#define PAGE_BITS 20u
#define FIRST_FRAME 0x100u

static uintptr_t pages[1u << PAGE_BITS]; /* of each frame number, from FIRST_FRAME on; 0: of none */
static xen_grant_entry *table[FRAMES_MAX];
static uint32_t frames_max;
static unsigned pins[FRAMES_MAX * XEN_GRANTS_PER_FRAME][2]; /* all, and of them writing */

fa_err __wrap_fa_cpu_dma_address(const void *start, size_t len, fa_cpu_phys *address_out);
fa_err __wrap_fa_cpu_dma_address(const void *start, size_t len, fa_cpu_phys *address_out)
{
    const uintptr_t page = (uintptr_t)start / XEN_PAGE_BYTES;
    assert_int_equal(((uintptr_t)start + len - 1) / XEN_PAGE_BYTES, page);
    size_t i = (size_t)(page * UINT64_C(0x9e3779b97f4a7c15) >> (64 - PAGE_BITS));
    while (pages[i] != 0 && pages[i] != page)
        i = (i + 1) % FA_ARRAY_COUNT(pages);
    pages[i] = page;
    address_out->address = (FIRST_FRAME + i) * XEN_PAGE_BYTES + (uintptr_t)start % XEN_PAGE_BYTES;
    return FA_OK;
}

static uint8_t *page_of(uint64_t frame)
{
    assert_in_range(frame, FIRST_FRAME, FIRST_FRAME + FA_ARRAY_COUNT(pages) - 1);
    assert_true(pages[frame - FIRST_FRAME] != 0);
    return (uint8_t *)(pages[frame - FIRST_FRAME] * XEN_PAGE_BYTES);
}

static intptr_t map_grants(uint64_t index, uint64_t frame)
{
    if (index >= frames_max)
        return -XEN_EINVAL;
    table[index] = (xen_grant_entry *)(void *)page_of(frame);
    memset(table[index], 0, XEN_PAGE_BYTES);
    return 0;
}

static xen_grant_entry *entry_of(uint32_t ref)
{
    const uint32_t frame = ref / XEN_GRANTS_PER_FRAME;
    return frame < FRAMES_MAX && table[frame] != NULL ? &table[frame][ref % XEN_GRANTS_PER_FRAME]
                                                      : NULL;
}

uint8_t *fake_map(uint32_t ref, bool writes)
{
    xen_grant_entry *entry = entry_of(ref);
    if (entry == NULL || !(entry->flags & XEN_GRANT_PERMIT_ACCESS) ||
        entry->domain != FAKE_BACKEND || (writes && entry->flags & XEN_GRANT_READONLY))
        return NULL;
    pins[ref][0]++;
    pins[ref][1] += writes;
    entry->flags |= (uint16_t)(XEN_GRANT_READING | (writes ? XEN_GRANT_WRITING : 0));
    return page_of(entry->frame);
}

void fake_unmap(uint32_t ref)
{
    xen_grant_entry *entry = entry_of(ref);
    assert_true(pins[ref][0] > 0);
    pins[ref][1] = --pins[ref][0] == 0 ? 0 : pins[ref][1];
    if (pins[ref][0] == 0)
        entry->flags &= (uint16_t)~(XEN_GRANT_READING | XEN_GRANT_WRITING);
}

unsigned fake_given(void)
{
    unsigned count = 0;
    for (uint32_t ref = 0; entry_of(ref) != NULL; ref++)
        count += entry_of(ref)->flags != 0;
    return count;
}

unsigned fake_mapped(void)
{
    unsigned count = 0;
    for (size_t ref = 0; ref < FA_ARRAY_COUNT(pins); ref++)
        count += pins[ref][0];
    return count;
}

/* The other domain's grants to this one: reference 1 is a page of it to be written, 2 to be read. */
static _Alignas(4096) uint8_t others[2][XEN_PAGE_BYTES];

static int16_t copy(const xen_op_grant_copy *op)
{
    const bool from = op->flags == XEN_GRANT_COPY_SOURCE_REF;
    const xen_grant_place *their = from ? &op->source : &op->dest;
    const xen_grant_place *our = from ? &op->dest : &op->source;
    assert_true(from || op->flags == XEN_GRANT_COPY_DEST_REF);
    assert_int_equal(our->domain, XEN_DOMID_SELF);
    if (their->domain != FAKE_BACKEND)
        return XEN_GRANT_BAD_DOMAIN;
    if (their->ref_or_frame < 1 || their->ref_or_frame > (from ? 2u : 1u))
        return XEN_GRANT_BAD_REF;
    uint8_t *theirs = others[their->ref_or_frame - 1] + their->offset;
    uint8_t *ours = page_of(our->ref_or_frame) + our->offset;
    memcpy(from ? ours : theirs, from ? theirs : ours, op->len);
    return XEN_GRANT_OKAY;
}

static int16_t map_others(xen_op_grant_map *op)
{
    const bool reads = op->flags == (XEN_GRANT_MAP_HOST | XEN_GRANT_MAP_READONLY);
    assert_true(reads || op->flags == XEN_GRANT_MAP_HOST);
    if (op->domain != FAKE_BACKEND)
        return XEN_GRANT_BAD_DOMAIN;
    if (op->ref < 1 || op->ref > (reads ? 2u : 1u))
        return XEN_GRANT_PERMISSION_DENIED;
    op->handle = 40 + op->ref;
    memcpy(page_of(op->host_address / XEN_PAGE_BYTES), others[op->ref - 1], XEN_PAGE_BYTES);
    return XEN_GRANT_OKAY;
}

static intptr_t grant_op(unsigned operation, void *arguments, uintptr_t count)
{
    assert_int_equal(count, 1);
    switch (operation) {
    case XEN_GRANT_QUERY_SIZE: {
        xen_op_grant_query *op = arguments;
        assert_int_equal(op->domain, XEN_DOMID_SELF);
        op->frames = 1;
        op->frames_max = frames_max;
        op->status = XEN_GRANT_OKAY;
        return 0;
    }
    case XEN_GRANT_COPY:
        ((xen_op_grant_copy *)arguments)->status = copy(arguments);
        return 0;
    case XEN_GRANT_MAP:
        ((xen_op_grant_map *)arguments)->status = map_others(arguments);
        return 0;
    case XEN_GRANT_UNMAP: {
        xen_op_grant_unmap *op = arguments;
        op->status = op->handle == 41 || op->handle == 42 ? XEN_GRANT_OKAY : -4; /* bad_handle */
        return 0;
    }
    default:
        return -XEN_ENOSYS;
    }
}

void fake_grants_reset(uint32_t max)
{
    frames_max = max;
    memset(pins, 0, sizeof pins);
    memset(table, 0, sizeof table);
    memset(others[0], 'w', XEN_PAGE_BYTES);
    memset(others[1], 'r', XEN_PAGE_BYTES);
    fake.grant_op = grant_op;
    fake.map_grants = map_grants;
}
