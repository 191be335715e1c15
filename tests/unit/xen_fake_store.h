/* SPDX-License-Identifier: ISC */
/* The other side of Xenstore's page: messages, one by one, and a small xenstored over them. */
#ifndef FATA_TESTS_UNIT_XEN_FAKE_STORE_H
#define FATA_TESTS_UNIT_XEN_FAKE_STORE_H

#include "../../sdk/drivers/xen/abi.h"

#define FAKE_STORE_HOME "/local/domain/5/" /* where relative paths lead to */

extern xen_store_page fake_store_page;

/* The next whole request; false: there is none yet. `payload_out` has room for XEN_STORE_PAYLOAD_MAX
 * bytes and a NUL. */
bool fake_store_take(xen_store_header *header_out, char *payload_out);
/* Writes bytes to the ring as far as there is room; how many. */
size_t fake_store_put_bytes(const void *bytes, size_t len);
/* A whole message, for which there is room. */
void fake_store_put(uint32_t type, uint32_t id, const void *payload, size_t len);

/* The small xenstored. */
void fake_store_reset(void);
/* What other domains do: watches fire. NULL removes the path and all below. */
void fake_store_set(const char *path, const char *value);
const char *fake_store_get(const char *path); /* NULL: no such path */
/* Answers what has come, as far as there is room; true: it has moved. */
bool fake_store_run(void);
unsigned fake_store_watches(void);
unsigned fake_store_nodes(void);
extern unsigned fake_store_conflicts; /* so many transactions will end with EAGAIN */
extern bool fake_store_silent;        /* it answers nothing */

#endif
