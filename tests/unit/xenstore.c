/* SPDX-License-Identifier: ISC */
/* Xenstore for fibers against a small xenstored: values, transactions, watches, several fibers at
 * once, time-outs, a resume, and one that breaks the rules. */
#include "xen_world.h"
#include <stdio.h>
#include <stdlib.h>

static void values(void **state)
{
    (void)state;
    char text[8];
    uint64_t number;
    assert_int_equal(xen_store_read(0, "data", "a", text, sizeof text, SOON), FA_ENOENT);
    assert_int_equal(xen_store_write(0, "data", "a", "1234567", SOON), FA_OK);
    assert_string_equal(fake_store_get(FAKE_STORE_HOME "data/a"), "1234567");
    assert_int_equal(xen_store_read(0, "data/a", NULL, text, sizeof text, SOON), FA_OK);
    assert_string_equal(text, "1234567");
    assert_int_equal(xen_store_read(0, "data", "a", text, sizeof text - 1, SOON), FA_ELIMIT);
    assert_int_equal(xen_store_read_number(0, "data", "a", &number, SOON), FA_OK);
    assert_int_equal(number, 1234567);
    assert_int_equal(xen_store_write_number(0, "data", "b", UINT64_MAX, SOON), FA_OK);
    assert_int_equal(xen_store_read_number(0, "data", "b", &number, SOON), FA_OK);
    assert_true(number == UINT64_MAX);
    static const char *const none[] = {"",    "-1", "1 ", "0x1", "18446744073709551616",
                                       "12345678901234567890123456"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(none); i++) {
        fake_store_set("/x", none[i]);
        assert_int_equal(xen_store_read_number(0, "/x", NULL, &number, SOON), FA_EFORMAT);
    }
    char *names, *list;
    size_t len;
    assert_int_equal(xen_store_mkdir(0, "data/c", SOON), FA_OK);
    assert_int_equal(xen_store_directory(0, "data", &names, &len, SOON), FA_OK);
    assert_int_equal(len, 6);
    assert_memory_equal(names, "a\0b\0c", 6);
    free(names);
    assert_int_equal(xen_store_get_permissions(0, "data", &list, &len, SOON), FA_OK);
    assert_int_equal(len, 6);
    assert_memory_equal(list, "n5\0r0", 6);
    free(list);
    assert_int_equal(xen_store_set_permissions(0, "data", "n5\0r0", 6, SOON), FA_OK);
    assert_int_equal(xen_store_set_permissions(0, "data", "n6", 3, SOON), FA_EPERM);
    assert_int_equal(xen_store_remove(0, "data", SOON), FA_OK);
    assert_null(fake_store_get(FAKE_STORE_HOME "data/a"));
    assert_int_equal(xen_store_remove(0, "data", SOON), FA_ENOENT);
}

static unsigned body_count;

static fa_err add_one(xen_store_tx tx, void *arg, fa_deadline deadline)
{
    uint64_t number = 0;
    body_count++;
    fa_err err = xen_store_read_number(tx, "count", NULL, &number, deadline);
    if (err == FA_OK || err == FA_ENOENT)
        err = xen_store_write_number(tx, "count", NULL, number + 1, deadline);
    return err == FA_OK && arg != NULL ? *(const fa_err *)arg : err;
}

static void transactions(void **state)
{
    (void)state;
    fake_store_set(FAKE_STORE_HOME "count", "5");
    fake_store_conflicts = 3;
    body_count = 0;
    assert_int_equal(xen_store_transact(add_one, NULL, SOON), FA_OK);
    assert_int_equal(body_count, 4);
    assert_string_equal(fake_store_get(FAKE_STORE_HOME "count"), "6");
    fa_err undo = FA_EIO;
    assert_int_equal(xen_store_transact(add_one, &undo, SOON), FA_EIO);
    world_settle();
    assert_string_equal(fake_store_get(FAKE_STORE_HOME "count"), "6");
    fake_store_conflicts = 1000;
    body_count = 0;
    assert_int_equal(xen_store_transact(add_one, NULL, SOON), FA_EAGAIN);
    assert_int_equal(body_count, XEN_STORE_TRIES_MAX);
    fake_store_conflicts = 0;
    assert_string_equal(fake_store_get(FAKE_STORE_HOME "count"), "6");
}

static unsigned done_count;

static void write_many(void *arg)
{
    char path[16], text[16];
    for (unsigned i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "many/%u", *(const unsigned *)arg);
        snprintf(text, sizeof text, "%u", i);
        assert_int_equal(xen_store_write(0, path, NULL, text, SOON), FA_OK);
        assert_int_equal(xen_store_read(0, path, NULL, text, sizeof text, SOON), FA_OK);
        assert_int_equal(atoi(text), i);
    }
    done_count++;
}

static void at_once(void **state)
{
    (void)state;
    fa_scope scope;
    unsigned numbers[12];
    done_count = 0;
    fa_scope_open(&scope);
    for (unsigned i = 0; i < FA_ARRAY_COUNT(numbers); i++) {
        numbers[i] = i;
        assert_int_equal(fa_scope_spawn(&scope, "writer", write_many, &numbers[i]), FA_OK);
    }
    assert_int_equal(fa_scope_wait(&scope, SOON), FA_OK);
    fa_scope_close(&scope);
    assert_int_equal(done_count, FA_ARRAY_COUNT(numbers));
}

static void watches(void **state)
{
    (void)state;
    xen_store_watch watch;
    fa_waitq queue = {0};
    assert_int_equal(xen_store_watch_path(&watch, "w", &queue, SOON), FA_OK);
    world_settle();
    assert_true(watch.has_fired); /* at first */
    watch.has_fired = false;
    fake_store_set(FAKE_STORE_HOME "v", "1");
    assert_int_equal(fa_waitq_wait(&queue, fa_after_ms(100)), FA_ETIMEDOUT);
    fake_store_set(FAKE_STORE_HOME "w/below", "1");
    assert_int_equal(fa_waitq_wait(&queue, fa_after_ms(100)), FA_OK);
    assert_true(watch.has_fired);
    xen_store_unwatch(&watch);
    watch.has_fired = false;
    world_settle();
    assert_int_equal(fake_store_watches(), 0);
    fake_store_set(FAKE_STORE_HOME "w", "2");
    world_settle();
    assert_false(watch.has_fired);
    xen_store_unwatch(&watch);
}

static void time_outs(void **state)
{
    (void)state;
    char text[8];
    xen_store_watch watch;
    fa_waitq queue = {0};
    fake_store_silent = true;
    assert_int_equal(xen_store_read(0, "a", NULL, text, sizeof text, fa_after_ms(50)), FA_ETIMEDOUT);
    assert_int_equal(xen_store_transact(add_one, NULL, fa_after_ms(50)), FA_ETIMEDOUT);
    assert_int_equal(xen_store_watch_path(&watch, "w", &queue, fa_after_ms(50)), FA_ETIMEDOUT);
    fake_store_silent = false;
    world_settle();
    assert_int_equal(fake_store_watches(), 0);
    assert_int_equal(xen_store_write(0, "a", NULL, "1", SOON), FA_OK);
    assert_int_equal(xen_store_transact(add_one, NULL, SOON), FA_OK); /* the other one was ended */
}

static void resume_now(void)
{
    fake_reset();
    fake_store_reset();
    fake_store_set(FAKE_STORE_HOME "count", "41");
    xen_events_init();
    world_open_store();
}

static void resume_soon(void *arg)
{
    (void)arg;
    fa_sleep(fa_after_ms(20));
    resume_now();
}

static fa_err add_one_and_resume(xen_store_tx tx, void *arg, fa_deadline deadline)
{
    bool *has_resumed = arg;
    const bool is_first = !*has_resumed;
    if (is_first)
        resume_now();
    *has_resumed = true;
    return add_one(tx, NULL, deadline);
}

/* In the middle of a transaction: it is done in the new store, from its beginning. */
static void resume(void **state)
{
    (void)state;
    fa_scope scope;
    xen_store_watch watch;
    fa_waitq queue = {0};
    assert_int_equal(xen_store_watch_path(&watch, "count", &queue, SOON), FA_OK);
    world_settle();
    fa_scope_open(&scope);
    assert_int_equal(fa_scope_spawn(&scope, "resume", resume_soon, NULL), FA_OK);
    fake_store_silent = true;
    assert_int_equal(xen_store_transact(add_one, NULL, SOON), FA_OK);
    fa_scope_close(&scope);
    assert_string_equal(fake_store_get(FAKE_STORE_HOME "count"), "42");
    bool has_resumed = false;
    assert_int_equal(xen_store_transact(add_one_and_resume, &has_resumed, SOON), FA_OK);
    assert_string_equal(fake_store_get(FAKE_STORE_HOME "count"), "42");
    world_settle();
    assert_int_equal(fake_store_watches(), 1);
    watch.has_fired = false;
    fake_store_set(FAKE_STORE_HOME "count", "43");
    assert_int_equal(fa_waitq_wait(&queue, SOON), FA_OK);
    xen_store_unwatch(&watch);
    world_settle();
}

static void breaks(void **state)
{
    (void)state;
    char text[8];
    fake_store_silent = true;
    fake_store_put(XEN_STORE_READ, 0xffff, "x", 1);
    fake_send(STORE_PORT);
    assert_int_equal(xen_store_read(0, "a", NULL, text, sizeof text, SOON), FA_EIO);
    assert_int_equal(xen_store_transact(add_one, NULL, SOON), FA_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),    cmocka_unit_test(transactions), cmocka_unit_test(at_once),
        cmocka_unit_test(watches),   cmocka_unit_test(time_outs),    cmocka_unit_test(resume),
        cmocka_unit_test(breaks),
    };
    world_init();
    return cmocka_run_group_tests_name("xenstore", tests, NULL, NULL);
}
