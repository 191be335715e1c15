/* SPDX-License-Identifier: ISC */
/* A xenstored of a few nodes. A transaction works on a copy, which becomes the tree if nobody has
 * changed that meanwhile. */
#include "xen_fake_store.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

#define NODES_MAX 128u
#define TEXT_BYTES 256u
#define WATCHES_MAX 32u
#define OUT_BYTES 65536u

typedef struct node {
    char path[TEXT_BYTES], value[TEXT_BYTES];
} node;

typedef struct tree {
    node nodes[NODES_MAX];
    size_t count;
} tree;

xen_store_page fake_store_page;
unsigned fake_store_conflicts;
bool fake_store_silent;

static tree real, copy;
static uint32_t transaction, last_transaction; /* 0: none */
static bool is_stale;                           /* the copy */
static struct {
    char path[TEXT_BYTES], token[TEXT_BYTES], home[TEXT_BYTES];
} watches[WATCHES_MAX];
static size_t watch_count;
static uint8_t out[OUT_BYTES]; /* what there was no room for */
static size_t out_len;
static uint8_t in[sizeof(xen_store_header) + XEN_STORE_PAYLOAD_MAX];
static size_t in_len;
static char changed[NODES_MAX][TEXT_BYTES]; /* by the transaction */
static size_t changed_count;

bool fake_store_take(xen_store_header *header_out, char *payload_out)
{
    xen_store_page *page = &fake_store_page;
    for (;;) {
        size_t wanted = sizeof *header_out;
        if (in_len >= wanted) {
            memcpy(header_out, in, sizeof *header_out);
            assert_true(header_out->len <= XEN_STORE_PAYLOAD_MAX);
            wanted += header_out->len;
        }
        if (in_len == wanted) {
            memcpy(payload_out, in + sizeof *header_out, header_out->len);
            payload_out[header_out->len] = '\0';
            in_len = 0;
            return true;
        }
        if (page->request_cons == page->request_prod)
            return false;
        in[in_len++] = page->requests[page->request_cons++ % XEN_STORE_RING_BYTES];
    }
}

size_t fake_store_put_bytes(const void *bytes, size_t len)
{
    xen_store_page *page = &fake_store_page;
    size_t done = 0;
    while (done < len && page->reply_prod - page->reply_cons < XEN_STORE_RING_BYTES)
        page->replies[page->reply_prod++ % XEN_STORE_RING_BYTES] = ((const uint8_t *)bytes)[done++];
    return done;
}

void fake_store_put(uint32_t type, uint32_t id, const void *payload, size_t len)
{
    const xen_store_header header = {type, id, 0, (uint32_t)len};
    assert_int_equal(fake_store_put_bytes(&header, sizeof header), sizeof header);
    assert_int_equal(fake_store_put_bytes(payload, len), len);
}

/* The small xenstored. */

static void send(uint32_t type, uint32_t id, const void *payload, size_t len)
{
    const xen_store_header header = {type, id, 0, (uint32_t)len};
    assert_true(out_len + sizeof header + len <= OUT_BYTES);
    memcpy(out + out_len, &header, sizeof header);
    if (len > 0)
        memcpy(out + out_len + sizeof header, payload, len);
    out_len += sizeof header + len;
}

static void fire(size_t watch, const char *path)
{
    char payload[2 * TEXT_BYTES];
    const size_t home = strlen(watches[watch].home);
    const char *shown = strncmp(path, watches[watch].home, home) == 0 ? path + home : path;
    const int len = snprintf(payload, sizeof payload, "%s%c%s", shown, 0, watches[watch].token);
    send(XEN_STORE_WATCH_EVENT, 0, payload, (size_t)len + 1);
}

static bool is_below(const char *path, const char *above)
{
    const size_t len = strlen(above);
    return strncmp(path, above, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static void fire_all(const char *path)
{
    for (size_t i = 0; i < watch_count; i++)
        if (is_below(path, watches[i].path) || is_below(watches[i].path, path))
            fire(i, path);
}

static node *find(tree *t, const char *path)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->nodes[i].path, path) == 0)
            return &t->nodes[i];
    return NULL;
}

static void set(tree *t, const char *path, const char *value)
{
    node *n = find(t, path);
    if (n == NULL) {
        assert_true(t->count < NODES_MAX);
        n = &t->nodes[t->count++];
        snprintf(n->path, sizeof n->path, "%s", path);
    }
    snprintf(n->value, sizeof n->value, "%s", value);
}

static bool remove_below(tree *t, const char *path)
{
    const size_t before = t->count;
    for (size_t i = t->count; i-- > 0;)
        if (is_below(t->nodes[i].path, path))
            t->nodes[i] = t->nodes[--t->count];
    return t->count != before;
}

void fake_store_reset(void)
{
    memset(&fake_store_page, 0, sizeof fake_store_page);
    real.count = watch_count = out_len = in_len = changed_count = 0;
    transaction = 0;
    fake_store_conflicts = 0;
    fake_store_silent = false;
}

void fake_store_set(const char *path, const char *value)
{
    is_stale = true;
    if (value == NULL)
        remove_below(&real, path);
    else
        set(&real, path, value);
    fire_all(path);
}

const char *fake_store_get(const char *path)
{
    const node *n = find(&real, path);
    return n == NULL ? NULL : n->value;
}

unsigned fake_store_watches(void)
{
    return (unsigned)watch_count;
}

unsigned fake_store_nodes(void)
{
    return (unsigned)real.count;
}

static void refuse(uint32_t id, const char *error)
{
    send(XEN_STORE_ERROR, id, error, strlen(error) + 1);
}

static void list(tree *t, uint32_t id, const char *path)
{
    char names[XEN_STORE_PAYLOAD_MAX];
    size_t len = 0;
    bool exists = false;
    for (size_t i = 0; i < t->count; i++) {
        const char *below = t->nodes[i].path;
        if (!is_below(below, path))
            continue;
        exists = true;
        below += strlen(path);
        if (*below++ != '/')
            continue;
        const size_t name_len = strcspn(below, "/");
        bool is_there = false;
        for (size_t at = 0; at < len; at += strlen(names + at) + 1)
            is_there = is_there || (strlen(names + at) == name_len &&
                                    strncmp(names + at, below, name_len) == 0);
        if (is_there)
            continue;
        memcpy(names + len, below, name_len);
        names[len + name_len] = '\0';
        len += name_len + 1;
    }
    if (exists)
        send(XEN_STORE_DIRECTORY, id, names, len);
    else
        refuse(id, "ENOENT");
}

static void end_transaction(uint32_t id, bool commit)
{
    const bool conflict = is_stale || fake_store_conflicts > 0;
    transaction = 0;
    if (commit && conflict) {
        fake_store_conflicts -= fake_store_conflicts > 0;
        refuse(id, "EAGAIN");
        return;
    }
    if (commit) {
        real = copy;
        for (size_t i = 0; i < changed_count; i++)
            fire_all(changed[i]);
    }
    send(XEN_STORE_TRANSACTION_END, id, "OK", 3);
}

static void add_watch(uint32_t id, const char *given, const char *path, const char *token)
{
    for (size_t i = 0; i < watch_count; i++)
        if (strcmp(watches[i].path, path) == 0 && strcmp(watches[i].token, token) == 0) {
            refuse(id, "EEXIST");
            return;
        }
    assert_true(watch_count < WATCHES_MAX);
    snprintf(watches[watch_count].path, TEXT_BYTES, "%s", path);
    snprintf(watches[watch_count].token, TEXT_BYTES, "%s", token);
    snprintf(watches[watch_count].home, TEXT_BYTES, "%s", given[0] == '/' ? "" : FAKE_STORE_HOME);
    send(XEN_STORE_WATCH, id, "OK", 3);
    fire(watch_count++, path);
}

static void remove_watch(uint32_t id, const char *path, const char *token)
{
    for (size_t i = 0; i < watch_count; i++)
        if (strcmp(watches[i].path, path) == 0 && strcmp(watches[i].token, token) == 0) {
            watches[i] = watches[--watch_count];
            send(XEN_STORE_UNWATCH, id, "OK", 3);
            return;
        }
    refuse(id, "ENOENT");
}

static void changed_path(tree *t, const char *path)
{
    if (t == &copy && changed_count < NODES_MAX)
        snprintf(changed[changed_count++], TEXT_BYTES, "%s", path);
    else
        fire_all(path);
    is_stale = is_stale || t == &real;
}

static void answer(const xen_store_header *header, const char *payload)
{
    char path[TEXT_BYTES];
    const uint32_t id = header->id;
    assert_true(strlen(payload) < TEXT_BYTES / 2);
    snprintf(path, sizeof path, "%s%.*s", payload[0] == '/' ? "" : FAKE_STORE_HOME,
             (int)TEXT_BYTES / 2, payload);
    const char *value = payload + strlen(payload) + 1;
    tree *t = header->transaction != 0 ? &copy : &real;
    if (header->transaction != 0 && header->transaction != transaction) {
        refuse(id, "ENOENT");
        return;
    }
    switch (header->type) {
    case XEN_STORE_READ: {
        const node *n = find(t, path);
        if (n == NULL)
            refuse(id, "ENOENT");
        else
            send(XEN_STORE_READ, id, n->value, strlen(n->value));
        return;
    }
    case XEN_STORE_DIRECTORY:
        list(t, id, path);
        return;
    case XEN_STORE_WRITE:
    case XEN_STORE_MKDIR:
        set(t, path, header->type == XEN_STORE_WRITE ? value : "");
        send(header->type, id, "OK", 3);
        changed_path(t, path);
        return;
    case XEN_STORE_RM:
        if (!remove_below(t, path)) {
            refuse(id, "ENOENT");
            return;
        }
        send(header->type, id, "OK", 3);
        changed_path(t, path);
        return;
    case XEN_STORE_GET_PERMS:
        send(header->type, id, "n5\0r0", 6);
        return;
    case XEN_STORE_SET_PERMS:
        if (strcmp(value, "n5") == 0)
            send(header->type, id, "OK", 3);
        else
            refuse(id, "EACCES");
        return;
    case XEN_STORE_TRANSACTION_START: {
        char text[16];
        if (transaction != 0) {
            refuse(id, "EBUSY");
            return;
        }
        transaction = ++last_transaction;
        copy = real;
        is_stale = false;
        changed_count = 0;
        snprintf(text, sizeof text, "%u", (unsigned)transaction);
        send(header->type, id, text, strlen(text) + 1);
        return;
    }
    case XEN_STORE_TRANSACTION_END:
        end_transaction(id, payload[0] == 'T');
        return;
    case XEN_STORE_WATCH:
        add_watch(id, payload, path, value);
        return;
    case XEN_STORE_UNWATCH:
        remove_watch(id, path, value);
        return;
    default:
        refuse(id, "ENOSYS");
    }
}

bool fake_store_run(void)
{
    xen_store_header header;
    char payload[XEN_STORE_PAYLOAD_MAX + 1];
    bool moved = false;
    while (!fake_store_silent && out_len < OUT_BYTES / 2 && fake_store_take(&header, payload)) {
        answer(&header, payload);
        moved = true;
    }
    const size_t len = fake_store_silent ? 0 : fake_store_put_bytes(out, out_len);
    out_len -= len;
    memmove(out, out + len, out_len);
    return moved || len > 0;
}
