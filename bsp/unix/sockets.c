/* SPDX-License-Identifier: ISC */
/* The host's sockets as the image's network: none of them blocks, and all stand in the board's epoll
 * set. A socket remembers, from edge to edge, what it is ready for, so that a call which would have to
 * wait costs no system call. Ports are open on 127.0.0.1 only.
 *
 * The environment's FATA_PORTS=18080:80,5353:53 (HOST:PROGRAM, set by `fata run --port`) opens
 * port 18080 of the host where the program asks for port 80. Resolving a name asks the host's resolver,
 * which stops the whole program until it answers or gives up. */
#include "sockets.h"
#include "../../sdk/flow/waiter.h"
#include "../../sdk/net/backend.h"
#include "events.h"
#include <errno.h>
#include <fata/log.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

FA_LOG_MODULE("net");

#define SLICES_AT_ONCE 16u
#define PORTS_VARIABLE "FATA_PORTS"

typedef struct sock {
    events_source source;
    int descriptor;
    bool readable, writable; /* as far as is known: until a call would have to wait */
    bool ended;              /* the peer's end has come, or an error: it stays readable */
    fa_waker *reader, *writer;
} sock;

typedef struct connection {
    sock sock; /* first in all three: what events_free() is given */
    fa_flow flow;
} connection;

typedef struct port_listener {
    sock sock;
    fa_listener listener;
    bool starved; /* no descriptor was left for a connection */
    bool warned;
    struct port_listener *next;
} port_listener;

typedef struct port_udp {
    sock sock;
    fa_udp udp;
} port_udp;

static struct {
    port_listener *listeners;
    uint32_t connection_count;
    uint64_t received_bytes, sent_bytes, received_datagrams, sent_datagrams;
} state;

#define OWNER_OF(pointer, type, member)                                                            \
    ((type *)(void *)((uint8_t *)(pointer) - offsetof(type, member)))

static void wake(fa_waker **waker)
{
    fa_waker *armed = *waker;
    *waker = NULL;
    if (armed != NULL)
        armed->wake(armed);
}

static void news(events_source *source, uint32_t what)
{
    sock *s = OWNER_OF(source, sock, source);
    if (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        s->ended = true;
    if (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        s->readable = true;
        wake(&s->reader);
    }
    if (what & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        s->writable = true;
        wake(&s->writer);
    }
}

static fa_err err_of(int error)
{
    switch (error) {
    case EAGAIN:
    case EINTR: return FA_EAGAIN;
    case EADDRINUSE: return FA_EEXIST;
    case EACCES:
    case EPERM: return FA_EPERM;
    case EMFILE:
    case ENFILE: return FA_ELIMIT;
    case ENOMEM:
    case ENOBUFS: return FA_ENOMEM;
    case EMSGSIZE: return FA_ELIMIT;
    case ETIMEDOUT: return FA_ETIMEDOUT;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL: return FA_ENOENT;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case EPIPE: return FA_ECLOSED;
    default: return FA_EIO;
    }
}

static struct sockaddr_in address_of(fa_endpoint endpoint)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(endpoint.port)};
    memcpy(&address.sin_addr, endpoint.address.byte, sizeof endpoint.address.byte);
    return address;
}

static fa_endpoint endpoint_of(const struct sockaddr_in *address)
{
    fa_endpoint endpoint = {.port = ntohs(address->sin_port)};
    memcpy(endpoint.address.byte, &address->sin_addr, sizeof endpoint.address.byte);
    return endpoint;
}

/* Closing and freeing: what `s` is the first member of. */
static void drop(sock *s)
{
    close(s->descriptor);
    s->reader = s->writer = NULL;
    events_free(&s->source);
}

/* A record of `bytes`, which begins with a sock, for the descriptor; on failure that is closed. */
static fa_err adopt_take(int descriptor, size_t bytes, void **record_out)
{
    sock *s = calloc(1, bytes);
    fa_err err = FA_ENOMEM;
    if (s != NULL) {
        *s = (sock){.source = {.news = news}, .descriptor = descriptor};
        err = events_add(descriptor, &s->source);
    }
    if (err != FA_OK) {
        free(s);
        close(descriptor);
        return err;
    }
    *record_out = s;
    return FA_OK;
}

static fa_err open_socket(int type, size_t bytes, void **record_out)
{
    const int descriptor = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return descriptor < 0 ? err_of(errno) : adopt_take(descriptor, bytes, record_out);
}

/* Connections. */

static connection *connection_of(fa_flow *flow)
{
    return OWNER_OF(flow, connection, flow);
}

static fa_err try_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out)
{
    sock *s = &connection_of(flow)->sock;
    if (!s->readable)
        return FA_EAGAIN;
    const ssize_t len = recv(s->descriptor, bytes_out, cap, 0);
    if (len < 0) {
        s->readable = errno != EAGAIN;
        return err_of(errno);
    }
    /* A socket that gave less than there was room for is empty (epoll(7)). */
    if ((size_t)len < cap && !s->ended && len > 0)
        s->readable = false;
    state.received_bytes += (size_t)len;
    *len_out = (size_t)len;
    return FA_OK;
}

static fa_err try_write(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out)
{
    sock *s = &connection_of(flow)->sock;
    if (!s->writable)
        return FA_EAGAIN;
    struct iovec pieces[SLICES_AT_ONCE];
    struct msghdr message = {.msg_iov = pieces};
    for (size_t i = 0; i < count && message.msg_iovlen < SLICES_AT_ONCE; i++)
        if (slices[i].len > 0)
            pieces[message.msg_iovlen++] =
                (struct iovec){(void *)(uintptr_t)slices[i].bytes, slices[i].len};
    const ssize_t len = sendmsg(s->descriptor, &message, MSG_NOSIGNAL);
    if (len < 0) {
        s->writable = errno != EAGAIN;
        return err_of(errno);
    }
    state.sent_bytes += (size_t)len;
    *len_out = (size_t)len;
    return FA_OK;
}

static void arm_sock(sock *s, unsigned what, fa_waker *waker)
{
    if (what & FA_FLOW_READABLE) {
        s->reader = waker;
        if (s->readable)
            wake(&s->reader);
    }
    if (what & FA_FLOW_WRITABLE) {
        s->writer = waker;
        if (s->writable)
            wake(&s->writer);
    }
}

static void arm_flow(fa_flow *flow, unsigned what, fa_waker *waker)
{
    arm_sock(&connection_of(flow)->sock, what, waker);
}

static fa_err shut(fa_flow *flow)
{
    return shutdown(connection_of(flow)->sock.descriptor, SHUT_WR) == 0 ? FA_OK : err_of(errno);
}

static void close_flow(fa_flow *flow, bool abort)
{
    sock *s = &connection_of(flow)->sock;
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (abort)
        (void)setsockopt(s->descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    drop(s);
    state.connection_count--;
    /* There is a descriptor again for who waits in a backlog. */
    for (port_listener *l = state.listeners; l != NULL; l = l->next)
        if (l->starved) {
            l->starved = false;
            l->sock.readable = true;
            wake(&l->sock.reader);
        }
}

static const fa_flow_ops flow_ops = {try_read, try_write, arm_flow, shut, close_flow};

static void begin_connection(connection *c)
{
    const int yes = 1; /* what is written in one call is meant to go out */
    (void)setsockopt(c->sock.descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    c->flow.ops = &flow_ops;
    state.connection_count++;
}

static fa_err connect_to(fa_net *net, fa_endpoint peer, fa_flow **flow_out, fa_deadline deadline)
{
    (void)net;
    void *record;
    fa_err err = open_socket(SOCK_STREAM, sizeof(connection), &record);
    if (err != FA_OK)
        return err;
    connection *c = record;
    begin_connection(c);
    const struct sockaddr_in address = address_of(peer);
    if (connect(c->sock.descriptor, (const struct sockaddr *)&address, sizeof address) != 0 &&
        errno != EINPROGRESS)
        err = err_of(errno);
    if (err == FA_OK) {
        fa_waiter waiter;
        fa_waiter_init(&waiter);
        arm_sock(&c->sock, FA_FLOW_WRITABLE, &waiter.waker);
        err = fa_waiter_wait(&waiter, deadline);
    }
    int error = 0;
    socklen_t len = sizeof error;
    if (err == FA_OK && getsockopt(c->sock.descriptor, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
        error != 0)
        err = err_of(error);
    if (err != FA_OK) {
        close_flow(&c->flow, true);
        return err;
    }
    *flow_out = &c->flow;
    return FA_OK;
}

/* Listeners. */

/* The host's port for one of the program's. */
static uint16_t host_port(uint16_t port)
{
    const char *text = getenv(PORTS_VARIABLE);
    while (text != NULL && *text != '\0') {
        char *end;
        const unsigned long host = strtoul(text, &end, 10);
        const unsigned long program = *end == ':' ? strtoul(end + 1, &end, 10) : 0;
        if (host > 0 && host <= UINT16_MAX && program == port && (*end == ',' || *end == '\0'))
            return (uint16_t)host;
        text = *end == ',' ? end + 1 : NULL;
    }
    return port;
}

/* Binds to 127.0.0.1; or, without a port, which is for asking others, to all addresses. */
static fa_err bind_port(int descriptor, const char *kind, uint16_t port, bool any_address,
                        uint16_t *port_out)
{
    const uint16_t host = host_port(port);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(host)};
    address.sin_addr.s_addr = htonl(any_address ? INADDR_ANY : INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    const int yes = 1;
    /* A port whose last connections linger may be taken again; for UDP it would be shared. */
    if (strcmp(kind, "TCP") == 0)
        (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(descriptor, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(descriptor, (struct sockaddr *)&address, &len) != 0) {
        const fa_err err = err_of(errno);
        if (err == FA_EPERM)
            fa_log_error("%s port %u of this machine is not for everybody: lead another one there "
                         "by " PORTS_VARIABLE "=8080:%u in the environment", kind, host, port);
        else
            fa_log_error("%s port %u of this machine: %s", kind, host, fa_err_text(err));
        return err;
    }
    if (host != port)
        fa_log_info("%s port %u is 127.0.0.1:%u of this machine", kind, port, host);
    *port_out = port == 0 ? ntohs(address.sin_port) : port;
    return FA_OK;
}

static port_listener *listener_of(fa_listener *listener)
{
    return OWNER_OF(listener, port_listener, listener);
}

static fa_err try_accept(fa_listener *listener, fa_flow **flow_out, fa_endpoint *peer_out)
{
    port_listener *l = listener_of(listener);
    if (!l->sock.readable)
        return FA_EAGAIN;
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    const int descriptor = accept4(l->sock.descriptor, (struct sockaddr *)&address, &len,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
    void *record;
    fa_err err = FA_OK;
    if (descriptor < 0)
        err = err_of(errno);
    else
        err = adopt_take(descriptor, sizeof(connection), &record);
    if (err == FA_EAGAIN)
        l->sock.readable = errno != EAGAIN;
    /* Others wait in the host's backlog until a connection has ended. */
    l->starved = err == FA_ELIMIT || err == FA_ENOMEM;
    if (l->starved) {
        if (!l->warned)
            fa_log_warn("no more connections for now: %s", fa_err_text(err));
        l->warned = true;
        l->sock.readable = false;
    }
    if (err != FA_OK)
        return FA_EAGAIN; /* also when a connection was reset before it was accepted */
    connection *c = record;
    begin_connection(c);
    c->sock.readable = c->sock.writable = true; /* it may be, and soon will */
    *flow_out = &c->flow;
    *peer_out = endpoint_of(&address);
    return FA_OK;
}

static void arm_listener(fa_listener *listener, fa_waker *waker)
{
    arm_sock(&listener_of(listener)->sock, FA_FLOW_READABLE, waker);
}

static void close_listener(fa_listener *listener)
{
    port_listener *l = listener_of(listener);
    port_listener **at = &state.listeners;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    drop(&l->sock);
}

static fa_err listen_on(fa_net *net, uint16_t port, fa_listener **listener_out)
{
    static const fa_listener_ops ops = {try_accept, arm_listener, close_listener};
    (void)net;
    void *record;
    fa_err err = open_socket(SOCK_STREAM, sizeof(port_listener), &record);
    if (err != FA_OK)
        return err;
    port_listener *l = record;
    l->listener.ops = &ops;
    err = bind_port(l->sock.descriptor, "TCP", port, false, &l->listener.port);
    if (err == FA_OK && listen(l->sock.descriptor, SOMAXCONN) != 0)
        err = err_of(errno);
    if (err != FA_OK) {
        drop(&l->sock);
        return err;
    }
    l->next = state.listeners;
    state.listeners = l;
    *listener_out = &l->listener;
    return FA_OK;
}

/* UDP. */

static port_udp *udp_of(fa_udp *udp)
{
    return OWNER_OF(udp, port_udp, udp);
}

static fa_err try_receive(fa_udp *udp, void *bytes_out, size_t cap, size_t *len_out,
                          fa_endpoint *from_out)
{
    sock *s = &udp_of(udp)->sock;
    if (!s->readable)
        return FA_EAGAIN;
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    const ssize_t got = recvfrom(s->descriptor, bytes_out, cap, MSG_TRUNC,
                                 (struct sockaddr *)&address, &len);
    if (got < 0) {
        s->readable = errno != EAGAIN;
        return FA_EAGAIN;
    }
    state.received_bytes += (size_t)got;
    state.received_datagrams++;
    *len_out = (size_t)got;
    *from_out = endpoint_of(&address);
    return FA_OK;
}

static void arm_udp(fa_udp *udp, fa_waker *waker)
{
    arm_sock(&udp_of(udp)->sock, FA_FLOW_READABLE, waker);
}

static fa_err send_datagram(fa_udp *udp, fa_endpoint to, const void *bytes, size_t len)
{
    const struct sockaddr_in address = address_of(to);
    const ssize_t sent = sendto(udp_of(udp)->sock.descriptor, bytes, len, MSG_NOSIGNAL,
                                (const struct sockaddr *)&address, sizeof address);
    if (sent < 0) {
        const fa_err err = err_of(errno);
        return err == FA_ENOENT || err == FA_ELIMIT || err == FA_EPERM ? err : FA_OK; /* lost */
    }
    state.sent_bytes += len;
    state.sent_datagrams++;
    return FA_OK;
}

static void close_udp(fa_udp *udp)
{
    drop(&udp_of(udp)->sock);
}

static fa_err udp_open(fa_net *net, uint16_t port, fa_udp **udp_out)
{
    static const fa_udp_ops ops = {try_receive, arm_udp, send_datagram, close_udp};
    (void)net;
    void *record;
    fa_err err = open_socket(SOCK_DGRAM, sizeof(port_udp), &record);
    if (err != FA_OK)
        return err;
    port_udp *u = record;
    u->udp.ops = &ops;
    err = bind_port(u->sock.descriptor, "UDP", port, port == 0, &u->udp.port);
    if (err != FA_OK) {
        drop(&u->sock);
        return err;
    }
    *udp_out = &u->udp;
    return FA_OK;
}

/* The network as a whole. */

static fa_err wait_ready(fa_net *net, fa_deadline deadline)
{
    (void)net;
    (void)deadline; /* the host has its addresses */
    return FA_OK;
}

static fa_err finish(fa_net *net, fa_deadline deadline)
{
    (void)net;
    (void)deadline;
    return FA_OK;
}

static void info(fa_net *net, fa_net_info *info_out)
{
    (void)net;
    *info_out = (fa_net_info){
        .device = "host sockets",
        .address = {{127, 0, 0, 1}},
        .netmask = {{255, 0, 0, 0}},
        .origin = "host",
        .received_packets = state.received_datagrams,
        .received_bytes = state.received_bytes,
        .sent_packets = state.sent_datagrams,
        .sent_bytes = state.sent_bytes,
        .connections = state.connection_count,
    };
}

static fa_err resolve(fa_net *net, const char *name, fa_ip4 addresses_out[FA_NET_ADDRESSES_MAX],
                      unsigned *count_out, fa_deadline deadline)
{
    (void)net;
    (void)deadline; /* the resolver has its own */
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    const int error = getaddrinfo(name, NULL, &hints, &found);
    if (error != 0)
        return error == EAI_AGAIN ? FA_ETIMEDOUT : error == EAI_MEMORY ? FA_ENOMEM : FA_ENOENT;
    *count_out = 0;
    for (const struct addrinfo *each = found; each != NULL && *count_out < FA_NET_ADDRESSES_MAX;
         each = each->ai_next)
        addresses_out[(*count_out)++] =
            endpoint_of((const struct sockaddr_in *)(const void *)each->ai_addr).address;
    freeaddrinfo(found);
    return FA_OK;
}

fa_net *sockets_net(void)
{
    static const fa_net_ops ops = {wait_ready, finish, info, listen_on, connect_to, resolve, udp_open};
    static fa_net net = {&ops};
    return &net;
}
