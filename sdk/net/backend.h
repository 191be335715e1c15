/* SPDX-License-Identifier: ISC */
/* What a kind of network provides behind <fata/net.h>: the SDK's own stack (stack.c), or a host's
 * sockets (bsp/unix). The try_ functions return FA_EAGAIN when they would have to wait; net.c makes
 * the waiting calls of them. Each record begins what the backend keeps of its own. */
#ifndef FATA_NET_BACKEND_H
#define FATA_NET_BACKEND_H

#include <fata/net.h>

#define FA_NET_ADDRESSES_MAX 8u /* of a name: more are not looked at */

typedef struct fa_net_ops {
    /* Until it has an address. */
    fa_err (*wait_ready)(fa_net *net, fa_deadline deadline);
    /* Until nothing of closed connections is on its way. */
    fa_err (*finish)(fa_net *net, fa_deadline deadline);
    void (*info)(fa_net *net, fa_net_info *info_out);
    fa_err (*listen)(fa_net *net, uint16_t port, fa_listener **listener_out);
    fa_err (*connect)(fa_net *net, fa_endpoint peer, fa_flow **flow_out, fa_deadline deadline);
    /* A name that is no address; with FA_OK, at least one. */
    fa_err (*resolve)(fa_net *net, const char *name, fa_ip4 addresses_out[FA_NET_ADDRESSES_MAX],
                      unsigned *count_out, fa_deadline deadline);
    fa_err (*udp_open)(fa_net *net, uint16_t port, fa_udp **udp_out);
} fa_net_ops;

struct fa_net {
    const fa_net_ops *ops;
};

typedef struct fa_listener_ops {
    fa_err (*try_accept)(fa_listener *listener, fa_flow **flow_out, fa_endpoint *peer_out);
    /* As fa_flow_arm(): one waker; NULL takes it off. */
    void (*arm)(fa_listener *listener, fa_waker *waker);
    void (*close)(fa_listener *listener);
} fa_listener_ops;

struct fa_listener {
    const fa_listener_ops *ops;
    uint16_t port;
    size_t connections_max; /* 0: not known */
};

typedef struct fa_udp_ops {
    fa_err (*try_receive)(fa_udp *udp, void *bytes_out, size_t cap, size_t *len_out,
                          fa_endpoint *from_out);
    void (*arm)(fa_udp *udp, fa_waker *waker);
    fa_err (*send)(fa_udp *udp, fa_endpoint to, const void *bytes, size_t len);
    void (*close)(fa_udp *udp);
} fa_udp_ops;

struct fa_udp {
    const fa_udp_ops *ops;
    uint16_t port;
};

/* Opens the machine's first network device and starts the SDK's stack on it, as a fiber that ends
 * with the image. FA_ENOENT: there is no device; FA_ENOMEM; FA_ENOENTROPY; FA_ETIMEDOUT: its other side
 * is not ready. */
FA_MUST_CHECK fa_err fa_stack_open(fa_net **net_out, fa_deadline deadline);

#endif
