/* SPDX-License-Identifier: ISC */
/* Event channels: one bit each that another domain or Xen sets. An event comes as an interrupt of
 * the CPU, which the board leads to xen_events_poll(); that calls the handlers of the ports that are
 * pending, like any function, never inside of an interrupt. A port that is idle costs nothing.
 * Handlers may open and close events, their own too. Events that come while a handler runs join in
 * one: a handler looks at all that there is, and is not surprised when there is nothing.
 *
 *     static xen_event event = {.happened = look_at_ring, .arg = &ring};
 *     fa_err err = xen_event_alloc(&event, backend_domain);   (the back end binds to event.port)
 *     xen_event_notify(&event);
 */
#ifndef FATA_DRIVERS_XEN_EVENTS_H
#define FATA_DRIVERS_XEN_EVENTS_H

#include "xen.h"

/* The caller's, which fills in the handler; it stays as and where it is until it is closed. */
typedef struct xen_event {
    void (*happened)(void *arg); /* NULL: the event only ends a wait */
    void *arg;
    uint32_t port; /* 0: none */
} xen_event;

/* Masks all ports. After a resume, by when Xen has closed them all, the events that were open are so
 * no more. */
void xen_events_init(void);
/* Calls the handlers of all that is pending; what comes later is for the next call. */
void xen_events_poll(void);
/* Whether any event is open that has a handler. */
bool xen_events_any(void);

/* A new port for `domain` to bind to; bound to what `domain` has made for us; of a virtual interrupt
 * of this (the only) CPU. FA_ENOMEM; FA_ENOSPC: the domain has no more ports; Xen's refusals. */
FA_MUST_CHECK fa_err xen_event_alloc(xen_event *event, uint16_t domain);
FA_MUST_CHECK fa_err xen_event_bind(xen_event *event, uint16_t domain, uint32_t remote_port);
FA_MUST_CHECK fa_err xen_event_bind_virq(xen_event *event, uint32_t virq);
/* A port that exists already, such as the console's. FA_EINVAL: no such port; FA_ENOMEM. */
FA_MUST_CHECK fa_err xen_event_adopt(xen_event *event, uint32_t port);
/* Nothing is called any more, and the port is free. Also of an event that is not open. */
void xen_event_close(xen_event *event);

/* Tells the other side. */
void xen_event_notify(const xen_event *event);
/* Holds events back, and lets them come again, with one that came meanwhile. */
void xen_event_mask(const xen_event *event);
void xen_event_unmask(const xen_event *event);

#endif
