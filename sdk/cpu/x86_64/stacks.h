/* SPDX-License-Identifier: ISC */
/* Stacks with a guard page below them, made of single pages from fa_ram. */
#ifndef FATA_CPU_X86_64_STACKS_H
#define FATA_CPU_X86_64_STACKS_H

#include <fata/err.h>

/* Whole pages, at least `size_bytes`, at most 1020 KiB; not cleared. FA_EINVAL, FA_ENOMEM. */
FA_MUST_CHECK fa_err x86_stack_alloc(size_t size_bytes, void **base_out, size_t *size_bytes_out);
void x86_stack_free(void *base, size_t size_bytes);

#endif
