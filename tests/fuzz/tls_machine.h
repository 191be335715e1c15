/* SPDX-License-Identifier: ISC */
/* A machine for sdk/tls without fibers, for its fuzzer and its simulation: time that a test sets, randomness that is the same in
 * each run, and nobody who waits. */
#ifndef FATA_TESTS_FUZZ_TLS_MACHINE_H
#define FATA_TESTS_FUZZ_TLS_MACHINE_H

#include <fata/base.h>

extern uint64_t machine_now_ns;
void machine_seed(void); /* randomness begins again */

#endif
