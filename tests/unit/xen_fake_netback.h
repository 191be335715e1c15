/* SPDX-License-Identifier: ISC */
/* The back end of a network device, and the toolstack that makes it, in the Xen that does what a test
 * says: xen_fake_store.h has its directories, xen_fake_grants.h its pages. It keeps the rules unless a
 * test writes into its rings itself. */
#ifndef FATA_TESTS_UNIT_XEN_FAKE_NETBACK_H
#define FATA_TESTS_UNIT_XEN_FAKE_NETBACK_H

#include "../../sdk/drivers/xen/netif_abi.h"
#include "../../sdk/drivers/xen/ring.h"

#define NETBACK_FRONT "/local/domain/5/device/vif/0"
#define NETBACK_BACK "/local/domain/3/backend/vif/5/0"
#define NETBACK_FRAME_MAX 70000u

typedef struct netback {
    bool is_lazy;    /* does not answer the front's states */
    bool holds;      /* does not unmap what it has mapped to send */
    bool keeps_ring; /* does not unmap the rings when it closes */
    uint32_t refs[2];
    xen_ring_page *send, *receive; /* NULL: not connected */
    uint32_t send_port, receive_port;
    uint32_t send_taken, receive_taken; /* requests */
    uint32_t held[1024];
    unsigned held_count;
    uint32_t answers; /* written to receive, and not shown */
    bool is_leaving;  /* the device is being detached */
} netback;

extern netback back;

/* A packet that was sent. */
typedef struct netback_frame {
    uint32_t len, first_len; /* of all, and of the first part */
    uint16_t flags; /* of its first request */
    netif_extra extra;
    unsigned parts;
    uint8_t bytes[NETBACK_FRAME_MAX];
} netback_frame;

/* Makes the device, with all features; begins to take it away. */
void netback_attach(void);
void netback_detach(void);
/* One step: does what the states ask for. */
void netback_run(void);
/* Drops what it holds: send pages, rings. */
void netback_let_go(void);
/* A value of the back end's directory; NULL: removes it. */
void netback_set(const char *name, const char *value);
void netback_set_state(unsigned state);
unsigned netback_front_state(void); /* 0: no such device */

/* Takes and answers a packet that was sent; false: there is none. */
bool netback_take(netback_frame *frame_out);
/* Writes a packet in parts of at most `part` bytes at `offset` of their pages, with extra information
 * behind the first if `extras`; false: there are not enough requests. netback_push() shows it. */
bool netback_put(const uint8_t *bytes, size_t len, uint16_t flags, size_t part, size_t offset,
                 unsigned extras);
/* An answer as it stands, in the next place. */
void netback_answer(netif_receive_answer answer);
void netback_push(void);
void netback_push_some(uint32_t count);
/* The next request to receive into; false: none. */
bool netback_request(netif_receive_request *request_out);

#endif
