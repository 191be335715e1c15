/* SPDX-License-Identifier: ISC */
/* The heap: random operations against a model that keeps what was written; how it grows and gives
 * back; that it never searches; and what it notices of misuse. Spans come from an mmap each, so that
 * one which was given back cannot be touched any more. */
#include "../../sdk/core/heap.h"
#include "../../sdk/core/pages.h"
#include "host.h"
#include "test.h"
#include <stdlib.h>
#include <sys/mman.h>

#define SLOTS 500u

static fa_heap heap;
static size_t taken_bytes, taken_count, given_count;
static size_t limit_bytes;

static void *take(void *source, size_t len)
{
    assert_ptr_equal(source, &taken_bytes);
    assert_true(len > 0 && len % FA_PAGE_BYTES == 0);
    if (len > limit_bytes - taken_bytes)
        return NULL;
    void *span = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (span == MAP_FAILED)
        return NULL;
    memset(span, 0x77, len); /* nothing relies on zeroes */
    taken_bytes += len;
    taken_count++;
    return span;
}

static void give(void *source, void *span, size_t len)
{
    assert_ptr_equal(source, &taken_bytes);
    taken_bytes -= len;
    given_count++;
    assert_int_equal(munmap(span, len), 0);
}

static int setup(void **state)
{
    (void)state;
    taken_bytes = taken_count = given_count = 0;
    limit_bytes = 64 * FA_MIB;
    fa_heap_init(&heap, take, give, &taken_bytes);
    return 0;
}

static struct {
    uint8_t *memory;
    size_t len;
} slots[SLOTS];

static uint8_t stamp_of(size_t slot, size_t at)
{
    return (uint8_t)(slot * 31 + at * 7 + 1);
}

static void stamp(size_t slot)
{
    for (size_t at = 0; at < slots[slot].len; at++)
        slots[slot].memory[at] = stamp_of(slot, at);
}

static void check_stamp(size_t slot, size_t len)
{
    for (size_t at = 0; at < len; at++)
        if (slots[slot].memory[at] != stamp_of(slot, at))
            fail_msg("slot %zu of %zu bytes differs at %zu", slot, slots[slot].len, at);
}

/* A length: mostly small, at times big. */
static size_t some_len(uint64_t *seed)
{
    static const size_t limits[] = {17, 65, 300, 300, 300, 5000, 5000, 200000};
    return test_random_below(seed, limits[test_random_below(seed, FA_ARRAY_COUNT(limits))]);
}

static void check_given(void *memory, size_t len, size_t align)
{
    assert_int_equal((uintptr_t)memory % FA_HEAP_ALIGN, 0);
    if (align > 0)
        assert_int_equal((uintptr_t)memory % align, 0);
    assert_true(fa_heap_usable(memory) >= len);
}

static void free_slot(size_t slot)
{
    check_stamp(slot, slots[slot].len);
    fa_heap_free(&heap, slots[slot].memory);
    slots[slot].memory = NULL;
}

static void resize_slot(size_t slot, uint64_t *seed)
{
    const size_t len = some_len(seed), old_len = slots[slot].len;
    uint8_t *moved = fa_heap_resize(&heap, slots[slot].memory, len);
    if (moved == NULL) { /* the old one stays */
        check_stamp(slot, old_len);
        return;
    }
    check_given(moved, len, 0);
    slots[slot].memory = moved;
    slots[slot].len = len;
    check_stamp(slot, old_len < len ? old_len : len);
    stamp(slot);
}

/* How much is in use by the model, no header counted. */
static size_t model_bytes(void)
{
    size_t sum = 0;
    for (size_t slot = 0; slot < SLOTS; slot++)
        sum += slots[slot].memory == NULL ? 0 : fa_heap_usable(slots[slot].memory);
    return sum;
}

static void random_steps(unsigned steps, unsigned *failures_out)
{
    uint64_t seed = TEST_SEED;
    *failures_out = 0;
    for (unsigned step = 0; step < steps; step++) {
        const size_t slot = test_random_below(&seed, SLOTS);
        if (slots[slot].memory == NULL) {
            const size_t len = some_len(&seed);
            const size_t align =
                test_random_below(&seed, 4) == 0 ? (size_t)1 << test_random_below(&seed, 15) : 0;
            slots[slot].memory = fa_heap_alloc(&heap, len, align);
            slots[slot].len = len;
            *failures_out += slots[slot].memory == NULL;
            if (slots[slot].memory != NULL) {
                check_given(slots[slot].memory, len, align);
                stamp(slot);
            }
        } else if (test_random_below(&seed, 3) == 0) {
            resize_slot(slot, &seed);
        } else {
            free_slot(slot);
        }
        assert_true(heap.used_bytes <= heap.span_bytes);
        assert_int_equal(heap.span_bytes, taken_bytes);
        if (step % 256 == 0)
            assert_true(heap.used_bytes >= model_bytes());
    }
    for (size_t slot = 0; slot < SLOTS; slot++)
        if (slots[slot].memory != NULL)
            free_slot(slot);
    assert_int_equal(heap.used_bytes, 0);
    assert_true(taken_bytes <= FA_HEAP_SPAN_BYTES); /* one span may be kept */
}

static void against_model(void **state)
{
    (void)state;
    unsigned failures;
    random_steps(60000, &failures);
    assert_int_equal(failures, 0);
    assert_true(given_count > 10);
}

static void little_memory(void **state)
{
    (void)state;
    limit_bytes = 2 * FA_MIB;
    unsigned failures;
    random_steps(30000, &failures);
    assert_true(failures > 100);
}

static void sizes(void **state)
{
    (void)state;
    /* Every small length, and lengths around each power of two, of which the last byte counts. */
    for (size_t len = 0; len < 2000; len++) {
        uint8_t *memory = fa_heap_alloc(&heap, len, 0);
        check_given(memory, len, 0);
        memset(memory, 0xff, fa_heap_usable(memory));
        fa_heap_free(&heap, memory);
    }
    for (size_t power = 2048; power <= 16 * FA_MIB; power *= 2)
        for (size_t len = power - 17; len <= power + 17; len++) {
            uint8_t *memory = fa_heap_alloc(&heap, len, 0);
            check_given(memory, len, 0);
            memory[len - 1] = 1;
            fa_heap_free(&heap, memory);
        }
    assert_int_equal(heap.used_bytes, 0);
}

static void impossible(void **state)
{
    (void)state;
    const size_t lens[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 64, SIZE_MAX / 2, SIZE_MAX / 4,
                           (size_t)1 << 40, (size_t)1 << 34, ((size_t)1 << 33) - 1, 65 * FA_MIB};
    void *kept = fa_heap_alloc(&heap, 10, 0);
    memcpy(kept, "123456789", 10);
    for (size_t i = 0; i < FA_ARRAY_COUNT(lens); i++) {
        assert_null(fa_heap_alloc(&heap, lens[i], 0));
        assert_null(fa_heap_alloc(&heap, lens[i], 4096));
        assert_null(fa_heap_alloc(&heap, 16, (SIZE_MAX / 2 + 1) >> i));
        assert_null(fa_heap_resize(&heap, kept, lens[i]));
    }
    assert_string_equal(kept, "123456789");
    fa_heap_free(&heap, kept);
    fa_heap_free(&heap, NULL);
    assert_int_equal(fa_heap_usable(NULL), 0);
}

static void resize(void **state)
{
    (void)state;
    uint8_t *memory = fa_heap_resize(&heap, NULL, 100);
    assert_non_null(memory);
    memset(memory, 1, 100);
    /* The next block is free: it grows where it is, and shrinks, and gives back what it left. */
    assert_ptr_equal(fa_heap_resize(&heap, memory, 20000), memory);
    const size_t used = heap.used_bytes;
    assert_ptr_equal(fa_heap_resize(&heap, memory, 100), memory);
    assert_true(heap.used_bytes + 19000 < used);
    void *neighbour = fa_heap_alloc(&heap, 100, 0);
    uint8_t *moved = fa_heap_resize(&heap, memory, 5000);
    assert_ptr_not_equal(moved, memory);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(moved[i], 1);
    fa_heap_free(&heap, neighbour);
    fa_heap_free(&heap, moved);
    assert_int_equal(heap.used_bytes, 0);
}

/* One span is kept for the next allocation; all others go back. */
static void spans_go_back(void **state)
{
    (void)state;
    void *all[100];
    for (size_t i = 0; i < FA_ARRAY_COUNT(all); i++)
        all[i] = fa_heap_alloc(&heap, 30000, 0);
    assert_true(taken_count > 5);
    for (size_t i = 0; i < FA_ARRAY_COUNT(all); i++)
        fa_heap_free(&heap, all[i * 37 % FA_ARRAY_COUNT(all)]);
    assert_true(given_count + 1 >= taken_count);
    assert_true(taken_bytes <= FA_HEAP_SPAN_BYTES);

    /* At the edge of a span, it does not take and give a span each time. */
    fa_heap_free(&heap, fa_heap_alloc(&heap, 100, 0));
    const size_t taken = taken_count;
    for (unsigned i = 0; i < 100; i++)
        fa_heap_free(&heap, fa_heap_alloc(&heap, 100, 0));
    assert_int_equal(taken_count, taken);
}

/* When a span of the wanted size is not to be had, one that just fits is asked for. */
static void just_fits(void **state)
{
    (void)state;
    limit_bytes = FA_PAGE_BYTES;
    uint8_t *memory = fa_heap_alloc(&heap, 4000, 0);
    assert_non_null(memory);
    assert_int_equal(taken_bytes, FA_PAGE_BYTES);
    assert_null(fa_heap_alloc(&heap, 4000, 0));
    fa_heap_free(&heap, memory);
}

#define HOLES 4000u

/* The list links of a free block, in its payload. */
typedef struct links {
    struct fa_heap_block *next, *prev;
} links;

static links *links_of(struct fa_heap_block *block)
{
    return (links *)(void *)((uint8_t *)block + FA_HEAP_ALIGN);
}

static void swap_links(links *at[], links values[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const links kept = *at[i];
        *at[i] = values[i];
        values[i] = kept;
    }
}

/* Those of all free blocks but the first two of each list. */
static size_t find_deep_links(links *found[])
{
    size_t count = 0;
    for (size_t list = 0; list < (size_t)FA_HEAP_FL_COUNT * FA_HEAP_SL_COUNT; list++) {
        size_t depth = 0;
        struct fa_heap_block *at = heap.free[list / FA_HEAP_SL_COUNT][list % FA_HEAP_SL_COUNT];
        for (; at != NULL; at = links_of(at)->next)
            if (depth++ >= 2)
                found[count++] = links_of(at);
    }
    return count;
}

/* A heap in holes, of which only the first two of each list have links that can be followed: the
 * allocator may take the first and make the second the first. Who searches crashes. */
static void never_searches(void **state)
{
    (void)state;
    static void *holes[HOLES], *walls[HOLES];
    static links *deep[2 * HOLES], values[2 * HOLES];
    for (size_t i = 0; i < HOLES; i++) {
        holes[i] = fa_heap_alloc(&heap, 1000 + i % 7 * 16, 0);
        walls[i] = fa_heap_alloc(&heap, 16, 0);
        assert_true(holes[i] != NULL && walls[i] != NULL);
    }
    for (size_t i = 0; i < HOLES; i++)
        fa_heap_free(&heap, holes[i]);
    const size_t deep_count = find_deep_links(deep);
    assert_true(deep_count > HOLES / 2);
    memset(values, 0xdb, sizeof values);
    swap_links(deep, values, deep_count);
    for (size_t len = 16; len < 3000; len += 16) {
        void *memory = fa_heap_alloc(&heap, len, len % 3 == 0 ? 64 : 0);
        assert_non_null(memory);
        fa_heap_free(&heap, memory);
    }
    swap_links(deep, values, deep_count);
    for (size_t i = 0; i < HOLES; i++)
        fa_heap_free(&heap, walls[i]);
    assert_int_equal(heap.used_bytes, 0);
    assert_true(taken_bytes <= FA_HEAP_SPAN_BYTES);
}

static void expect_corrupt(void *memory)
{
    host_panic[0] = '\0';
    expect_assert_failure(fa_heap_free(&heap, memory));
    assert_non_null(strstr(host_panic, "the heap is corrupt"));
}

static void freed_twice(void **state)
{
    (void)state;
    uint8_t *runs[5];
    for (size_t i = 0; i < 5; i++)
        runs[i] = fa_heap_alloc(&heap, 64, 0);
    fa_heap_free(&heap, runs[1]);
    expect_corrupt(runs[1]); /* between two in use */
    fa_heap_free(&heap, runs[2]);
    expect_corrupt(runs[2]); /* merged with the one before */
    fa_heap_free(&heap, runs[3]);
    expect_corrupt(runs[1]);
    expect_corrupt(runs[3]);
    expect_assert_failure(fa_heap_resize(&heap, runs[2], 10));
    fa_heap_free(&heap, runs[0]);
    expect_corrupt(runs[0]);
}

static void overrun(void **state)
{
    (void)state;
    uint8_t *memory = fa_heap_alloc(&heap, 64, 0);
    uint8_t *next = fa_heap_alloc(&heap, 64, 0);
    const size_t usable = fa_heap_usable(memory);
    const uint8_t saved = memory[usable];
    memory[usable] = (uint8_t)~saved;
    expect_corrupt(memory);
    expect_assert_failure(fa_heap_resize(&heap, memory, 1000));
    memory[usable] = saved;
    fa_heap_free(&heap, memory);
    fa_heap_free(&heap, next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sizes, setup),         cmocka_unit_test_setup(against_model, setup),
        cmocka_unit_test_setup(little_memory, setup), cmocka_unit_test_setup(impossible, setup),
        cmocka_unit_test_setup(resize, setup),        cmocka_unit_test_setup(spans_go_back, setup),
        cmocka_unit_test_setup(just_fits, setup),     cmocka_unit_test_setup(never_searches, setup),
        cmocka_unit_test_setup(freed_twice, setup),   cmocka_unit_test_setup(overrun, setup),
    };
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
