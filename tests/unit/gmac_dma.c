/* SPDX-License-Identifier: ISC */
/* See gmac_dma.h. A page for each map. */
#include "gmac_dma.h"
#include "../../bsp/plat.h"
#include "../../sdk/cpu/dma.h"
#include "test.h"

#define STEP ((size_t)4096)
#define SLOTS (GMAC_DMA_BYTES / STEP)
#define POISON 0xdd

unsigned gmac_dma_count, gmac_dma_room;

static uint8_t *memory;
static uint32_t base;
static struct {
    void *buffer;
    size_t len;
    plat_dma_direction direction;
} slots[SLOTS];

void gmac_dma_init(uint8_t *where, uint32_t address)
{
    memory = where;
    base = address;
    gmac_dma_count = 0;
    gmac_dma_room = SLOTS;
    memset(slots, 0, sizeof slots);
    memset(memory, POISON, GMAC_DMA_BYTES);
}

uint8_t *gmac_dma_at(uint32_t address, size_t len)
{
    const size_t offset = address - base, slot = offset / STEP;
    assert_true(slot < SLOTS && slots[slot].buffer != NULL && offset % STEP + len <= slots[slot].len);
    return memory + offset;
}

void fa_cpu_dma_begin(const void *start, size_t len, bool device_writes)
{
    (void)start, (void)len, (void)device_writes;
}

fa_err plat_dma_map(void *buffer, size_t len, plat_dma_direction direction, plat_dma_sharing sharing,
                    plat_dma_addr *addr_out)
{
    assert_int_equal(sharing, PLAT_DMA_INCOHERENT);
    assert_true(len > 0 && len <= STEP && direction != PLAT_DMA_BOTH);
    assert_true(direction == PLAT_DMA_TO_DEVICE || ((uintptr_t)buffer | len) % PLAT_DMA_ALIGN_BYTES == 0);
    if (gmac_dma_count >= gmac_dma_room)
        return FA_ENOMEM;
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i].buffer != NULL)
            continue;
        slots[i].buffer = buffer;
        slots[i].len = len;
        slots[i].direction = direction;
        gmac_dma_count++;
        addr_out->address = base + i * STEP;
        if (direction == PLAT_DMA_TO_DEVICE)
            memcpy(memory + i * STEP, buffer, len);
        else
            memset(buffer, POISON, len);
        return FA_OK;
    }
    return FA_ENOMEM;
}

void plat_dma_unmap(void *buffer, size_t len, plat_dma_direction direction, plat_dma_sharing sharing,
                    plat_dma_addr addr)
{
    const size_t i = (size_t)(addr.address - base) / STEP;
    assert_int_equal(sharing, PLAT_DMA_INCOHERENT);
    assert_true(i < SLOTS && slots[i].buffer == buffer && slots[i].len == len && slots[i].direction == direction);
    if (direction == PLAT_DMA_FROM_DEVICE)
        memcpy(buffer, memory + i * STEP, len);
    memset(memory + i * STEP, POISON, STEP);
    slots[i].buffer = NULL;
    gmac_dma_count--;
}

fa_err plat_dma_alloc(size_t len, plat_dma_sharing sharing, void **memory_out, plat_dma_addr *addr_out)
{
    assert_int_equal(sharing, PLAT_DMA_INCOHERENT);
    assert_true(len <= STEP);
    if (gmac_dma_count >= gmac_dma_room)
        return FA_ENOMEM;
    assert_null(slots[SLOTS - 1].buffer);
    *memory_out = slots[SLOTS - 1].buffer = memory + (SLOTS - 1) * STEP;
    slots[SLOTS - 1].len = len;
    gmac_dma_count++;
    memset(*memory_out, 0, len);
    addr_out->address = base + (SLOTS - 1) * STEP;
    return FA_OK;
}

void plat_dma_free(void *where, size_t len, plat_dma_sharing sharing)
{
    assert_int_equal(sharing, PLAT_DMA_INCOHERENT);
    assert_ptr_equal(slots[SLOTS - 1].buffer, where);
    assert_int_equal(slots[SLOTS - 1].len, len);
    memset(where, POISON, STEP);
    slots[SLOTS - 1].buffer = NULL;
    gmac_dma_count--;
}
