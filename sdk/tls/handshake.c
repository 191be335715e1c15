/* SPDX-License-Identifier: ISC */
/* Handshakes. So many at most are under way, in an image; who is one too many takes the place of the one
 * that has waited for its peer the longest, if that is long enough, or waits. One of them calculates at a
 * time, and lets others run: together, handshakes take no more of the machine than one fiber does. */
#include "handshake.h"
#include "../core/pages.h"
#include "../flow/waiter.h"
#include "records.h"
#include <fata/log.h>
#include <fata/panic.h>

#define READ_OFF_MAX 64u /* times 256 bytes */

FA_LOG_MODULE("tls");

typedef struct handshake {
    fa_tls_link in_list; /* its first member */
    fa_waiter waiter;
    bool waits, gave_way; /* for its peer */
    uint64_t waits_since_ns;
    int waits_at; /* which step of mbedTLS's */
} handshake;

static fa_tls_link under_way = {&under_way, &under_way}; /* the oldest in front */
static size_t under_way_count, under_way_max;
static fa_waitq places, turns;
static bool calculating;

size_t fa_tls_handshakes_under_way(void)
{
    return under_way_count;
}

void fa_tls_handshakes_limit(size_t max)
{
    under_way_max = max;
}

size_t fa_tls_handshakes_max(void)
{
    if (under_way_max == 0) {
        const size_t total_bytes = fa_ram.total_count * FA_PAGE_BYTES; /* 0: a process of a host */
        const size_t share = total_bytes / FA_TLS_HANDSHAKES_SHARE / FA_TLS_HANDSHAKE_BYTES;
        under_way_max = total_bytes == 0 || share > FA_TLS_HANDSHAKES_MAX ? FA_TLS_HANDSHAKES_MAX
                        : share < FA_TLS_HANDSHAKES_MIN                   ? FA_TLS_HANDSHAKES_MIN
                                                                          : share;
    }
    return under_way_max;
}

static bool make_place(uint64_t now_ns)
{
    for (fa_tls_link *link = under_way.after; link != &under_way; link = link->after) {
        handshake *h = (handshake *)link;
        if (h->gave_way)
            return true; /* it is about to leave */
        if (!h->waits || now_ns - h->waits_since_ns < FA_TLS_PATIENCE_NS)
            continue;
        h->gave_way = true;
        h->waiter.waker.wake(&h->waiter.waker);
        return true;
    }
    return false;
}

/* Not inlined: gcc 14 would see the address of a caller's variable in `under_way`, but not that leave_place() takes it out. */
__attribute__((noinline)) static fa_err take_place(handshake *h, fa_deadline deadline)
{
    while (under_way_count >= fa_tls_handshakes_max()) {
        const uint64_t now_ns = fa_clock_mono_ns();
        fa_deadline look = now_ns + FA_TLS_PATIENCE_NS;
        (void)make_place(now_ns);
        look = look < deadline ? look : deadline;
        const fa_err err = fa_waitq_wait(&places, look);
        if (err == FA_ECANCELED || (err == FA_ETIMEDOUT && look == deadline))
            return err;
    }
    under_way_count++;
    h->in_list = (fa_tls_link){under_way.before, &under_way};
    under_way.before->after = &h->in_list;
    under_way.before = &h->in_list;
    return FA_OK;
}

static void leave_place(handshake *h)
{
    h->in_list.before->after = h->in_list.after;
    h->in_list.after->before = h->in_list.before;
    under_way_count--;
    fa_waitq_wake_all(&places);
}

static fa_err take_turn(fa_deadline deadline)
{
    while (calculating) {
        const fa_err err = fa_waitq_wait(&turns, deadline);
        if (err != FA_OK)
            return err;
    }
    calculating = true;
    fa_tls_library_steps(true);
    return FA_OK;
}

static void leave_turn(void)
{
    fa_tls_library_steps(false);
    calculating = false;
    fa_waitq_wake_all(&turns);
}

static fa_err wait_for_peer(handshake *h, fa_tls_conn *conn, unsigned event, fa_deadline deadline)
{
    fa_waiter_init(&h->waiter);
    h->waits = true;
    if (h->waits_at != conn->ssl.state || h->waits_since_ns == 0) { /* a part of a message is no step */
        h->waits_at = conn->ssl.state;
        h->waits_since_ns = fa_clock_mono_ns();
    }
    fa_flow_arm(conn->below, event, &h->waiter.waker);
    fa_err err = fa_waiter_wait(&h->waiter, deadline);
    h->waits = false;
    fa_flow_arm(conn->below, event, NULL);
    if (h->gave_way) {
        fa_tls_say(conn->why, "it waited for its peer while others needed its place");
        err = FA_EBUSY;
    } else if (err == FA_ETIMEDOUT) {
        fa_tls_say(conn->why, "the peer has not done its part of the handshake in time");
    }
    return err;
}

/* Of mbedTLS's inside. */
void mbedtls_ssl_set_outbound_transform(mbedtls_ssl_context *ssl, mbedtls_ssl_transform *transform);

/* Behind a server's Finished come the application's keys (RFC 8446 section 7.3). mbedTLS changes to them only
 * when the client's has come, so an alert about the client's certificate would be one that it cannot read. */
static void change_keys(mbedtls_ssl_context *ssl)
{
    const bool finished = ssl->state == MBEDTLS_SSL_CLIENT_CERTIFICATE || ssl->state == MBEDTLS_SSL_CLIENT_FINISHED;
    if (finished && ssl->conf->endpoint == MBEDTLS_SSL_IS_SERVER && ssl->transform_application != NULL &&
        ssl->transform_out != ssl->transform_application)
        mbedtls_ssl_set_outbound_transform(ssl, ssl->transform_application);
}

/* To the end, or until it must wait. Whose session is resumed shows no certificate. */
int fa_tls_handshake_step(fa_tls_conn *conn)
{
    int ret = 0;
    while (ret == 0 && conn->ssl.state != MBEDTLS_SSL_HANDSHAKE_OVER) {
        if (conn->ssl.state == MBEDTLS_SSL_SERVER_CERTIFICATE)
            conn->resumed = false;
        change_keys(&conn->ssl);
        ret = mbedtls_ssl_handshake_step(&conn->ssl);
    }
    fa_tls_conn_tell(conn, ret);
    return ret;
}

static fa_err shake(handshake *h, fa_tls_conn *conn, fa_deadline deadline)
{
    for (;;) {
        fa_err err = take_turn(deadline);
        if (err != FA_OK)
            return err;
        const int ret = fa_tls_handshake_step(conn);
        leave_turn();
        if (ret == 0)
            return FA_OK;
        if (ret == MBEDTLS_ERR_SSL_WANT_READ)
            err = wait_for_peer(h, conn, FA_FLOW_READABLE, deadline);
        else if (ret == MBEDTLS_ERR_SSL_WANT_WRITE)
            err = wait_for_peer(h, conn, FA_FLOW_WRITABLE, deadline);
        else if (conn->no_clock)
            err = FA_ENOCLOCK;
        else if (conn->below_err != FA_OK) {
            err = conn->below_err;
            fa_tls_say(conn->why, "the connection ended within the handshake");
        } else {
            err = fa_tls_err_of(ret, &conn->ssl, conn->why);
        }
        if (err != FA_OK)
            return err;
    }
}

/* What is left unread would make the connection's end a reset, which may overtake the alert that says why. */
static void read_off(fa_tls_conn *conn)
{
    uint8_t bytes[256];
    size_t len = 1;
    for (unsigned i = 0; i < READ_OFF_MAX && len > 0; i++)
        if (fa_flow_try_read(conn->below, bytes, sizeof bytes, &len) != FA_OK)
            return;
}

fa_err fa_tls_handshake(fa_tls_conn *conn, fa_tls_reason *why, fa_deadline deadline)
{
    handshake h = {.in_list = {NULL, NULL}};
    fa_tls_reason reason = {""};
    conn->why = &reason;
    conn->resumed = true; /* unless a certificate is seen */
    fa_err err = take_place(&h, deadline);
    if (err == FA_OK) {
        err = shake(&h, conn, deadline);
        if (err == FA_OK)
            fa_tls_peer_keep(conn);
        fa_tls_conn_forget_identities(conn);
        leave_place(&h);
    }
    if (err == FA_OK)
        err = fa_tls_records_settle(conn);
    else
        read_off(conn);
    if (err != FA_OK && reason.text[0] == '\0')
        fa_tls_say(&reason, "%s", fa_err_text(err));
    if (err != FA_OK)
        fa_log_debug("a handshake failed: %s", reason.text);
    if (why != NULL)
        *why = reason;
    conn->why = NULL;
    return err;
}
