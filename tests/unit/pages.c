/* SPDX-License-Identifier: ISC */
/* The page allocator against a model that knows the owner of each page. The covered range begins
 * and ends at odd pages, has a hole, and what is added is not cut at pages. */
#include "../../sdk/core/pages.h"
#include "host.h"
#include "test.h"
#include <stdlib.h>
#include <sys/mman.h>

#define PAGES 777u
#define HOLE_FIRST 300u /* these pages are covered but never added */
#define HOLE_LAST 316u
#define RUNS_MAX 400u

static uint8_t *base; /* of the covered pages */
static uint8_t notes[PAGES];
static fa_pages pages;
static unsigned owner[PAGES]; /* the model: 0: free; HOLE; else a run's number */
#define HOLE UINT32_MAX

static int map(void **state)
{
    (void)state;
    uint8_t *region = mmap(NULL, (PAGES + 2048) * FA_PAGE_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED)
        return -1;
    /* 5 pages behind a multiple of 1,024: the same in each run, wherever the region lies. */
    const uintptr_t aligned = ((uintptr_t)region / FA_PAGE_BYTES + 1023) / 1024 * 1024 + 5;
    base = region + (aligned * FA_PAGE_BYTES - (uintptr_t)region);
    return 0;
}

static void *page(size_t index)
{
    return base + index * FA_PAGE_BYTES;
}

static int setup(void **state)
{
    (void)state;
    memset(notes, 0xee, sizeof notes);
    memset(owner, 0, sizeof owner);
    for (size_t i = HOLE_FIRST; i < HOLE_LAST; i++)
        owner[i] = HOLE;
    fa_pages_init(&pages, (uintptr_t)base, PAGES, notes);
    const uintptr_t start = (uintptr_t)base;
    fa_pages_add(&pages, start - 5000, (uintptr_t)page(HOLE_FIRST) + 4095);
    fa_pages_add(&pages, (uintptr_t)page(HOLE_LAST) - 4095, (uintptr_t)page(PAGES) + 100000);
    return 0;
}

static size_t model_free_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < PAGES; i++)
        count += owner[i] == 0;
    return count;
}

/* Whether any run of 2^order pages, aligned to its size, is free. */
static bool model_has(unsigned order)
{
    const size_t run = (size_t)1 << order;
    const uintptr_t base_number = (uintptr_t)base / FA_PAGE_BYTES;
    for (size_t i = (run - base_number % run) % run; i + run <= PAGES; i += run) {
        size_t n = 0;
        while (n < run && owner[i + n] == 0)
            n++;
        if (n == run)
            return true;
    }
    return false;
}

/* How many free runs of each order there are. */
static void census(size_t counts[FA_PAGES_ORDERS])
{
    memset(counts, 0, FA_PAGES_ORDERS * sizeof *counts);
    for (size_t i = 0; i < PAGES; i++)
        if (notes[i] != 0)
            counts[notes[i] - 1]++;
}

static void fill(size_t first, size_t count, unsigned number)
{
    for (size_t i = first; i < first + count; i++) {
        assert_int_equal(owner[i], 0);
        owner[i] = number;
        memset(page(i), (int)(number & 0xff), FA_PAGE_BYTES);
    }
}

static void check_and_clear(size_t first, size_t count, unsigned number)
{
    for (size_t i = first; i < first + count; i++) {
        const uint8_t *bytes = page(i);
        assert_int_equal(owner[i], number);
        for (size_t at = 0; at < FA_PAGE_BYTES; at += 8)
            assert_int_equal(bytes[at], number & 0xff);
        owner[i] = 0;
    }
}

static void added(void **state)
{
    (void)state;
    assert_int_equal(pages.total_count, PAGES - (HOLE_LAST - HOLE_FIRST));
    assert_int_equal(pages.free_count, pages.total_count);
    fa_pages_add(&pages, (uintptr_t)page(HOLE_FIRST) + 1, (uintptr_t)page(HOLE_FIRST + 2) - 1);
    fa_pages_add(&pages, (uintptr_t)page(PAGES), (uintptr_t)page(PAGES + 5));
    fa_pages_add(&pages, (uintptr_t)base - 5 * FA_PAGE_BYTES, (uintptr_t)base);
    fa_pages_add(&pages, (uintptr_t)page(HOLE_FIRST), (uintptr_t)page(HOLE_FIRST));
    assert_int_equal(pages.free_count, PAGES - (HOLE_LAST - HOLE_FIRST)); /* no whole page */
    expect_assert_failure(fa_pages_init(&pages, (uintptr_t)base + 1, 1, notes));
}

static unsigned order_of(size_t count)
{
    unsigned order = 0;
    while ((size_t)1 << order < count)
        order++;
    return order;
}

static void against_model(void **state)
{
    (void)state;
    static struct { size_t first, count; } runs[RUNS_MAX + 1]; /* by number, from 1 */
    size_t before[FA_PAGES_ORDERS], after[FA_PAGES_ORDERS];
    memset(runs, 0, sizeof runs);
    census(before);
    uint64_t seed = TEST_SEED;
    unsigned failures = 0;
    for (unsigned step = 0; step < 20000; step++) {
        const unsigned number = 1 + (unsigned)test_random_below(&seed, RUNS_MAX);
        const bool big = step % 64 == 0;
        if (runs[number].count == 0) {
            const size_t count = 1 + test_random_below(&seed, big ? 300 : 6);
            uint8_t *found = fa_pages_alloc(&pages, count);
            assert_int_equal(found != NULL, model_has(order_of(count)));
            failures += found == NULL;
            if (found == NULL)
                continue;
            assert_int_equal((uintptr_t)found % FA_PAGE_BYTES, 0);
            assert_true(found >= base && found < base + PAGES * FA_PAGE_BYTES);
            runs[number].first = (size_t)(found - base) / FA_PAGE_BYTES;
            runs[number].count = count;
            fill(runs[number].first, count, number);
        } else {
            /* All of it, or a part from its end. */
            size_t part = test_random_below(&seed, 4) == 0
                              ? 1 + test_random_below(&seed, runs[number].count)
                              : runs[number].count;
            runs[number].count -= part;
            const size_t first = runs[number].first + runs[number].count;
            check_and_clear(first, part, number);
            fa_pages_free(&pages, page(first), part);
        }
        if (step % 16 == 0)
            assert_int_equal(pages.free_count, model_free_count());
    }
    assert_true(failures > 100); /* it was exhausted at times */
    for (unsigned number = 1; number <= RUNS_MAX; number++)
        if (runs[number].count > 0) {
            check_and_clear(runs[number].first, runs[number].count, number);
            fa_pages_free(&pages, page(runs[number].first), runs[number].count);
        }
    assert_int_equal(pages.free_count, pages.total_count);
    census(after);
    assert_memory_equal(after, before, sizeof before);
}

static void exhaustion(void **state)
{
    (void)state;
    size_t before[FA_PAGES_ORDERS], after[FA_PAGES_ORDERS];
    census(before);
    static void *all[PAGES];
    size_t count = 0;
    for (void *one; (one = fa_pages_alloc(&pages, 1)) != NULL;)
        all[count++] = one;
    assert_int_equal(count, pages.total_count);
    assert_int_equal(pages.free_count, 0);
    assert_int_equal(pages.orders_nonempty, 0);
    assert_null(fa_pages_alloc(&pages, 2));
    for (size_t i = 0; i < count; i++) /* not in the order that merges easily */
        fa_pages_free(&pages, all[i * 331 % count], 1);
    census(after);
    assert_memory_equal(after, before, sizeof before);
}

static void too_many(void **state)
{
    (void)state;
    assert_null(fa_pages_alloc(&pages, PAGES));
    assert_null(fa_pages_alloc(&pages, (size_t)1 << (FA_PAGES_ORDERS - 1)));
    assert_null(fa_pages_alloc(&pages, ((size_t)1 << (FA_PAGES_ORDERS - 1)) + 1));
    assert_null(fa_pages_alloc(&pages, SIZE_MAX));
    expect_assert_failure(fa_pages_alloc(&pages, 0));
}

static void expect_wrong(uint8_t *first, size_t count)
{
    expect_assert_failure(fa_pages_free(&pages, first, count));
}

static void wrong_frees(void **state)
{
    (void)state;
    uint8_t *run = fa_pages_alloc(&pages, 4);
    expect_wrong(run + 1, 1);
    expect_wrong(run, 0);
    expect_wrong(base - FA_PAGE_BYTES, 1);
    expect_wrong(page(PAGES - 1), 2);
    expect_wrong(page(PAGES), 1);
    fa_pages_free(&pages, run, 4);
    expect_wrong(run, 4);
    /* Also in the middle of what has been merged. */
    for (size_t i = 0; i < 4; i++)
        expect_wrong(run + i * FA_PAGE_BYTES, 1);
    assert_int_equal(pages.free_count, pages.total_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(added, setup),      cmocka_unit_test_setup(against_model, setup),
        cmocka_unit_test_setup(exhaustion, setup), cmocka_unit_test_setup(too_many, setup),
        cmocka_unit_test_setup(wrong_frees, setup),
    };
    return cmocka_run_group_tests_name("pages", tests, map, NULL);
}
