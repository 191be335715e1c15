/* SPDX-License-Identifier: ISC */
/* Xen's console against readers that are quick, slow, gone, or wrong; and the end of a domain. */
#include "../../sdk/drivers/xen/console.h"
#include "../../sdk/core/pages.h"
#include "../../sdk/drivers/xen/events.h"
#include "../../sdk/drivers/xen/power.h"
#include "host.h"
#include "test.h"
#include "xen_fake.h"
#include <fata/clock.h>
#include <stdlib.h>

#define PORT 3u
#define FRAME UINT64_C(0xfefff)
#define TAKEN_MAX 65536u

static _Alignas(4096) uint8_t ram[4 * 4096];
static xen_console_page *page; /* of the heap: what lies beyond it is found */
static char taken[TAKEN_MAX];
static size_t taken_len;
static unsigned arrived_count;

/* The reader takes everything. */
static void take(void)
{
    while (page->out_cons != page->out_prod && taken_len < TAKEN_MAX - 1)
        taken[taken_len++] = (char)page->out[page->out_cons++ % XEN_CONSOLE_OUT_BYTES];
    taken[taken_len] = '\0';
    host_mono_ns += FA_NS_PER_US;
}

static void take_nothing(void)
{
    host_mono_ns += 10 * FA_NS_PER_US;
}

static void type(const char *text)
{
    for (size_t i = 0; i < strlen(text); i++)
        page->in[page->in_prod++ % XEN_CONSOLE_IN_BYTES] = (uint8_t)text[i];
    fake_send(PORT);
}

static void arrived(void)
{
    arrived_count++;
}

static int set_up(void **state)
{
    (void)state;
    static uint8_t notes[4];
    fake_reset();
    fake_make_port(PORT);
    if (fa_ram.page_count == 0) {
        fa_pages_init(&fa_ram, (uintptr_t)ram, 4, notes);
        fa_pages_add(&fa_ram, (uintptr_t)ram, (uintptr_t)ram + sizeof ram);
    }
    xen_events_init();
    fake.params[XEN_PARAM_CONSOLE_PFN] = FRAME;
    fake.params[XEN_PARAM_CONSOLE_EVTCHN] = PORT;
    page = calloc(1, sizeof *page);
    taken_len = 0;
    arrived_count = 0;
    uint64_t frame = 0;
    assert_int_equal(xen_console_find(&frame), FA_OK);
    assert_int_equal(frame, FRAME);
    xen_console_open(page);
    fake.yielded = take;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(page);
    return 0;
}

static void say(const char *text)
{
    xen_console_write(text, strlen(text));
}

static void without_page(void **state)
{
    (void)state;
    char bytes[4];
    say("nowhere");
    assert_int_equal(xen_console_read(bytes, sizeof bytes), 0);
    assert_false(xen_console_listen(arrived));
    xen_console_drain();
    uint64_t frame;
    fake_reset();
    assert_int_equal(xen_console_find(&frame), FA_ENOENT);
    fake.params[XEN_PARAM_CONSOLE_EVTCHN] = PORT;
    assert_int_equal(xen_console_find(&frame), FA_ENOENT);
}

static void lines(void **state)
{
    (void)state;
    say("one\ntwo");
    assert_int_equal(fake.notified[PORT], 1);
    take();
    assert_string_equal(taken, "one\r\ntwo");
    xen_console_drain();
    assert_int_equal(fake.yields, 0);
}

static void more_than_fits(void **state)
{
    (void)state;
    static char text[3 * XEN_CONSOLE_OUT_BYTES + 1];
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)('a' + i % 26);
    page->out_prod = page->out_cons = UINT32_MAX - 100; /* the indices wrap */
    say(text);
    take();
    assert_string_equal(taken, text);
    assert_in_range(fake.notified[PORT], 3, 5);
}

static void reader_gone(void **state)
{
    (void)state;
    static char text[XEN_CONSOLE_OUT_BYTES + 100];
    memset(text, 'x', sizeof text - 1);
    fake.yielded = take_nothing;
    const uint64_t start_ns = host_mono_ns;
    say(text);
    const uint64_t first_ns = host_mono_ns - start_ns;
    assert_in_range(first_ns, FA_NS_PER_S, 10 * FA_NS_PER_S);
    say("more");
    xen_console_drain();
    assert_in_range(host_mono_ns - start_ns - first_ns, 1, FA_NS_PER_S);
    /* It comes back: what was written while it was gone is lost, what comes now is not. */
    fake.yielded = take;
    take();
    say("again");
    take();
    assert_int_equal(taken_len, XEN_CONSOLE_OUT_BYTES + 5);
    assert_string_equal(taken + XEN_CONSOLE_OUT_BYTES, "again");
}

/* Before there is a clock. */
static void reader_gone_without_clock(void **state)
{
    (void)state;
    static char text[XEN_CONSOLE_OUT_BYTES + 100];
    memset(text, 'x', sizeof text - 1);
    fake.yielded = NULL;
    say(text);
    assert_in_range(fake.yields, 1000, 1000000);
}

static void indices_that_are_wrong(void **state)
{
    (void)state;
    static char bytes[4096];
    uint64_t seed = TEST_SEED;
    fake.yielded = take_nothing;
    for (unsigned i = 0; i < 50; i++) {
        page->out_cons = (uint32_t)test_random(&seed);
        page->out_prod = (uint32_t)test_random(&seed);
        page->in_cons = (uint32_t)test_random(&seed);
        page->in_prod = (uint32_t)test_random(&seed);
        say("some text\n");
        assert_true(xen_console_read(bytes, sizeof bytes) <= sizeof bytes);
    }
}

static void input(void **state)
{
    (void)state;
    char bytes[8];
    assert_int_equal(xen_console_read(bytes, sizeof bytes), 0);
    assert_int_equal(fake.notified[PORT], 0);
    type("early");
    assert_true(xen_console_listen(arrived));
    assert_true(xen_console_listen(arrived));
    assert_true(xen_events_any());
    xen_events_poll();
    assert_int_equal(arrived_count, 1);
    assert_int_equal(xen_console_read(bytes, 3), 3);
    assert_memory_equal(bytes, "ear", 3);
    assert_int_equal(fake.notified[PORT], 1); /* the writer may have waited for room */
    assert_int_equal(xen_console_read(bytes, sizeof bytes), 2);
    assert_memory_equal(bytes, "ly", 2);
    /* The event also comes for output that was taken. */
    fake_send(PORT);
    xen_events_poll();
    assert_int_equal(arrived_count, 1);
    page->in_prod = page->in_cons = UINT32_MAX - 2;
    type("wrapped");
    xen_events_poll();
    assert_int_equal(arrived_count, 2);
    assert_int_equal(xen_console_read(bytes, sizeof bytes), 7);
    assert_memory_equal(bytes, "wrapped", 7);
}

/* The port of the new domain may have the old one's number. */
static void input_after_resume(void **state)
{
    (void)state;
    assert_true(xen_console_listen(arrived));
    fake_reset();
    fake_make_port(PORT);
    xen_events_init();
    xen_console_open(page);
    assert_true(xen_console_listen(arrived));
    type("x");
    xen_events_poll();
    assert_int_equal(arrived_count, 1);
}

static void ends(void **state)
{
    (void)state;
    say("fata: exit 3\n");
    xen_exit(3);
    assert_int_equal(fake.shutdown, XEN_SHUTDOWN_POWEROFF);
    assert_string_equal(taken, "fata: exit 3\r\n"); /* by then, it was read */
    xen_exit(134);
    assert_int_equal(fake.shutdown, XEN_SHUTDOWN_CRASH);
    xen_shutdown(XEN_SHUTDOWN_REBOOT);
    assert_int_equal(fake.shutdown, XEN_SHUTDOWN_REBOOT);
    fake.shutdown = -1;
    fake.yielded = take_nothing;
    say("to nobody");
    xen_exit(0);
    assert_int_equal(fake.shutdown, XEN_SHUTDOWN_POWEROFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_page),
        cmocka_unit_test_setup_teardown(lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reader_gone_without_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reader_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(indices_that_are_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(input, set_up, tear_down),
        cmocka_unit_test_setup_teardown(input_after_resume, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
