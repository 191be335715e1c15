/* SPDX-License-Identifier: ISC */
/* Fibers that wait for Xenstore: whoever runs the ring, for its own call or at the ring's event, wakes
 * all whose calls may be done. */
#include "xenstore.h"
#include "events.h"
#include <fata/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("xenstore");

#define NUMBER_TEXT_BYTES ((size_t)24)
#define PARTS_MAX 5u

struct xen_store_transaction {
    uint32_t id;
    uint32_t opened; /* xen_store_ring.open_count when it began */
};

static xen_store_ring *ring;
static fa_waitq callers;
static uint32_t opened_last; /* of the last call that somebody has waited for */

static void look(void *arg);
static xen_event event = {.happened = look};

/* Whoever calls it may take what others wait for. */
static void run(void)
{
    const bool was_broken = ring->is_broken;
    if (xen_store_ring_run(ring))
        xen_event_notify(&event);
    if (ring->is_broken && !was_broken)
        fa_log_error("the store %s: it is not used any more", ring->broken_why);
    fa_waitq_wake_all(&callers);
    for (xen_store_watch *watch = ring->watches; watch != NULL; watch = watch->next)
        if (watch->has_fired)
            fa_waitq_wake_all(watch->user);
}

static void look(void *arg)
{
    (void)arg;
    run();
}

fa_err xen_store_find(uint64_t *frame_out, uint32_t *port_out)
{
    uint64_t port;
    fa_err err = xen_param_get(XEN_PARAM_STORE_PFN, frame_out);
    if (err == FA_OK && *frame_out == UINT64_MAX) /* Xen's word for: later, perhaps */
        err = FA_ENOENT;
    if (err == FA_OK)
        err = xen_param_get(XEN_PARAM_STORE_EVTCHN, &port);
    if (err == FA_OK)
        *port_out = (uint32_t)port;
    return err;
}

fa_err xen_store_open(void *page, uint32_t port)
{
    if (ring == NULL)
        ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        return FA_ENOMEM;
    if (event.port != port) {
        const fa_err err = xen_event_adopt(&event, port);
        if (err != FA_OK)
            return err;
    }
    xen_store_ring_open(ring, page);
    run();
    return FA_OK;
}

bool xen_store_is_open(void)
{
    return ring != NULL && ring->page != NULL;
}

/* Waits for the call's end, and frees it; the reply, if there is one, is the caller's. */
static fa_err wait_for(xen_store_call *call, char **reply_out, size_t *len_out, fa_deadline deadline)
{
    fa_err err = FA_OK;
    run();
    while (err == FA_OK && !call->is_done)
        err = fa_waitq_wait(&callers, deadline);
    if (call->is_done) {
        err = call->err;
        *reply_out = (char *)call->reply;
        *len_out = call->reply_len;
        opened_last = call->opened;
        call->reply = NULL;
    }
    xen_store_ring_end(call);
    return err;
}

static fa_err call_with(uint32_t type, xen_store_tx tx, const xen_store_part *parts, size_t count,
                        char **reply_out, size_t *len_out, fa_deadline deadline)
{
    xen_store_call *call;
    if (!xen_store_is_open())
        return FA_EIO;
    if (tx != NULL && tx->opened != ring->open_count)
        return FA_EAGAIN; /* the store knows nothing of it any more */
    const fa_err err =
        xen_store_ring_begin(ring, type, tx == NULL ? 0 : tx->id, parts, count, &call);
    return err == FA_OK ? wait_for(call, reply_out, len_out, deadline) : err;
}

/* The parts of "path/name", with the NUL. */
static size_t add_path(xen_store_part parts[PARTS_MAX], const char *path, const char *name)
{
    size_t count = 0;
    parts[count++] = (xen_store_part){path, strlen(path)};
    if (name != NULL) {
        parts[count++] = (xen_store_part){"/", 1};
        parts[count++] = (xen_store_part){name, strlen(name)};
    }
    parts[count++] = (xen_store_part){"", 1};
    return count;
}

/* A call about a path whose reply says nothing. */
static fa_err do_path(uint32_t type, xen_store_tx tx, const char *path, const char *name,
                      const void *value, size_t len, fa_deadline deadline)
{
    xen_store_part parts[PARTS_MAX];
    size_t count = add_path(parts, path, name);
    if (value != NULL)
        parts[count++] = (xen_store_part){value, len};
    char *reply = NULL;
    size_t reply_len;
    const fa_err err = call_with(type, tx, parts, count, &reply, &reply_len, deadline);
    free(reply);
    return err;
}

static fa_err ask_path(uint32_t type, xen_store_tx tx, const char *path, const char *name,
                       char **reply_out, size_t *len_out, fa_deadline deadline)
{
    xen_store_part parts[PARTS_MAX];
    const size_t count = add_path(parts, path, name);
    return call_with(type, tx, parts, count, reply_out, len_out, deadline);
}

fa_err xen_store_read(xen_store_tx tx, const char *path, const char *name, char *text_out, size_t cap,
                      fa_deadline deadline)
{
    char *reply;
    size_t len;
    fa_err err = ask_path(XEN_STORE_READ, tx, path, name, &reply, &len, deadline);
    if (err != FA_OK)
        return err;
    if (strlen(reply) != len)
        err = FA_EFORMAT;
    else if (len >= cap)
        err = FA_ELIMIT;
    else
        memcpy(text_out, reply, len + 1);
    free(reply);
    return err;
}

fa_err xen_store_read_number(xen_store_tx tx, const char *path, const char *name,
                             uint64_t *number_out, fa_deadline deadline)
{
    char text[NUMBER_TEXT_BYTES];
    const fa_err err = xen_store_read(tx, path, name, text, sizeof text, deadline);
    if (err != FA_OK)
        return err == FA_ELIMIT ? FA_EFORMAT : err;
    uint64_t number = 0;
    for (const char *at = text; *at != '\0'; at++) {
        const unsigned digit = (unsigned char)*at - (unsigned)'0';
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return FA_EFORMAT;
        number = number * 10 + digit;
    }
    if (text[0] == '\0')
        return FA_EFORMAT;
    *number_out = number;
    return FA_OK;
}

fa_err xen_store_directory(xen_store_tx tx, const char *path, char **names_out, size_t *len_out,
                           fa_deadline deadline)
{
    return ask_path(XEN_STORE_DIRECTORY, tx, path, NULL, names_out, len_out, deadline);
}

fa_err xen_store_write(xen_store_tx tx, const char *path, const char *name, const char *text,
                       fa_deadline deadline)
{
    return do_path(XEN_STORE_WRITE, tx, path, name, text, strlen(text), deadline);
}

fa_err xen_store_write_number(xen_store_tx tx, const char *path, const char *name, uint64_t number,
                              fa_deadline deadline)
{
    char text[NUMBER_TEXT_BYTES];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return xen_store_write(tx, path, name, text, deadline);
}

fa_err xen_store_mkdir(xen_store_tx tx, const char *path, fa_deadline deadline)
{
    return do_path(XEN_STORE_MKDIR, tx, path, NULL, NULL, 0, deadline);
}

fa_err xen_store_remove(xen_store_tx tx, const char *path, fa_deadline deadline)
{
    return do_path(XEN_STORE_RM, tx, path, NULL, NULL, 0, deadline);
}

fa_err xen_store_get_permissions(xen_store_tx tx, const char *path, char **list_out, size_t *len_out,
                                 fa_deadline deadline)
{
    return ask_path(XEN_STORE_GET_PERMS, tx, path, NULL, list_out, len_out, deadline);
}

fa_err xen_store_set_permissions(xen_store_tx tx, const char *path, const char *list, size_t len,
                                 fa_deadline deadline)
{
    return do_path(XEN_STORE_SET_PERMS, tx, path, NULL, list, len, deadline);
}

/* Transactions. */

static fa_err begin_transaction(struct xen_store_transaction *tx_out, fa_deadline deadline)
{
    char *reply;
    size_t len;
    const xen_store_part nothing = {"", 1};
    fa_err err = call_with(XEN_STORE_TRANSACTION_START, NULL, &nothing, 1, &reply, &len, deadline);
    if (err != FA_OK)
        return err;
    char *end;
    const unsigned long id = strtoul(reply, &end, 10);
    if (id == 0 || id > UINT32_MAX || *end != '\0')
        err = FA_EFORMAT;
    else
        *tx_out = (struct xen_store_transaction){(uint32_t)id, opened_last};
    free(reply);
    return err;
}

/* To undo one does not wait: the time may be over. */
static void undo_transaction(xen_store_tx tx)
{
    const xen_store_part no = {"F", 2};
    xen_store_call *call;
    if (tx->opened != ring->open_count ||
        xen_store_ring_begin(ring, XEN_STORE_TRANSACTION_END, tx->id, &no, 1, &call) != FA_OK)
        return;
    xen_store_ring_end(call);
    run();
}

static fa_err commit_transaction(xen_store_tx tx, fa_deadline deadline)
{
    const xen_store_part yes = {"T", 2};
    char *reply = NULL;
    size_t len;
    const fa_err err =
        call_with(XEN_STORE_TRANSACTION_END, tx, &yes, 1, &reply, &len, deadline);
    free(reply);
    return err;
}

fa_err xen_store_transact(xen_store_body *body, void *arg, fa_deadline deadline)
{
    fa_err err = FA_EAGAIN;
    for (unsigned tries = 0; tries < XEN_STORE_TRIES_MAX && err == FA_EAGAIN; tries++) {
        struct xen_store_transaction tx;
        err = begin_transaction(&tx, deadline);
        if (err != FA_OK)
            return err;
        err = body(&tx, arg, deadline);
        if (err == FA_OK)
            err = commit_transaction(&tx, deadline);
        else
            undo_transaction(&tx);
    }
    return err;
}

/* Watches. */

fa_err xen_store_watch_path(xen_store_watch *watch, const char *path, fa_waitq *queue,
                            fa_deadline deadline)
{
    xen_store_call *call;
    *watch = (xen_store_watch){.path = path, .user = queue};
    if (!xen_store_is_open())
        return FA_EIO;
    fa_err err = xen_store_ring_watch(ring, watch, &call);
    if (err != FA_OK)
        return err;
    char *reply = NULL;
    size_t len;
    err = wait_for(call, &reply, &len, deadline);
    free(reply);
    if (err != FA_OK)
        xen_store_unwatch(watch);
    return err;
}

void xen_store_unwatch(xen_store_watch *watch)
{
    if (!xen_store_is_open())
        return;
    xen_store_ring_unwatch(ring, watch);
    run();
}
