/* SPDX-License-Identifier: ISC */
/* Arenas: alignment, contents, the limit to the byte, reset, and a malloc that fails. */
#include "test.h"
#include <fata/arena.h>
#include <stdalign.h>

void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);

static size_t mallocs_left = SIZE_MAX;
static size_t malloc_count;
static size_t malloc_bytes;

void *__wrap_malloc(size_t len)
{
    if (mallocs_left == 0)
        return NULL;
    mallocs_left--;
    malloc_count++;
    malloc_bytes += len;
    return __real_malloc(len);
}

static void count_anew(void)
{
    mallocs_left = SIZE_MAX;
    malloc_count = 0;
    malloc_bytes = 0;
}

/* Each allocation is filled with its number; none may change another. */
static void contents(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    fa_arena arena;
    fa_arena_init(&arena, FA_MIB);
    uint8_t *runs[300];
    size_t lens[300];
    for (size_t i = 0; i < FA_ARRAY_COUNT(runs); i++) {
        lens[i] = test_random_below(&seed, i % 20 == 0 ? 9000 : 200);
        runs[i] = fa_arena_alloc(&arena, lens[i]);
        assert_non_null(runs[i]);
        assert_int_equal((uintptr_t)runs[i] % alignof(max_align_t), 0);
        memset(runs[i], (int)(i & 0xff), lens[i]);
    }
    for (size_t i = 0; i < FA_ARRAY_COUNT(runs); i++)
        for (size_t at = 0; at < lens[i]; at++)
            assert_int_equal(runs[i][at], i & 0xff);
    fa_arena_free(&arena);
}

static void limit(void **state)
{
    (void)state;
    for (size_t limit_bytes = 0; limit_bytes < 9000; limit_bytes += 7) {
        count_anew();
        fa_arena arena;
        fa_arena_init(&arena, limit_bytes);
        size_t given = 0;
        for (size_t i = 0; fa_arena_alloc(&arena, 1 + i % 100) != NULL; i++)
            given += 1 + i % 100;
        assert_true(malloc_bytes <= limit_bytes);
        assert_int_equal(arena.held_bytes, malloc_bytes);
        assert_true(given <= malloc_bytes);
        if (limit_bytes > 2000) /* most of it is of use */
            assert_true(given > limit_bytes / 2);
        fa_arena_free(&arena);
        assert_int_equal(arena.held_bytes, 0);
    }
}

static void too_much(void **state)
{
    (void)state;
    fa_arena arena;
    fa_arena_init(&arena, 8192);
    count_anew();
    const size_t lens[] = {8192, 8193, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX - 16,
                           SIZE_MAX - 32, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < FA_ARRAY_COUNT(lens); i++)
        assert_null(fa_arena_alloc(&arena, lens[i]));
    assert_null(fa_arena_strndup(&arena, "text", SIZE_MAX));
    assert_int_equal(malloc_count, 0);
    assert_non_null(fa_arena_alloc(&arena, 8000));
    assert_null(fa_arena_alloc(&arena, 8000));
    fa_arena_free(&arena);

    fa_arena_init(&arena, SIZE_MAX);
    assert_null(fa_arena_alloc(&arena, SIZE_MAX));
    assert_null(fa_arena_alloc(&arena, SIZE_MAX - 20));
    fa_arena_free(&arena);
}

static void no_memory(void **state)
{
    (void)state;
    fa_arena arena;
    fa_arena_init(&arena, FA_MIB);
    count_anew();
    mallocs_left = 0;
    assert_null(fa_arena_alloc(&arena, 1));
    assert_int_equal(arena.held_bytes, 0);
    mallocs_left = 1;
    char *kept = fa_arena_strndup(&arena, "kept", 4);
    assert_non_null(kept);
    assert_null(fa_arena_alloc(&arena, FA_ARENA_BLOCK_BYTES));
    assert_null(fa_arena_strndup(&arena, "more", FA_ARENA_BLOCK_BYTES));
    assert_non_null(fa_arena_alloc(&arena, 1)); /* still fits the first block */
    assert_string_equal(kept, "kept");
    mallocs_left = SIZE_MAX;
    assert_non_null(fa_arena_alloc(&arena, FA_ARENA_BLOCK_BYTES));
    fa_arena_free(&arena);
}

static void reset(void **state)
{
    (void)state;
    fa_arena arena;
    fa_arena_init(&arena, 64 * FA_KIB);
    fa_arena_reset(&arena); /* of an empty one */
    for (unsigned round = 0; round < 100; round++) {
        /* All of the limit can be had again in each round. */
        for (unsigned i = 0; i < 15; i++)
            assert_non_null(fa_arena_alloc(&arena, 4000));
        fa_arena_reset(&arena);
        assert_true(arena.held_bytes <= FA_ARENA_BLOCK_BYTES);
    }
    count_anew();
    void *first = fa_arena_alloc(&arena, 100);
    fa_arena_reset(&arena);
    assert_ptr_equal(fa_arena_alloc(&arena, 100), first);
    assert_int_equal(malloc_count, 0); /* one block was kept, and is used from its start */
    fa_arena_free(&arena);
    assert_non_null(fa_arena_alloc(&arena, 100)); /* may be used again */
    fa_arena_free(&arena);
}

static void few_mallocs(void **state)
{
    (void)state;
    fa_arena arena;
    fa_arena_init(&arena, FA_MIB);
    count_anew();
    for (unsigned i = 0; i < 1000; i++)
        assert_non_null(fa_arena_alloc(&arena, 16));
    assert_true(malloc_count <= 5);
    fa_arena_free(&arena);
}

static void strndup_copies(void **state)
{
    (void)state;
    fa_arena arena;
    fa_arena_init(&arena, FA_MIB);
    char text[] = "hello, world";
    char *copy = fa_arena_strndup(&arena, text, 5);
    memset(text, 'x', sizeof text - 1);
    assert_string_equal(copy, "hello");
    assert_string_equal(fa_arena_strndup(&arena, text, 0), "");
    fa_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents),    cmocka_unit_test(limit),
        cmocka_unit_test(too_much),    cmocka_unit_test(no_memory),
        cmocka_unit_test(reset),       cmocka_unit_test(few_mallocs),
        cmocka_unit_test(strndup_copies),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
