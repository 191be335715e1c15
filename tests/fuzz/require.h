/* SPDX-License-Identifier: ISC */
/* What must hold for every input; libFuzzer keeps the input for which it does not. */
#ifndef FATA_TESTS_FUZZ_REQUIRE_H
#define FATA_TESTS_FUZZ_REQUIRE_H

#include <fata/base.h>
#include <stdio.h>
#include <stdlib.h>

#define require(condition)                                                                         \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition),       \
                    abort()))

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif
