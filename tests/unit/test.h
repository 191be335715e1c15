/* SPDX-License-Identifier: ISC */
/* What every unit test needs: cmocka, in the order that it wants its headers, and random numbers
 * that are the same in each run. */
#ifndef FATA_TESTS_UNIT_TEST_H
#define FATA_TESTS_UNIT_TEST_H

#include <fata/base.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* (cmocka.h comes last.) */
#include <cmocka.h>

#define TEST_SEED UINT64_C(0x9e3779b97f4a7c15)

/* The next of a row of numbers that `state` begins (xorshift64*). */
static inline uint64_t test_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* One of 0 .. limit - 1. */
static inline size_t test_random_below(uint64_t *state, size_t limit)
{
    return (size_t)(test_random(state) >> 16) % limit;
}

#endif
