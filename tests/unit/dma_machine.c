/* SPDX-License-Identifier: ISC */
/* Keeps RAM twice: what the CPU sees, and what is in memory. Each operation on the cache moves
 * whole lines; a device uses memory alone. The pages for aligned_alloc() (see --wrap in the
 * Makefile) are of the same RAM, so that bounce buffers are seen by the device too. */
#include "dma_machine.h"
#include "../../sdk/cpu/dma.h"
#include "test.h"
#include <stdlib.h>

/* The gap's page lies between those of the tests and those for aligned_alloc(). */
#define PAGES (MACHINE_OWN_PAGES + 1 + MACHINE_ALLOC_PAGES)
#define ALLOC_FIRST (MACHINE_OWN_PAGES + 1)
#define DEVICE_BASE UINT64_C(0x4200000000000000)

_Alignas(4096) uint8_t machine_ram[PAGES * 4096];
static uint8_t memory[sizeof machine_ram];
static size_t run_at[PAGES]; /* of the first page of a run that is allocated: its pages; else 0 */
static bool used[PAGES];
/* The cache's lines when they were last like memory: others have been written to, and go to memory
 * at the most unwelcome moment. */
static uint8_t clean[sizeof machine_ram];
bool machine_malloc_fails;

void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_aligned_alloc(size_t align, size_t len);
void __real_free(void *start);
void __wrap_free(void *start);

void machine_reset(void)
{
    machine_malloc_fails = false;
    memset(machine_ram, 0x11, MACHINE_OWN_PAGES * FA_PAGE_BYTES);
    memset(memory, 0x22, MACHINE_OWN_PAGES * FA_PAGE_BYTES);
    memset(clean, 0x22, MACHINE_OWN_PAGES * FA_PAGE_BYTES);
}

size_t machine_pages_used(void)
{
    size_t count = 0;
    for (size_t i = 0; i < PAGES; i++)
        count += used[i];
    return count;
}

void *__wrap_malloc(size_t len)
{
    return machine_malloc_fails ? NULL : __real_malloc(len);
}

void *__wrap_aligned_alloc(size_t align, size_t len)
{
    assert_int_equal(align, FA_PAGE_BYTES);
    assert_int_equal(len % FA_PAGE_BYTES, 0);
    const size_t count = len / FA_PAGE_BYTES;
    size_t in_a_row = 0;
    for (size_t i = ALLOC_FIRST; i < PAGES; i++) {
        in_a_row = used[i] ? 0 : in_a_row + 1;
        if (in_a_row == count) {
            const size_t first = i + 1 - count;
            memset(&used[first], true, count);
            run_at[first] = count;
            return machine_ram + first * FA_PAGE_BYTES;
        }
    }
    return NULL;
}

void __wrap_free(void *start)
{
    const uintptr_t offset = (uintptr_t)start - (uintptr_t)machine_ram;
    if (offset >= sizeof machine_ram) {
        __real_free(start);
        return;
    }
    const size_t first = offset / FA_PAGE_BYTES;
    assert_true(offset % FA_PAGE_BYTES == 0 && run_at[first] > 0);
    memset(&used[first], false, run_at[first]);
    run_at[first] = 0;
}

uint64_t machine_address(const void *ram)
{
    return DEVICE_BASE + ((uintptr_t)ram - (uintptr_t)machine_ram);
}

fa_err fa_cpu_dma_address(const void *start, size_t len, fa_cpu_phys *address_out)
{
    assert_true(start != NULL && len > 0 && len <= UINTPTR_MAX - (uintptr_t)start);
    const uintptr_t first = (uintptr_t)start - (uintptr_t)machine_ram;
    const uintptr_t gap = (uintptr_t)(machine_gap - machine_ram);
    if (first >= sizeof machine_ram || len > sizeof machine_ram - first)
        return FA_EINVAL;
    if (first < gap + FA_PAGE_BYTES && first + len > gap)
        return FA_EINVAL;
    *address_out = (fa_cpu_phys){machine_address(start)};
    return FA_OK;
}

void fa_cpu_dma_begin(const void *start, size_t len, bool device_writes)
{
    size_t first = (size_t)((const uint8_t *)start - machine_ram);
    size_t end = first + len + MACHINE_LINE_BYTES - 1;
    first -= first % MACHINE_LINE_BYTES;
    end -= end % MACHINE_LINE_BYTES;
    memcpy(memory + first, machine_ram + first, end - first);
    memcpy(clean + first, machine_ram + first, end - first);
    (void)device_writes; /* lines that are clean do no harm until they are dropped in the end */
}

void fa_cpu_dma_end(void *start, size_t len)
{
    const size_t first = (size_t)((const uint8_t *)start - machine_ram);
    assert_true(first % MACHINE_LINE_BYTES == 0 && len % MACHINE_LINE_BYTES == 0);
    for (size_t at = first; at < first + len; at += MACHINE_LINE_BYTES)
        if (memcmp(machine_ram + at, clean + at, MACHINE_LINE_BYTES) != 0)
            memcpy(memory + at, machine_ram + at, MACHINE_LINE_BYTES);
    memcpy(machine_ram + first, memory + first, len);
    memcpy(clean + first, memory + first, len);
}

static uint8_t *in_memory(plat_dma_addr addr, size_t at, size_t len)
{
    const uint64_t first = addr.address - DEVICE_BASE + at;
    assert_true(first < sizeof memory && len <= sizeof memory - first);
    return memory + first;
}

void machine_device_write(plat_dma_addr addr, size_t at, const void *bytes, size_t len)
{
    memcpy(in_memory(addr, at, len), bytes, len);
}

void machine_device_read(plat_dma_addr addr, size_t at, void *bytes_out, size_t len)
{
    memcpy(bytes_out, in_memory(addr, at, len), len);
}
