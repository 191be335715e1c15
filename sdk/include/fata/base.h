/* SPDX-License-Identifier: ISC */
/* What every other header needs: the attributes that the API uses and a few sizes. Below it lies
 * only the compiler; everything lies above it. */
#ifndef FATA_BASE_H
#define FATA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The SDK's version. */
#define FA_VERSION "0.1.0"

/* A result that must be looked at. */
#define FA_MUST_CHECK __attribute__((warn_unused_result))
/* Argument number FMT is a printf format; its values begin at argument number ARGS. */
#define FA_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define FA_NORETURN _Noreturn
/* How many elements an array (not a pointer) has. */
#define FA_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FA_KIB ((size_t)1024)
#define FA_MIB (1024 * FA_KIB)

#endif
