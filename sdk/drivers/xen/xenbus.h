/* SPDX-License-Identifier: ISC */
/* The front's half of a device (Xen's public header io/xenbus.h): two directories of Xenstore, the
 * front's and the back end's, with a state each that the other side watches. Here stands the order of
 * the states; a driver (netfront.c) knows what they mean for its kind of device. A device may go and come
 * again at any time: its fiber goes on as long as the device is open.
 *
 *     static const xen_bus_driver driver = {connect, XEN_BUS_CONNECTED, connected, disconnect};
 *     err = xen_bus_open(&net->bus, &driver, "device/vif/0", fa_after_s(10));
 */
#ifndef FATA_DRIVERS_XEN_XENBUS_H
#define FATA_DRIVERS_XEN_XENBUS_H

#include "xenstore.h"

typedef enum xen_bus_state {
    XEN_BUS_UNKNOWN,
    XEN_BUS_INITIALISING,
    XEN_BUS_INIT_WAIT,
    XEN_BUS_INITIALISED,
    XEN_BUS_CONNECTED,
    XEN_BUS_CLOSING,
    XEN_BUS_CLOSED,
    XEN_BUS_RECONFIGURING,
    XEN_BUS_RECONFIGURED,
    XEN_BUS_STATES,
} xen_bus_state;

typedef struct xen_bus_device xen_bus_device;

/* What a driver does, called by the device's fiber. */
typedef struct xen_bus_driver {
    /* The back end has said what it can: makes rings and tells of them. An error closes the device. */
    fa_err (*connect)(xen_bus_device *device, fa_deadline deadline);
    xen_bus_state connecting; /* the front's state after that */
    /* The back end is connected; called again when it changes what it says. An error closes the
     * device. */
    fa_err (*connected)(xen_bus_device *device, fa_deadline deadline);
    /* Nothing of what connect() has made is used any more. Does not wait; also when nothing is. */
    void (*disconnect)(xen_bus_device *device);
    /* Asked before connect(). False: not yet, see xen_bus_look_again(). NULL: always. */
    bool (*may_connect)(xen_bus_device *device);
} xen_bus_driver;

struct xen_bus_device {
    char path[XEN_STORE_PATH_BYTES];    /* "device/vif/0" */
    char backend[XEN_STORE_PATH_BYTES]; /* "/local/domain/0/backend/vif/5/0"; empty: none */
    uint16_t backend_domain;
    xen_bus_state state, backend_state;
    /* Private. */
    const xen_bus_driver *driver;
    xen_store_watch front_watch, back_watch;
    bool front_watched, back_watched;
    bool is_connected;    /* by both sides */
    bool backend_was_on;  /* further than the wait for us, since we began */
    bool is_running;      /* the fiber */
    bool is_closing;
    bool looks_again;
    bool is_resumed; /* what it knows is of another store */
    xen_bus_device *next_running;
    bool is_late;           /* a connection that takes long, of which was told */
    const char *failed_why; /* not NULL: to be closed */
    fa_err open_err;        /* of the first attempt to connect; FA_EAGAIN: it goes on */
    fa_err told_err;        /* the last one that people were told */
    fa_deadline patience;   /* of this attempt */
    fa_waitq fiber, opener;
};

/* The number-th of the names in a folder ("device/vif") that are numbers, in their order. FA_ENOENT. */
FA_MUST_CHECK fa_err xen_bus_find(const char *folder, unsigned number, unsigned long *name_out,
                                  fa_deadline deadline);

/* Waits for the first connection; afterwards the device comes and goes. The record is the driver's,
 * zeroed at first, and stays where it is for good. FA_EBUSY: it is open; FA_ENOENT: there is no such
 * device; FA_ETIMEDOUT: the back end does not connect; FA_ENOMEM; what connect() returned. */
FA_MUST_CHECK fa_err xen_bus_open(xen_bus_device *device, const xen_bus_driver *driver,
                                  const char *path, fa_deadline deadline);
/* Disconnects, at once; the back end is told by the fiber. */
void xen_bus_close(xen_bus_device *device);
/* The back end breaks the rules: it is not spoken to until the device, or it, comes anew. */
void xen_bus_fail(xen_bus_device *device, const char *why);
/* It may connect now, what was there before is gone. */
void xen_bus_look_again(xen_bus_device *device);

/* After a resume, when Xenstore is open again: all devices disconnect now, and connect by and by. */
void xen_bus_resume(void);

/* A value of the back end's directory; `absent` if it is not there. FA_EFORMAT: it is no number. */
FA_MUST_CHECK fa_err xen_bus_read_backend(const xen_bus_device *device, const char *name,
                                          uint64_t absent, uint64_t *number_out,
                                          fa_deadline deadline);

#endif
