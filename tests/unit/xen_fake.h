/* SPDX-License-Identifier: ISC */
/* A Xen that does what a test says: its hypercalls are functions of this process, its shared page is
 * one of it. It holds a guest to the rules: a port must be the guest's, an argument must be zero
 * where Xen's headers want that. */
#ifndef FATA_TESTS_UNIT_XEN_FAKE_H
#define FATA_TESTS_UNIT_XEN_FAKE_H

#include "../../sdk/drivers/xen/xen.h"

#define FAKE_FRAME UINT64_C(0x12345) /* of the page that becomes the shared one */

typedef struct fake_xen {
    xen_shared_info *shared; /* NULL: not mapped */
    uint64_t params[64];
    bool ports[XEN_PORTS];       /* which exist */
    unsigned notified[XEN_PORTS]; /* how often the guest did */
    uint16_t last_domain;
    uint32_t last_remote_port, last_virq;
    unsigned yields;
    void (*yielded)(void); /* what the other domains do meanwhile */
    int shutdown;          /* the reason; -1: not shut down */
    intptr_t suspend_result; /* what a call to be suspended returns */
    intptr_t refusal;      /* what the next calls return, if not 0 */
    unsigned calls;
    /* Of xen_fake_grants.c, where a test has that; else NULL. */
    intptr_t (*grant_op)(unsigned operation, void *arguments, uintptr_t count);
    intptr_t (*map_grants)(uint64_t index, uint64_t frame);
} fake_xen;

extern fake_xen fake;

/* A new domain, with nothing in it. */
void fake_reset(void);
/* An event, as Xen does it: pending; if not masked, selected and an upcall. */
void fake_send(uint32_t port);
/* A port that the toolstack made. */
void fake_make_port(uint32_t port);

#endif
