/* SPDX-License-Identifier: ISC */
/* Event channels by the two levels of bits of the shared info page (Xen's "2-level ABI"). Xen sets
 * the bit of a port, then that of its word in the selector, then `upcall_pending`, and interrupts;
 * whoever looks goes the other way round, so that what comes in between is seen now or brings
 * another interrupt. Whose a port is stands in tables of a page, made when a port needs them: Xen
 * gives out the lowest numbers first. */
#include "events.h"
#include "../../core/pages.h"
#include <fata/panic.h>
#include <string.h>

#define TABLE_PORTS (FA_PAGE_BYTES / sizeof(xen_event *))
#define TABLES (XEN_PORTS / TABLE_PORTS)
_Static_assert(FA_PAGE_BYTES == XEN_PAGE_BYTES, "one size of page");

static xen_event **tables[TABLES];
static unsigned waited_count; /* open, with a handler */

/* Where it stands whose port it is; NULL: nobody's. */
static xen_event **place_of(uint32_t port)
{
    xen_event **table = tables[port / TABLE_PORTS];
    return table == NULL ? NULL : &table[port % TABLE_PORTS];
}

void xen_events_init(void)
{
    memset(xen_shared->mask, 0xff, sizeof xen_shared->mask);
    for (uint32_t port = 0; port < XEN_PORTS; port++) {
        xen_event **place = place_of(port);
        if (place != NULL && *place != NULL) {
            (*place)->port = 0;
            *place = NULL;
        }
    }
    waited_count = 0;
}

bool xen_events_any(void)
{
    return waited_count > 0;
}

/* The ports of one word that are pending and not masked. */
static void take_word(size_t word)
{
    uint32_t *pending = &xen_shared->pending[word];
    uint32_t now = __atomic_load_n(pending, __ATOMIC_ACQUIRE) &
                   ~__atomic_load_n(&xen_shared->mask[word], __ATOMIC_RELAXED);
    /* Gone before the handlers look: an event from now on is another one. */
    __atomic_fetch_and(pending, ~now, __ATOMIC_ACQ_REL);
    for (; now != 0; now &= now - 1) {
        xen_event **place = place_of((uint32_t)(word * 32) + (uint32_t)__builtin_ctz(now));
        if (place != NULL && *place != NULL && (*place)->happened != NULL)
            (*place)->happened((*place)->arg);
    }
}

void xen_events_poll(void)
{
    xen_vcpu_info *vcpu = &xen_shared->vcpus[0];
    if (!__atomic_exchange_n(&vcpu->upcall_pending, 0, __ATOMIC_ACQ_REL))
        return;
    for (size_t half = 0; half < 2; half++) {
        uint32_t sel = __atomic_exchange_n(&vcpu->pending_sel[half], 0, __ATOMIC_ACQ_REL);
        for (; sel != 0; sel &= sel - 1) {
            const size_t pair = half * 32 + (size_t)__builtin_ctz(sel);
            take_word(2 * pair);
            take_word(2 * pair + 1);
        }
    }
}

/* An operation on a port that is ours cannot fail. */
static void do_port(unsigned operation, uint32_t port)
{
    xen_op_port op = {port};
    const fa_err err = xen_call(XEN_HYPERCALL_EVENT_CHANNEL_OP, operation, &op);
    if (err != FA_OK)
        fa_panic("Xen refuses operation %u on event channel %u: %s", operation, (unsigned)port,
                 fa_err_text(err));
}

static uint32_t *mask_word_of(uint32_t port)
{
    return &xen_shared->mask[port / 32];
}

fa_err xen_event_adopt(xen_event *event, uint32_t port)
{
    if (port == 0 || port >= XEN_PORTS)
        return FA_EINVAL;
    xen_event ***table = &tables[port / TABLE_PORTS];
    if (*table == NULL) {
        *table = fa_pages_alloc(&fa_ram, 1);
        if (*table == NULL)
            return FA_ENOMEM;
        memset(*table, 0, FA_PAGE_BYTES);
    }
    (*table)[port % TABLE_PORTS] = event;
    event->port = port;
    waited_count += event->happened != NULL;
    xen_event_unmask(event);
    return FA_OK;
}

/* Takes over a port that Xen has just made, or gives it back. */
static fa_err keep(xen_event *event, uint32_t port)
{
    const fa_err err = xen_event_adopt(event, port);
    if (err != FA_OK)
        do_port(XEN_EVTCHN_CLOSE, port);
    return err;
}

fa_err xen_event_alloc(xen_event *event, uint16_t domain)
{
    xen_op_alloc_unbound op = {.domain = XEN_DOMID_SELF, .remote_domain = domain};
    const fa_err err = xen_call(XEN_HYPERCALL_EVENT_CHANNEL_OP, XEN_EVTCHN_ALLOC_UNBOUND, &op);
    return err == FA_OK ? keep(event, op.port) : err;
}

fa_err xen_event_bind(xen_event *event, uint16_t domain, uint32_t remote_port)
{
    xen_op_bind_interdomain op = {.remote_domain = domain, .remote_port = remote_port};
    const fa_err err = xen_call(XEN_HYPERCALL_EVENT_CHANNEL_OP, XEN_EVTCHN_BIND_INTERDOMAIN, &op);
    return err == FA_OK ? keep(event, op.local_port) : err;
}

fa_err xen_event_bind_virq(xen_event *event, uint32_t virq)
{
    xen_op_bind_virq op = {.virq = virq, .vcpu = 0};
    const fa_err err = xen_call(XEN_HYPERCALL_EVENT_CHANNEL_OP, XEN_EVTCHN_BIND_VIRQ, &op);
    return err == FA_OK ? keep(event, op.port) : err;
}

void xen_event_close(xen_event *event)
{
    if (event->port == 0)
        return;
    xen_event_mask(event);
    *place_of(event->port) = NULL;
    waited_count -= event->happened != NULL;
    do_port(XEN_EVTCHN_CLOSE, event->port);
    event->port = 0;
}

void xen_event_notify(const xen_event *event)
{
    do_port(XEN_EVTCHN_SEND, event->port);
}

void xen_event_mask(const xen_event *event)
{
    __atomic_fetch_or(mask_word_of(event->port), UINT32_C(1) << event->port % 32, __ATOMIC_ACQ_REL);
}

/* Xen does it, so that an event that came meanwhile brings its interrupt. */
void xen_event_unmask(const xen_event *event)
{
    do_port(XEN_EVTCHN_UNMASK, event->port);
}
