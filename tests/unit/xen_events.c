/* SPDX-License-Identifier: ISC */
/* Event channels against a Xen that sends at every moment it can: none is lost, none comes to
 * another one's handler, and ports and memory that run out are errors. */
#include "../../sdk/drivers/xen/events.h"
#include "../../sdk/core/pages.h"
#include "host.h"
#include "test.h"
#include "xen_fake.h"

#define MANY 700u /* more than a table holds */

static _Alignas(4096) uint8_t ram[64 * 4096];

typedef struct counter {
    xen_event event;
    unsigned sent, seen; /* sent: since it was last seen */
    uint32_t also_send;  /* a port, out of the handler; 0: none */
    struct counter *also_close;
} counter;

static void count(void *arg)
{
    counter *c = arg;
    c->seen++;
    c->sent = 0;
    if (c->also_send != 0) {
        fake_send(c->also_send);
        c->also_send = 0;
    }
    if (c->also_close != NULL)
        xen_event_close(&c->also_close->event);
}

static counter counters[MANY];

static int set_up(void **state)
{
    (void)state;
    static uint8_t notes[64];
    memset(counters, 0, sizeof counters);
    for (size_t i = 0; i < MANY; i++)
        counters[i].event = (xen_event){.happened = count, .arg = &counters[i]};
    fake_reset();
    if (fa_ram.page_count == 0) {
        fa_pages_init(&fa_ram, (uintptr_t)ram, 64, notes);
        fa_pages_add(&fa_ram, (uintptr_t)ram, (uintptr_t)ram + sizeof ram);
    }
    xen_events_init();
    return 0;
}

static void open_many(size_t number)
{
    for (size_t i = 0; i < number; i++)
        assert_int_equal(xen_event_alloc(&counters[i].event, 0), FA_OK);
}

static void each_to_its_handler(void **state)
{
    (void)state;
    open_many(MANY);
    assert_true(xen_events_any());
    for (size_t i = 0; i < MANY; i++) {
        fake_send(counters[i].event.port);
        fake_send(counters[i].event.port); /* the second joins in */
        xen_events_poll();
        assert_int_equal(fake.shared->vcpus[0].upcall_pending, 0); /* or it interrupts for ever */
        for (size_t k = 0; k < MANY; k++)
            assert_int_equal(counters[k].seen, k <= i);
    }
    xen_events_poll();
    assert_int_equal(counters[0].seen, 1);
    for (size_t i = 0; i < MANY; i++)
        xen_event_close(&counters[i].event);
    assert_false(xen_events_any());
    for (size_t port = 0; port < XEN_PORTS; port++)
        assert_false(fake.ports[port]);
}

static void kinds(void **state)
{
    (void)state;
    assert_int_equal(xen_event_alloc(&counters[0].event, 7), FA_OK);
    assert_int_equal(fake.last_domain, 7);
    assert_int_equal(xen_event_bind(&counters[1].event, 9, 77), FA_OK);
    assert_int_equal(fake.last_domain, 9);
    assert_int_equal(fake.last_remote_port, 77);
    assert_int_equal(xen_event_bind_virq(&counters[2].event, 5), FA_OK);
    assert_int_equal(fake.last_virq, 5);
    fake_make_port(4095);
    assert_int_equal(xen_event_adopt(&counters[3].event, 4095), FA_OK);
    for (size_t i = 0; i < 4; i++) {
        fake_send(counters[i].event.port);
        xen_event_notify(&counters[i].event);
        assert_int_equal(fake.notified[counters[i].event.port], 1);
    }
    xen_events_poll();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(counters[i].seen, 1);
    assert_int_equal(xen_event_adopt(&counters[4].event, 0), FA_EINVAL);
    assert_int_equal(xen_event_adopt(&counters[4].event, XEN_PORTS), FA_EINVAL);
    xen_event_close(&counters[4].event); /* it is not open */
}

/* One that only ends waits counts as none. */
static void without_handler(void **state)
{
    (void)state;
    xen_event timer = {.port = 0};
    assert_int_equal(xen_event_bind_virq(&timer, XEN_VIRQ_TIMER), FA_OK);
    assert_false(xen_events_any());
    fake_send(timer.port);
    xen_events_poll();
    assert_int_equal(fake.shared->pending[0], 0);
    xen_event_close(&timer);
    assert_false(xen_events_any());
}

static void masked(void **state)
{
    (void)state;
    open_many(2);
    xen_event_mask(&counters[0].event);
    fake_send(counters[0].event.port);
    fake_send(counters[1].event.port);
    xen_events_poll();
    assert_int_equal(counters[0].seen, 0);
    assert_int_equal(counters[1].seen, 1);
    xen_event_unmask(&counters[0].event);
    xen_events_poll();
    assert_int_equal(counters[0].seen, 1);
}

/* Xen sets the bits one after the other, and we may look in between. */
static void half_sent(void **state)
{
    (void)state;
    open_many(1);
    const uint32_t port = counters[0].event.port;
    fake_send(port);
    fake.shared->vcpus[0].upcall_pending = 0; /* as if that came last */
    xen_events_poll();
    assert_int_equal(counters[0].seen, 0);
    fake.shared->vcpus[0].upcall_pending = 1;
    xen_events_poll();
    assert_int_equal(counters[0].seen, 1);
    /* Selected, and another one's poll has taken it: only a call for nothing. */
    fake.shared->vcpus[0].pending_sel[0] = UINT32_MAX;
    fake.shared->vcpus[0].pending_sel[1] = UINT32_MAX;
    fake.shared->vcpus[0].upcall_pending = 1;
    xen_events_poll();
    assert_int_equal(counters[0].seen, 1);
}

/* Ports that nobody has, which no right Xen sends to. */
static void nobodys(void **state)
{
    (void)state;
    open_many(1);
    for (uint32_t port = 0; port < XEN_PORTS; port++)
        fake_make_port(port);
    memset(fake.shared->mask, 0, sizeof fake.shared->mask);
    for (uint32_t port = 0; port < XEN_PORTS; port++)
        fake_send(port);
    xen_events_poll();
    assert_int_equal(counters[0].seen, 1);
}

static void out_of_handlers(void **state)
{
    (void)state;
    open_many(3);
    /* Sent out of a handler, before and behind the one that runs, and to itself. */
    for (size_t to = 0; to < 3; to++) {
        const unsigned seen = counters[to].seen;
        counters[1].also_send = counters[to].event.port;
        fake_send(counters[1].event.port);
        xen_events_poll();
        xen_events_poll();
        assert_int_equal(counters[to].seen, seen + 1 + (to == 1));
    }
    /* Closed by one before it in the same call; and by itself. */
    counters[0].also_close = &counters[2];
    const unsigned seen = counters[2].seen;
    fake_send(counters[0].event.port);
    fake_send(counters[2].event.port);
    xen_events_poll();
    assert_int_equal(counters[2].seen, seen);
    counters[0].also_close = &counters[0];
    fake_send(counters[0].event.port);
    xen_events_poll();
    assert_int_equal(counters[0].event.port, 0);
}

static void none_lost(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    bool held[MANY] = {false};
    open_many(MANY);
    for (unsigned step = 0; step < 200000; step++) {
        counter *c = &counters[test_random_below(&seed, MANY)];
        const size_t i = (size_t)(c - counters);
        switch (test_random_below(&seed, 8)) {
        case 0:
            xen_events_poll();
            break;
        case 1:
            held[i] = !held[i];
            (held[i] ? xen_event_mask : xen_event_unmask)(&c->event);
            break;
        case 2: /* the handler's event counts as sent after it has been seen */
            c->also_send = counters[test_random_below(&seed, MANY)].event.port;
            break;
        default:
            fake_send(c->event.port);
            c->sent = 1;
        }
    }
    for (size_t i = 0; i < MANY; i++)
        xen_event_unmask(&counters[i].event);
    for (unsigned polls = 0; polls < MANY; polls++)
        xen_events_poll();
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(counters[i].sent, 0);
    for (size_t word = 0; word < FA_ARRAY_COUNT(fake.shared->pending); word++)
        assert_int_equal(fake.shared->pending[word], 0);
}

static void refusals(void **state)
{
    (void)state;
    const struct {
        int xen;
        fa_err err;
    } errors[] = {{XEN_EPERM, FA_EPERM},   {XEN_ESRCH, FA_ENOENT},  {XEN_ENOENT, FA_ENOENT},
                  {XEN_ENOMEM, FA_ENOMEM}, {XEN_EBUSY, FA_EBUSY},   {XEN_EEXIST, FA_EEXIST},
                  {XEN_EINVAL, FA_EINVAL}, {XEN_ENOSPC, FA_ENOSPC}, {XEN_ENOSYS, FA_ENOTSUP},
                  {95, FA_EIO}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(errors); i++) {
        fake.refusal = -errors[i].xen;
        assert_int_equal(xen_event_alloc(&counters[0].event, 0), errors[i].err);
        assert_int_equal(xen_event_bind(&counters[0].event, 0, 1), errors[i].err);
        assert_int_equal(xen_event_bind_virq(&counters[0].event, 1), errors[i].err);
    }
    assert_int_equal(counters[0].event.port, 0);
    fake.refusal = 0;
    assert_false(xen_events_any());
    counters[0].event.port = 33;
    expect_assert_failure(xen_event_notify(&counters[0].event));
    assert_non_null(strstr(host_panic, "event channel 33"));
}

static void no_more_ports(void **state)
{
    (void)state;
    for (uint32_t port = 1; port < XEN_PORTS - 1; port++)
        fake_make_port(port);
    open_many(1);
    assert_int_equal(xen_event_alloc(&counters[1].event, 0), FA_ENOSPC);
    assert_int_equal(xen_event_bind(&counters[1].event, 0, 1), FA_ENOSPC);
    xen_event_close(&counters[0].event);
    open_many(1);
}

/* By when this runs the tables of the other tests are there; only a new one can fail. */
static void no_more_memory(void **state)
{
    (void)state;
    void *runs[65];
    size_t run_count = 0;
    while ((runs[run_count] = fa_pages_alloc(&fa_ram, 1)) != NULL)
        run_count++;
    for (uint32_t port = 1; port < 2048; port++)
        fake_make_port(port);
    assert_int_equal(xen_event_alloc(&counters[0].event, 0), FA_ENOMEM);
    assert_int_equal(counters[0].event.port, 0);
    assert_false(fake.ports[2048]); /* given back */
    assert_false(xen_events_any());
    while (run_count > 0)
        fa_pages_free(&fa_ram, runs[--run_count], 1);
    assert_int_equal(xen_event_alloc(&counters[0].event, 0), FA_OK);
}

/* In its new domain, an event is not open, and what is pending there is nobody's. */
static void resume(void **state)
{
    (void)state;
    open_many(5);
    fake_reset();
    xen_events_init();
    assert_false(xen_events_any());
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(counters[i].event.port, 0);
    open_many(5);
    fake_send(counters[4].event.port);
    xen_events_poll();
    assert_int_equal(counters[4].seen, 1);
}

static void parameters(void **state)
{
    (void)state;
    uint64_t value = 1;
    assert_int_equal(xen_param_get(XEN_PARAM_CONSOLE_PFN, &value), FA_ENOENT);
    assert_int_equal(xen_param_set(XEN_PARAM_CONSOLE_PFN, UINT64_C(0xfefff)), FA_OK);
    assert_int_equal(xen_param_get(XEN_PARAM_CONSOLE_PFN, &value), FA_OK);
    assert_int_equal(value, 0xfefff);
    assert_int_equal(xen_param_get(1000, &value), FA_EINVAL);
    assert_int_equal(xen_version(), 0x00040011);
}

static uint64_t ticks_now;
static unsigned changes; /* so many times, Xen changes the time while it is read */

static uint64_t read_ticks(void)
{
    xen_vcpu_time *time = &fake.shared->vcpus[0].time;
    if (changes > 0) {
        changes--;
        time->version += 2;
        time->system_time_ns += 1000000;
    }
    return ticks_now;
}

static uint64_t system_ns(void)
{
    return xen_system_ns(read_ticks);
}

/* By hand: 2.5 GHz are 0.4 ns a tick, 0.8 * 2^32 = 3435973837 (rounded up) shifted by -1. */
static void system_time(void **state)
{
    (void)state;
    xen_vcpu_time *time = &fake.shared->vcpus[0].time;
    *time = (xen_vcpu_time){.version = 4, .tsc_timestamp = 1000, .system_time_ns = 77,
                            .tsc_to_system_mul = 3435973837u, .tsc_shift = -1};
    ticks_now = 1000;
    assert_int_equal(system_ns(), 77);
    ticks_now = 1000 + 2500;
    assert_int_equal(system_ns(), 77 + 1000);
    ticks_now = 1000 + UINT64_C(2500000000) * 86400 * 365; /* a year */
    assert_in_range(system_ns() / 1000000, UINT64_C(86400) * 365 * 1000, UINT64_C(86400) * 365 * 1000 + 20);
    /* 100 MHz are 10 ns a tick: 0.625 * 2^32, shifted by 4. */
    *time = (xen_vcpu_time){.version = 6, .tsc_timestamp = 0, .system_time_ns = UINT64_C(1) << 60,
                            .tsc_to_system_mul = 2684354560u, .tsc_shift = 4};
    ticks_now = 5;
    assert_int_equal(system_ns(), (UINT64_C(1) << 60) + 50);
    /* Back a little: it stands until the old time is reached again. */
    time->system_time_ns -= 20;
    assert_int_equal(system_ns(), (UINT64_C(1) << 60) + 50);
    ticks_now = 8;
    assert_int_equal(system_ns(), (UINT64_C(1) << 60) + 60);
    /* Changed while it is read: the last state counts, whole. */
    changes = 3;
    assert_int_equal(system_ns(), (UINT64_C(1) << 60) + 60 + 3000000);
    time->version |= 1; /* Xen is broken, but the guest goes on */
    assert_int_equal(system_ns(), (UINT64_C(1) << 60) + 60 + 3000000);
    /* A resume, by another Xen. */
    fake_reset();
    fake.shared->vcpus[0].time = (xen_vcpu_time){.version = 2, .system_time_ns = 5};
    assert_int_equal(system_ns(), 5);
}

static void wall_clock(void **state)
{
    (void)state;
    assert_int_equal(xen_wall_base_ns(), 0);
    fake.shared->wall_s = 0x10;
    fake.shared->wall_s_high = 1;
    fake.shared->wall_ns = 5;
    fake.shared->wall_version = 2;
    assert_int_equal(xen_wall_base_ns(), UINT64_C(0x100000010) * 1000000000 + 5);
    fake.shared->wall_version = 3; /* it stays so: Xen is broken, but the guest goes on */
    assert_int_equal(xen_wall_base_ns(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_more_memory, set_up), /* while there are few tables */
        cmocka_unit_test_setup(each_to_its_handler, set_up),
        cmocka_unit_test_setup(kinds, set_up),
        cmocka_unit_test_setup(without_handler, set_up),
        cmocka_unit_test_setup(masked, set_up),
        cmocka_unit_test_setup(half_sent, set_up),
        cmocka_unit_test_setup(nobodys, set_up),
        cmocka_unit_test_setup(out_of_handlers, set_up),
        cmocka_unit_test_setup(none_lost, set_up),
        cmocka_unit_test_setup(refusals, set_up),
        cmocka_unit_test_setup(no_more_ports, set_up),
        cmocka_unit_test_setup(resume, set_up),
        cmocka_unit_test_setup(parameters, set_up),
        cmocka_unit_test_setup(system_time, set_up),
        cmocka_unit_test_setup(wall_clock, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
