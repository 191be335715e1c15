/* SPDX-License-Identifier: ISC */
/* Xen's console. Its reader is a program that may be slow, or gone: when the ring stays full, what
 * is written is dropped, first after a long wait, then after short ones until something is taken
 * again. */
#include "console.h"
#include "../../../bsp/plat.h"
#include "events.h"

/* xenconsoled stops reading for up to 200 ms from a guest that tells it of much in little time. */
#define WAIT_NS (5 * FA_NS_PER_S)
#define STUCK_NS (20 * FA_NS_PER_MS)
/* Before there is a clock, calls of Xen are counted: each takes 0.2 us or more. */
#define YIELDS_MIN 10000u

static xen_console_page *ring;
static uint32_t port;
static bool stuck;
static void (*input_arrived)(void);

fa_err xen_console_find(uint64_t *frame_out)
{
    uint64_t value;
    fa_err err = xen_param_get(XEN_PARAM_CONSOLE_EVTCHN, &value);
    if (err != FA_OK)
        return err;
    port = (uint32_t)value;
    return xen_param_get(XEN_PARAM_CONSOLE_PFN, frame_out);
}

void xen_console_open(void *page)
{
    ring = page;
    stuck = false;
}

/* Not by xen_event_notify(): nothing may panic below a panic's own text. */
static void tell(void)
{
    xen_op_port op = {port};
    fa_cpu_hypercall(XEN_HYPERCALL_EVENT_CHANNEL_OP, XEN_EVTCHN_SEND, (uintptr_t)&op, 0, 0, 0);
}

/* What was written and not taken; more than the ring has only when somebody else writes to it. */
static uint32_t out_used(void)
{
    return ring->out_prod - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE);
}

/* Waits until at most so many bytes are not taken; false: in vain. The reader has been told. */
static bool wait_until_used(uint32_t most)
{
    const uint64_t start_ns = plat_clock_mono_ns();
    for (unsigned yields = 0; out_used() > most; yields++) {
        const uint64_t waited_ns = plat_clock_mono_ns() - start_ns;
        if (yields > YIELDS_MIN && (waited_ns == 0 || waited_ns > (stuck ? STUCK_NS : WAIT_NS))) {
            stuck = true;
            return false;
        }
        fa_cpu_hypercall(XEN_HYPERCALL_SCHED_OP, XEN_SCHED_YIELD, 0, 0, 0, 0);
    }
    stuck = false;
    return true;
}

/* One byte; false: there is no room and will be none. */
static bool put(uint8_t byte)
{
    if (out_used() >= XEN_CONSOLE_OUT_BYTES) {
        tell();
        if (!wait_until_used(XEN_CONSOLE_OUT_BYTES - 1))
            return false;
    }
    ring->out[ring->out_prod % XEN_CONSOLE_OUT_BYTES] = byte;
    __atomic_store_n(&ring->out_prod, ring->out_prod + 1, __ATOMIC_RELEASE);
    return true;
}

void xen_console_write(const char *bytes, size_t len)
{
    if (ring == NULL)
        return;
    for (size_t i = 0; i < len; i++)
        if ((bytes[i] == '\n' && !put('\r')) || !put((uint8_t)bytes[i]))
            break;
    tell();
}

void xen_console_drain(void)
{
    if (ring != NULL)
        (void)wait_until_used(0);
}

static bool has_input(void)
{
    return __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE) != ring->in_cons;
}

size_t xen_console_read(char *bytes_out, size_t cap)
{
    size_t len = 0;
    if (ring == NULL)
        return 0;
    uint32_t at = ring->in_cons;
    const uint32_t end = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE);
    while (len < cap && at != end)
        bytes_out[len++] = (char)ring->in[at++ % XEN_CONSOLE_IN_BYTES];
    if (len > 0) {
        __atomic_store_n(&ring->in_cons, at, __ATOMIC_RELEASE);
        tell(); /* there is room again */
    }
    return len;
}

/* It comes for output that was taken, too. */
static void happened(void *arg)
{
    (void)arg;
    if (has_input())
        input_arrived();
}

bool xen_console_listen(void (*arrived)(void))
{
    static xen_event event = {.happened = happened};
    input_arrived = arrived;
    if (ring == NULL)
        return false;
    return event.port == port || xen_event_adopt(&event, port) == FA_OK;
}
