/* SPDX-License-Identifier: ISC */
/* The grant table of the Xen that does what a test says (xen_fake.h), and domain FAKE_BACKEND, which
 * may use just what it is granted. Link with --wrap=fa_cpu_dma_address: pages get frame numbers of
 * their own, as a process's addresses are too large for them. */
#ifndef FATA_TESTS_UNIT_XEN_FAKE_GRANTS_H
#define FATA_TESTS_UNIT_XEN_FAKE_GRANTS_H

#include <fata/base.h>

#define FAKE_BACKEND 3u

/* A new table of at most so many frames; beyond xen_fake.h's fake_reset(). */
void fake_grants_reset(uint32_t frames_max);
/* The page of a reference, which stays mapped until as many unmaps; NULL: it is not granted. */
uint8_t *fake_map(uint32_t ref, bool writes);
void fake_unmap(uint32_t ref);
/* How many references the guest has given. */
unsigned fake_given(void);
/* How many mappings there are. */
unsigned fake_mapped(void);

#endif
