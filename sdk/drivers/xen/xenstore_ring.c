/* SPDX-License-Identifier: ISC */
/* Messages through the rings, and their answers to their calls. A call that has been begun is sent to
 * its end, whatever becomes of who began it: half a message would spoil all that follow. */
#include "xenstore_ring.h"
#include <fata/bytes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES sizeof(xen_store_header)

static xen_store_header header_of(const uint8_t *message)
{
    xen_store_header header;
    memcpy(&header, message, sizeof header);
    return header;
}

static void add_last(xen_store_ring *ring, xen_store_call *call)
{
    call->next = NULL;
    if (ring->last_call != NULL)
        ring->last_call->next = call;
    else
        ring->calls = call;
    ring->last_call = call;
    ring->call_count++;
}

static void take_out(xen_store_ring *ring, const xen_store_call *call)
{
    xen_store_call *before = NULL;
    for (xen_store_call *c = ring->calls; c != call; c = c->next)
        before = c;
    if (before == NULL)
        ring->calls = call->next;
    else
        before->next = call->next;
    if (ring->last_call == call)
        ring->last_call = before;
    ring->call_count--;
}

/* The call is its beginner's alone; or nobody's. */
static void finish(xen_store_ring *ring, xen_store_call *call, fa_err err)
{
    take_out(ring, call);
    call->is_done = true;
    call->err = err;
    call->opened = ring->open_count;
    if (call->is_given_up) {
        free(call->reply);
        free(call);
    }
}

static void finish_all(xen_store_ring *ring)
{
    while (ring->calls != NULL)
        finish(ring, ring->calls, FA_EIO);
}

/* Calls end one by one: whoever waits for several may begin a new one in between, in vain. */
static void break_ring(xen_store_ring *ring, const char *why)
{
    if (ring->is_broken)
        return;
    ring->is_broken = true;
    ring->broken_why = why;
    finish_all(ring);
}

static fa_err begin(xen_store_ring *ring, uint32_t type, uint32_t transaction,
                    const xen_store_part *parts, size_t part_count, xen_store_call **call_out)
{
    size_t len = 0;
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].len > XEN_STORE_PAYLOAD_MAX - len)
            return FA_EINVAL;
        len += parts[i].len;
    }
    if (ring->page == NULL || ring->is_broken)
        return FA_EIO;
    xen_store_call *call = malloc(sizeof *call + HEADER_BYTES + len);
    if (call == NULL)
        return FA_ENOMEM;
    *call = (xen_store_call){.message_bytes = HEADER_BYTES + len};
    const xen_store_header header = {type, ring->next_id++, transaction, (uint32_t)len};
    memcpy(call->message, &header, sizeof header);
    uint8_t *end = call->message + sizeof header;
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].len > 0)
            memcpy(end, parts[i].bytes, parts[i].len);
        end += parts[i].len;
    }
    add_last(ring, call);
    *call_out = call;
    return FA_OK;
}

/* What undoes an earlier call is always sent: that one was counted, and would last for ever. */
fa_err xen_store_ring_begin(xen_store_ring *ring, uint32_t type, uint32_t transaction,
                            const xen_store_part *parts, size_t part_count, xen_store_call **call_out)
{
    return ring->call_count < XEN_STORE_CALLS_MAX || type == XEN_STORE_TRANSACTION_END
               ? begin(ring, type, transaction, parts, part_count, call_out)
               : FA_ELIMIT;
}

void xen_store_ring_end(xen_store_call *call)
{
    if (!call->is_done) {
        call->is_given_up = true;
        return;
    }
    free(call->reply);
    free(call);
}

/* Watches. */

static fa_err begin_watch(xen_store_ring *ring, uint32_t type, const xen_store_watch *watch,
                          xen_store_call **call_out)
{
    char token[XEN_STORE_TOKEN_BYTES];
    snprintf(token, sizeof token, "%lu", (unsigned long)watch->number);
    const xen_store_part parts[] = {{watch->path, strlen(watch->path) + 1},
                                    {token, strlen(token) + 1}};
    return begin(ring, type, 0, parts, FA_ARRAY_COUNT(parts), call_out);
}

fa_err xen_store_ring_watch(xen_store_ring *ring, xen_store_watch *watch, xen_store_call **call_out)
{
    if (ring->watch_count == XEN_STORE_WATCHES_MAX || ring->call_count >= XEN_STORE_CALLS_MAX)
        return FA_ELIMIT;
    watch->number = ring->next_watch++;
    watch->has_fired = false;
    const fa_err err = begin_watch(ring, XEN_STORE_WATCH, watch, call_out);
    if (err != FA_OK)
        return err;
    watch->next = ring->watches;
    ring->watches = watch;
    ring->watch_count++;
    return FA_OK;
}

void xen_store_ring_unwatch(xen_store_ring *ring, xen_store_watch *watch)
{
    xen_store_watch **link = &ring->watches;
    while (*link != NULL && *link != watch)
        link = &(*link)->next;
    if (*link == NULL)
        return;
    *link = watch->next;
    ring->watch_count--;
    xen_store_call *call;
    if (begin_watch(ring, XEN_STORE_UNWATCH, watch, &call) == FA_OK)
        xen_store_ring_end(call);
}

/* "path NUL token NUL". A token that is nobody's is that of a watch which has just gone. */
static void take_watch_event(xen_store_ring *ring, const uint8_t *payload, size_t len)
{
    const uint8_t *path_end = memchr(payload, '\0', len);
    const size_t left = path_end == NULL ? 0 : len - (size_t)(path_end + 1 - payload);
    if (left == 0 || memchr(path_end + 1, '\0', left) == NULL) {
        break_ring(ring, "sends a watch event without path and token");
        return;
    }
    char *end;
    const unsigned long number = strtoul((const char *)path_end + 1, &end, 10);
    for (xen_store_watch *watch = ring->watches; watch != NULL; watch = watch->next)
        if (watch->number == number && *end == '\0')
            watch->has_fired = true;
}

/* Answers. */

static fa_err error_of(const char *name)
{
    static const struct {
        const char *name;
        fa_err err;
    } errors[] = {
        {"EINVAL", FA_EINVAL},    {"EACCES", FA_EPERM},  {"EEXIST", FA_EEXIST},
        {"EISDIR", FA_EINVAL},    {"ENOENT", FA_ENOENT}, {"ENOMEM", FA_ENOMEM},
        {"ENOSPC", FA_ENOSPC},    {"EIO", FA_EIO},       {"ENOTEMPTY", FA_EBUSY},
        {"ENOSYS", FA_ENOTSUP},   {"EROFS", FA_EPERM},   {"EBUSY", FA_EBUSY},
        {"EAGAIN", FA_EAGAIN},    {"EISCONN", FA_EBUSY}, {"E2BIG", FA_ELIMIT},
        {"EPERM", FA_EPERM},      {"EQUOTA", FA_ELIMIT},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(errors); i++)
        if (strcmp(errors[i].name, name) == 0)
            return errors[i].err;
    return FA_EIO;
}

/* Nobody will use the transaction that has begun. */
static void end_transaction(xen_store_ring *ring, const char *reply)
{
    const xen_store_part no = {"F", 2};
    xen_store_call *call;
    const uint32_t transaction = (uint32_t)strtoul(reply, NULL, 10);
    if (begin(ring, XEN_STORE_TRANSACTION_END, transaction, &no, 1, &call) == FA_OK)
        xen_store_ring_end(call);
}

/* The payload has a NUL behind it. */
static void take_answer(xen_store_ring *ring, const xen_store_header *header, const uint8_t *payload)
{
    xen_store_call *call = ring->calls;
    while (call != NULL && header_of(call->message).id != header->id)
        call = call->next;
    if (call == NULL || call->sent_bytes < call->message_bytes) {
        break_ring(ring, "answers what it was not asked");
        return;
    }
    if (header->type == XEN_STORE_ERROR) {
        finish(ring, call, error_of((const char *)payload));
        return;
    }
    if (header->type != header_of(call->message).type) {
        break_ring(ring, "answers something else");
        return;
    }
    if (call->is_given_up && header->type == XEN_STORE_TRANSACTION_START)
        end_transaction(ring, (const char *)payload);
    call->reply = malloc((size_t)header->len + 1);
    if (call->reply != NULL)
        memcpy(call->reply, payload, (size_t)header->len + 1);
    call->reply_len = header->len;
    finish(ring, call, call->reply == NULL ? FA_ENOMEM : FA_OK);
}

static void take_message(xen_store_ring *ring)
{
    const xen_store_header header = header_of(ring->in);
    uint8_t *payload = ring->in + HEADER_BYTES;
    ring->in_bytes = 0;
    payload[header.len] = '\0';
    if (header.type == XEN_STORE_WATCH_EVENT)
        take_watch_event(ring, payload, header.len);
    else
        take_answer(ring, &header, payload);
}

/* The rings. */

/* Takes up to `max` bytes off the ring, to the end of what has come of the message. */
static size_t copy_in(xen_store_ring *ring, size_t max)
{
    xen_store_page *page = ring->page;
    const uint32_t from = page->reply_cons;
    const uint32_t here = __atomic_load_n(&page->reply_prod, __ATOMIC_ACQUIRE) - from;
    if (here > XEN_STORE_RING_BYTES) {
        break_ring(ring, "has more to say than its ring holds");
        return 0;
    }
    size_t len = here < max ? here : max;
    for (size_t i = 0; i < len; i++)
        ring->in[ring->in_bytes + i] = page->replies[(from + i) % XEN_STORE_RING_BYTES];
    ring->in_bytes += len;
    __atomic_store_n(&page->reply_cons, from + (uint32_t)len, __ATOMIC_RELEASE);
    return len;
}

/* At most what the ring holds, so that a peer that goes on and on keeps nobody else waiting. */
static bool receive(xen_store_ring *ring)
{
    size_t taken = 0;
    while (!ring->is_broken && taken < XEN_STORE_RING_BYTES) {
        size_t wanted = HEADER_BYTES;
        if (ring->in_bytes >= HEADER_BYTES) {
            const uint32_t len = header_of(ring->in).len;
            if (len > XEN_STORE_PAYLOAD_MAX) {
                break_ring(ring, "sends a message that is too long");
                break;
            }
            wanted += len;
        }
        const size_t len = copy_in(ring, wanted - ring->in_bytes);
        taken += len;
        if (ring->is_broken || (len == 0 && ring->in_bytes < wanted))
            break;
        if (ring->in_bytes == wanted && (wanted > HEADER_BYTES || header_of(ring->in).len == 0))
            take_message(ring);
    }
    return taken > 0;
}

static size_t copy_out(xen_store_ring *ring, const uint8_t *bytes, size_t max)
{
    xen_store_page *page = ring->page;
    const uint32_t from = page->request_prod;
    const uint32_t used = from - __atomic_load_n(&page->request_cons, __ATOMIC_ACQUIRE);
    if (used > XEN_STORE_RING_BYTES) {
        break_ring(ring, "has read more than was written");
        return 0;
    }
    const size_t room = XEN_STORE_RING_BYTES - used;
    const size_t len = room < max ? room : max;
    for (size_t i = 0; i < len; i++)
        page->requests[(from + i) % XEN_STORE_RING_BYTES] = bytes[i];
    __atomic_store_n(&page->request_prod, from + (uint32_t)len, __ATOMIC_RELEASE);
    return len;
}

static bool transmit(xen_store_ring *ring)
{
    bool any = false;
    for (xen_store_call *call = ring->calls; call != NULL && !ring->is_broken; call = call->next) {
        const size_t left = call->message_bytes - call->sent_bytes;
        if (left == 0)
            continue;
        const size_t len = copy_out(ring, call->message + call->sent_bytes, left);
        any = any || len > 0;
        if (ring->is_broken || len == 0)
            break; /* (the call may be gone) */
        call->sent_bytes += len;
        if (len < left)
            break;
    }
    return any;
}

bool xen_store_ring_run(xen_store_ring *ring)
{
    if (ring->page == NULL || ring->is_broken)
        return false;
    const bool received = receive(ring);
    return transmit(ring) || received;
}

/* After a resume. */

static void send_again(xen_store_ring *ring)
{
    xen_store_call *next;
    for (xen_store_call *call = ring->calls; call != NULL; call = next) {
        next = call->next;
        const xen_store_header header = header_of(call->message);
        call->sent_bytes = 0;
        if (header.transaction != 0)
            finish(ring, call, FA_EAGAIN);
        else if (header.type == XEN_STORE_UNWATCH)
            finish(ring, call, FA_OK); /* there is none */
    }
}

/* A watch that is being set already is set twice; the second time is refused, which nobody sees. */
static void watch_again(xen_store_ring *ring)
{
    for (xen_store_watch *watch = ring->watches; watch != NULL; watch = watch->next) {
        xen_store_call *call;
        if (begin_watch(ring, XEN_STORE_WATCH, watch, &call) != FA_OK) {
            break_ring(ring, "cannot be told of a watch again: no memory");
            return;
        }
        xen_store_ring_end(call);
    }
}

void xen_store_ring_open(xen_store_ring *ring, xen_store_page *page)
{
    const bool again = ring->page != NULL;
    ring->page = page;
    ring->open_count++;
    ring->is_broken = false;
    ring->in_bytes = 0;
    if (again) {
        send_again(ring);
        watch_again(ring);
    }
}
