/* SPDX-License-Identifier: ISC */
/* Xenstore's client without fibers, against the other side's messages in any portions, and against
 * one that breaks the rules. */
#include "../../sdk/drivers/xen/xenstore_ring.h"
#include "test.h"
#include "xen_fake_store.h"
#include <stdlib.h>

static xen_store_ring ring;
static xen_store_header header;
static char payload[XEN_STORE_PAYLOAD_MAX + 1];

static int set_up(void **state)
{
    (void)state;
    fake_store_reset();
    memset(&ring, 0, sizeof ring);
    xen_store_ring_open(&ring, &fake_store_page);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return ring.calls == NULL && ring.call_count == 0 ? 0 : -1;
}

static xen_store_call *begin(uint32_t type, uint32_t transaction, const char *text)
{
    xen_store_call *call;
    const xen_store_part parts[] = {{text, strlen(text)}, {"", 1}};
    assert_int_equal(xen_store_ring_begin(&ring, type, transaction, parts, 2, &call), FA_OK);
    return call;
}

static void take(uint32_t type)
{
    (void)!xen_store_ring_run(&ring);
    assert_true(fake_store_take(&header, payload));
    assert_int_equal(header.type, type);
}

static void expect_broken(const char *why)
{
    (void)!xen_store_ring_run(&ring);
    assert_true(ring.is_broken);
    assert_string_equal(ring.broken_why, why);
    assert_null(ring.calls);
    xen_store_call *call;
    assert_int_equal(xen_store_ring_begin(&ring, XEN_STORE_READ, 0, NULL, 0, &call), FA_EIO);
    assert_false(xen_store_ring_run(&ring));
}

static void end_with(xen_store_call *call, fa_err err)
{
    assert_true(call->is_done);
    assert_int_equal(call->err, err);
    xen_store_ring_end(call);
}

static void by_number(void **state)
{
    (void)state;
    xen_store_call *calls[3];
    uint32_t ids[3];
    for (size_t i = 0; i < 3; i++)
        calls[i] = begin(XEN_STORE_READ, 0, "a");
    for (size_t i = 0; i < 3; i++) {
        take(XEN_STORE_READ);
        assert_string_equal(payload, "a");
        assert_int_equal(header.len, 2);
        ids[i] = header.id;
    }
    fake_store_put(XEN_STORE_READ, ids[2], "third", 5);
    fake_store_put(XEN_STORE_READ, ids[0], "", 0);
    assert_true(xen_store_ring_run(&ring));
    assert_false(calls[1]->is_done);
    assert_string_equal((char *)calls[2]->reply, "third");
    assert_int_equal(calls[0]->reply_len, 0);
    fake_store_put(XEN_STORE_ERROR, ids[1], "ENOENT", 7);
    assert_true(xen_store_ring_run(&ring));
    end_with(calls[1], FA_ENOENT);
    end_with(calls[0], FA_OK);
    end_with(calls[2], FA_OK);
    assert_false(xen_store_ring_run(&ring));
}

/* Messages of all sizes, larger than the ring, in portions of all sizes. */
static void portions(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    static char text[XEN_STORE_PAYLOAD_MAX];
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    for (unsigned round = 0; round < 300; round++) {
        const size_t len = round == 0 ? sizeof text - 1 : test_random_below(&seed, sizeof text);
        xen_store_call *call = begin(XEN_STORE_WRITE, 0, text + sizeof text - 1 - len);
        for (unsigned turns = 0; !fake_store_take(&header, payload); turns++) {
            assert_true(xen_store_ring_run(&ring));
            assert_true(turns < 10);
        }
        assert_string_equal(payload, text + sizeof text - 1 - len);
        const xen_store_header reply = {XEN_STORE_WRITE, header.id, 0, (uint32_t)len};
        memcpy(payload, &reply, sizeof reply);
        static uint8_t message[sizeof reply + sizeof text];
        memcpy(message, &reply, sizeof reply);
        memcpy(message + sizeof reply, text, len);
        for (size_t sent = 0; sent < sizeof reply + len;) {
            const size_t left = sizeof reply + len - sent, most = 1 + test_random_below(&seed, 1500);
            assert_false(call->is_done);
            sent += fake_store_put_bytes(message + sent, left < most ? left : most);
            assert_true(xen_store_ring_run(&ring));
        }
        assert_int_equal(call->reply_len, len);
        assert_memory_equal(call->reply, text, len);
        end_with(call, FA_OK);
    }
}

static void limits(void **state)
{
    (void)state;
    static const char text[XEN_STORE_PAYLOAD_MAX + 1];
    const xen_store_part parts[] = {{text, XEN_STORE_PAYLOAD_MAX}, {text, 1}};
    xen_store_call *call, *calls[XEN_STORE_CALLS_MAX];
    assert_int_equal(xen_store_ring_begin(&ring, XEN_STORE_WRITE, 0, parts, 2, &call), FA_EINVAL);
    for (size_t i = 0; i < XEN_STORE_CALLS_MAX; i++)
        calls[i] = begin(XEN_STORE_READ, 0, "a");
    assert_int_equal(xen_store_ring_begin(&ring, XEN_STORE_READ, 0, parts, 1, &call), FA_ELIMIT);
    xen_store_watch watch = {.path = "w"};
    assert_int_equal(xen_store_ring_watch(&ring, &watch, &call), FA_ELIMIT);
    for (size_t i = 0; i < XEN_STORE_CALLS_MAX; i++) { /* given up: they still count */
        if (i % 2)
            xen_store_ring_end(calls[i]);
    }
    assert_int_equal(xen_store_ring_begin(&ring, XEN_STORE_READ, 0, parts, 1, &call), FA_ELIMIT);
    xen_store_call *undo = begin(XEN_STORE_TRANSACTION_END, 7, "F"); /* no transaction stays open */
    for (size_t i = 0; i < XEN_STORE_CALLS_MAX; i++) {
        take(XEN_STORE_READ);
        fake_store_put(XEN_STORE_READ, header.id, "b", 1);
    }
    take(XEN_STORE_TRANSACTION_END);
    fake_store_put(XEN_STORE_TRANSACTION_END, header.id, "OK", 3);
    (void)!xen_store_ring_run(&ring);
    end_with(undo, FA_OK);
    for (size_t i = 0; i < XEN_STORE_CALLS_MAX; i += 2)
        end_with(calls[i], FA_OK);
}

static void errors(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        fa_err err;
    } errors[] = {{"EINVAL", FA_EINVAL}, {"EACCES", FA_EPERM},    {"EEXIST", FA_EEXIST},
                  {"ENOSPC", FA_ENOSPC}, {"ENOTEMPTY", FA_EBUSY}, {"ENOSYS", FA_ENOTSUP},
                  {"EAGAIN", FA_EAGAIN}, {"E2BIG", FA_ELIMIT},    {"EWHATEVER", FA_EIO}, {"", FA_EIO}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(errors); i++) {
        xen_store_call *call = begin(XEN_STORE_RM, 0, "a");
        take(XEN_STORE_RM);
        fake_store_put(XEN_STORE_ERROR, header.id, errors[i].name, strlen(errors[i].name));
        (void)!xen_store_ring_run(&ring);
        end_with(call, errors[i].err);
    }
}

static void watches(void **state)
{
    (void)state;
    xen_store_watch one = {.path = "one"}, two = {.path = "two"};
    xen_store_call *call;
    assert_int_equal(xen_store_ring_watch(&ring, &one, &call), FA_OK);
    take(XEN_STORE_WATCH);
    assert_string_equal(payload, "one");
    char event[64];
    memcpy(event, payload, header.len);
    const size_t event_len = header.len;
    fake_store_put(XEN_STORE_WATCH, header.id, "OK", 3);
    fake_store_put(XEN_STORE_WATCH_EVENT, 0, event, event_len);
    (void)!xen_store_ring_run(&ring);
    end_with(call, FA_OK);
    assert_true(one.has_fired);
    one.has_fired = false;
    assert_int_equal(xen_store_ring_watch(&ring, &two, &call), FA_OK);
    take(XEN_STORE_WATCH);
    fake_store_put(XEN_STORE_WATCH, header.id, "OK", 3);
    fake_store_put(XEN_STORE_WATCH_EVENT, 0, "x\0nobody", 9);
    (void)!xen_store_ring_run(&ring);
    end_with(call, FA_OK);
    assert_false(one.has_fired || two.has_fired);
    xen_store_ring_unwatch(&ring, &one);
    xen_store_ring_unwatch(&ring, &one); /* not any more */
    take(XEN_STORE_UNWATCH);
    assert_int_equal(header.len, event_len);
    assert_memory_equal(payload, event, event_len);
    fake_store_put(XEN_STORE_WATCH_EVENT, 0, event, event_len); /* on its way already */
    fake_store_put(XEN_STORE_UNWATCH, header.id, "OK", 3);
    (void)!xen_store_ring_run(&ring);
    assert_false(one.has_fired);
    assert_false(fake_store_take(&header, payload));
}

/* Nobody waits for the transaction any more: it is ended all the same. */
static void orphan(void **state)
{
    (void)state;
    xen_store_call *call = begin(XEN_STORE_TRANSACTION_START, 0, "");
    take(XEN_STORE_TRANSACTION_START);
    xen_store_ring_end(call);
    fake_store_put(XEN_STORE_TRANSACTION_START, header.id, "77", 3);
    take(XEN_STORE_TRANSACTION_END);
    assert_int_equal(header.transaction, 77);
    assert_string_equal(payload, "F");
    fake_store_put(XEN_STORE_TRANSACTION_END, header.id, "OK", 3);
    (void)!xen_store_ring_run(&ring);
}

static void resume(void **state)
{
    (void)state;
    xen_store_watch watch = {.path = "w"};
    xen_store_call *watched, *plain, *in_transaction;
    assert_int_equal(xen_store_ring_watch(&ring, &watch, &watched), FA_OK);
    take(XEN_STORE_WATCH);
    fake_store_put(XEN_STORE_WATCH, header.id, "OK", 3);
    (void)!xen_store_ring_run(&ring);
    end_with(watched, FA_OK);
    plain = begin(XEN_STORE_READ, 0, "p");
    in_transaction = begin(XEN_STORE_READ, 9, "t");
    (void)!xen_store_ring_run(&ring);
    fake_store_put_bytes("half", 4);
    (void)!xen_store_ring_run(&ring);
    fake_store_reset();
    xen_store_ring_open(&ring, &fake_store_page);
    end_with(in_transaction, FA_EAGAIN);
    take(XEN_STORE_READ);
    assert_string_equal(payload, "p");
    fake_store_put(XEN_STORE_READ, header.id, "value", 5);
    take(XEN_STORE_WATCH);
    assert_string_equal(payload, "w");
    fake_store_put(XEN_STORE_WATCH, header.id, "OK", 3);
    fake_store_put(XEN_STORE_WATCH_EVENT, 0, payload, header.len);
    (void)!xen_store_ring_run(&ring);
    end_with(plain, FA_OK);
    assert_true(watch.has_fired);
    xen_store_ring_unwatch(&ring, &watch);
    take(XEN_STORE_UNWATCH);
    fake_store_put(XEN_STORE_ERROR, header.id, "ENOENT", 7);
    (void)!xen_store_ring_run(&ring);
}

static void broken(void **state)
{
    (void)state;
    static const struct {
        uint32_t type, id;
        const char *payload;
        size_t len;
        const char *why;
    } messages[] = {
        {XEN_STORE_READ, 99, "a", 1, "answers what it was not asked"},
        {XEN_STORE_ERROR, 99, "EIO", 4, "answers what it was not asked"},
        {XEN_STORE_RM, 0, "a", 1, "answers something else"},
        {XEN_STORE_WATCH_EVENT, 0, "path", 4, "sends a watch event without path and token"},
        {XEN_STORE_WATCH_EVENT, 0, "path", 5, "sends a watch event without path and token"},
        {XEN_STORE_WATCH_EVENT, 0, "path\0token", 10, "sends a watch event without path and token"},
        {XEN_STORE_WATCH_EVENT, 0, "", 0, "sends a watch event without path and token"},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(messages); i++) {
        set_up(NULL);
        xen_store_call *call = begin(XEN_STORE_READ, 0, "a");
        xen_store_call *given_up = begin(XEN_STORE_READ, 0, "b");
        xen_store_ring_end(given_up);
        (void)!xen_store_ring_run(&ring);
        fake_store_put(messages[i].type, messages[i].id, messages[i].payload, messages[i].len);
        expect_broken(messages[i].why);
        end_with(call, FA_EIO);
    }
    /* Answered before it was sent to its end. */
    set_up(NULL);
    static char text[2000];
    memset(text, 'x', sizeof text - 1);
    xen_store_call *call = begin(XEN_STORE_WRITE, 0, text);
    (void)!xen_store_ring_run(&ring);
    fake_store_put(XEN_STORE_WRITE, 0, "OK", 3);
    expect_broken("answers what it was not asked");
    end_with(call, FA_EIO);
}

static void broken_rings(void **state)
{
    (void)state;
    static const uint32_t wrong[] = {1025, 2000, UINT32_MAX / 2, UINT32_MAX - 2000};
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++) {
        set_up(NULL);
        xen_store_call *call = begin(XEN_STORE_READ, 0, "a");
        fake_store_page.reply_prod = wrong[i];
        expect_broken("has more to say than its ring holds");
        end_with(call, FA_EIO);
        set_up(NULL);
        call = begin(XEN_STORE_READ, 0, "a");
        fake_store_page.request_cons = wrong[i];
        expect_broken("has read more than was written");
        end_with(call, FA_EIO);
    }
    set_up(NULL);
    const xen_store_header huge = {XEN_STORE_READ, 0, 0, XEN_STORE_PAYLOAD_MAX + 1};
    fake_store_put_bytes(&huge, sizeof huge);
    expect_broken("sends a message that is too long");
}

/* Whatever the other side writes wherever it can: no access outside, no hang. */
static void anything(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    for (unsigned round = 0; round < 3000; round++) {
        set_up(NULL);
        xen_store_watch watch = {.path = "w"};
        xen_store_call *calls[3];
        assert_int_equal(xen_store_ring_watch(&ring, &watch, &calls[0]), FA_OK);
        calls[1] = begin(XEN_STORE_READ, 0, "a");
        calls[2] = begin(XEN_STORE_TRANSACTION_START, 0, "a");
        for (unsigned turn = 0; turn < 20 && !ring.is_broken; turn++) {
            uint8_t *bytes = (uint8_t *)&fake_store_page;
            for (unsigned i = 0; i < 30; i++) {
                const size_t at = XEN_STORE_RING_BYTES + test_random_below(&seed, XEN_STORE_RING_BYTES);
                const bool is_small = test_random_below(&seed, 4) > 0;
                bytes[at] = (uint8_t)(is_small ? test_random_below(&seed, 20) : test_random(&seed));
            }
            fake_store_page.reply_prod += (uint32_t)test_random_below(&seed, 200);
            (void)!xen_store_ring_run(&ring);
        }
        xen_store_ring_unwatch(&ring, &watch);
        for (size_t i = 0; i < 3; i++)
            xen_store_ring_end(calls[i]);
        fake_store_page.reply_prod = fake_store_page.reply_cons + 5000;
        (void)!xen_store_ring_run(&ring);
        assert_null(ring.calls);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(by_number), TEST(portions), TEST(limits), TEST(errors),       TEST(watches),
        TEST(orphan),    TEST(resume),   TEST(broken), TEST(broken_rings), TEST(anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
