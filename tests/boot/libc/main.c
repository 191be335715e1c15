/* SPDX-License-Identifier: ISC */
/* What the SDK chooses or replaces in the C library and the compiler's own: the functions that move
 * bytes, at all alignments; division with signs; floating-point numbers, which come back from text
 * as they were. Prints what fails; main returns 0 if nothing does. */
#include <fata/fata.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENTS 16u
#define LEN_MAX 320u
#define ROOM (ALIGNMENTS + LEN_MAX + ALIGNMENTS)

static int failed;

static void check(bool ok, const char *what)
{
    if (!ok)
        printf("not ok - %s\n", what);
    failed += !ok;
}

static uint8_t source[ROOM], moved[ROOM], expected[ROOM];

static void fill(void)
{
    for (size_t i = 0; i < ROOM; i++) {
        source[i] = (uint8_t)(i * 7 + 1);
        moved[i] = expected[i] = (uint8_t)(200 - i);
    }
}

static void copy_one(size_t to, size_t from, size_t len)
{
    fill();
    for (size_t i = 0; i < len; i++)
        expected[to + i] = source[from + i];
    check(memcpy(moved + to, source + from, len) == moved + to, "memcpy returns where it has copied to");
    check(memcmp(moved, expected, ROOM) == 0, "memcpy copies what it should, and nothing else");
}

static void move_one(size_t to, size_t from, size_t len)
{
    fill();
    for (size_t i = 0; i < len; i++)
        expected[to + i] = (uint8_t)(200 - (from + i));
    check(memmove(moved + to, moved + from, len) == moved + to, "memmove returns where it has moved to");
    check(memcmp(moved, expected, ROOM) == 0, "memmove moves what overlaps, and nothing else");
}

static void set_one(size_t to, size_t len)
{
    fill();
    for (size_t i = 0; i < len; i++)
        expected[to + i] = 0x5a;
    check(memset(moved + to, 0x5a, len) == moved + to, "memset returns what it has set");
    check(memcmp(moved, expected, ROOM) == 0, "memset sets what it should, and nothing else");
}

static void test_bytes(void)
{
    for (size_t to = 0; to < ALIGNMENTS; to++)
        for (size_t len = 0; len <= LEN_MAX; len += len < 40 ? 1 : 29) {
            for (size_t from = 0; from < ALIGNMENTS; from++) {
                copy_one(to, from, len);
                move_one(to, from, len);
            }
            set_one(to, len);
        }
}

static void test_division(void)
{
    static const int divisors[] = {1, -1, 2, -2, 3, -7, 10, 1000, -65537, INT_MAX, -INT_MAX, INT_MIN};
    static const int dividends[] = {0, 1, -1, 6, -7, 999, -1000, 123456789, INT_MAX, -INT_MAX, INT_MIN};
    for (size_t i = 0; i < FA_ARRAY_COUNT(dividends); i++)
        for (size_t j = 0; j < FA_ARRAY_COUNT(divisors); j++) {
            const volatile int n = dividends[i], d = divisors[j];
            if (n == INT_MIN && d == -1)
                continue;
            const int64_t q = n / d, r = n % d;
            check(q * d + r == n, "dividend = quotient * divisor + remainder");
            check(llabs(r) < llabs((int64_t)d), "a remainder is less than the divisor");
            check(r == 0 || (r < 0) == (n < 0), "a remainder has the dividend's sign");
        }
    const volatile int n = -17, d = 5;
    check(n / d == -3 && n % d == -2, "-17 / 5");
}

static void test_numbers(void)
{
    static const double numbers[] = {0.1, -2.0 / 3, 1e23, 5e-324, 2.2250738585072011e-308, 123456789.125,
                                     0x1.fffffffffffffp1023};
    char text[64];
    for (size_t i = 0; i < FA_ARRAY_COUNT(numbers); i++) {
        snprintf(text, sizeof text, "%.17g", numbers[i]);
        check(strtod(text, NULL) == numbers[i], text);
    }
    snprintf(text, sizeof text, "%.15g %.15e %a %.3f", 0.1, 123456789.125, 1.5, -2.0626);
    check(strcmp(text, "0.1 1.234567891250000e+08 0x1.8p+0 -2.063") == 0, text);
    check(strtod("0.1", NULL) == 0.1, "0.1 is read as the compiler reads it");
}

int main(void)
{
    test_bytes();
    test_division();
    test_numbers();
    printf("%d checks have failed\n", failed);
    return failed == 0 ? 0 : 1;
}
