/* SPDX-License-Identifier: ISC */
/* A fiber for each device, which looks at both directories whenever something in them changes, and
 * does what the states ask for. It remembers little: what it sees may have happened long ago, or may
 * have been overtaken. */
#include "xenbus.h"
#include "../../fiber/sched.h"
#include "grants.h"
#include <fata/log.h>
#include <fata/panic.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("xenbus");

#define STEP_NS (10 * FA_NS_PER_S)    /* of one look at the store */
#define CONNECT_NS (10 * FA_NS_PER_S) /* until people are told that it takes long */
#define RETRY_NS (1 * FA_NS_PER_S)    /* for pages that a back end still has */
#define LINGER_TRIES 30u              /* the same, when the device has been closed */
#define DOMAIN_FIRST_RESERVED 0x7ff0u /* DOMID_FIRST_RESERVED */

static xen_bus_device *running;

static const char *name_of(xen_bus_state state)
{
    static const char *const names[XEN_BUS_STATES] = {
        "Unknown", "Initialising", "InitWait",      "Initialised", "Connected",
        "Closing", "Closed",       "Reconfiguring", "Reconfigured"};
    return names[state];
}

/* The front's own state. */

static fa_err write_state(xen_store_tx tx, void *arg, fa_deadline deadline)
{
    xen_bus_device *device = arg;
    uint64_t now;
    if (device->is_resumed)
        return FA_ECLOSED; /* the state was of another store */
    const fa_err err = xen_store_read_number(tx, device->path, "state", &now, deadline);
    if (err != FA_OK)
        return err; /* a write would make a device again that has gone */
    return now == (uint64_t)device->state
               ? FA_OK
               : xen_store_write_number(tx, device->path, "state", device->state, deadline);
}

static fa_err go_to(xen_bus_device *device, xen_bus_state state, fa_deadline deadline)
{
    device->state = state;
    return xen_store_transact(write_state, device, deadline);
}

/* Connecting and disconnecting. */

static void tell_opener(xen_bus_device *device, fa_err err)
{
    device->open_err = err;
    fa_waitq_wake_all(&device->opener);
}

static void disconnect(xen_bus_device *device)
{
    if (device->is_connected)
        fa_log_info("%s is disconnected", device->path);
    device->is_connected = false;
    device->patience = FA_FOREVER;
    device->driver->disconnect(device);
}

static fa_err give_up(xen_bus_device *device, fa_err why, fa_deadline deadline)
{
    fa_log_error("%s does not connect to %s: %s", device->path, device->backend, fa_err_text(why));
    disconnect(device);
    tell_opener(device, why);
    return go_to(device, XEN_BUS_CLOSED, deadline);
}

/* The store is slow, or too busy: nothing of the device's, and another time it will do. */
static bool is_passing(fa_err err)
{
    return err == FA_ETIMEDOUT || err == FA_EAGAIN;
}

static fa_err connect(xen_bus_device *device, fa_deadline deadline)
{
    const xen_bus_driver *driver = device->driver;
    device->is_late = false;
    device->patience = fa_after_ns(CONNECT_NS);
    if (driver->may_connect != NULL && !driver->may_connect(device))
        return FA_OK;
    const fa_err err = driver->connect(device, deadline);
    if (device->is_closing || device->is_resumed)
        return FA_OK;
    if (is_passing(err)) {
        disconnect(device);
        return err;
    }
    return err == FA_OK ? go_to(device, driver->connecting, deadline)
                        : give_up(device, err, deadline);
}

static fa_err connected(xen_bus_device *device, fa_deadline deadline)
{
    if (device->state != device->driver->connecting && device->state != XEN_BUS_CONNECTED)
        return FA_OK; /* it means one who was here before */
    fa_err err = device->driver->connected(device, deadline);
    if (device->is_closing || device->is_resumed)
        return FA_OK;
    if (err != FA_OK)
        return is_passing(err) ? err : give_up(device, err, deadline);
    if (device->state != XEN_BUS_CONNECTED)
        err = go_to(device, XEN_BUS_CONNECTED, deadline);
    if (device->is_resumed)
        return err;
    if (!device->is_connected)
        fa_log_debug("%s is connected to %s", device->path, device->backend);
    device->is_connected = true;
    device->patience = FA_FOREVER;
    tell_opener(device, FA_OK);
    return err;
}

static fa_err fail(xen_bus_device *device, fa_deadline deadline)
{
    device->failed_why = NULL;
    disconnect(device); /* if it failed while the fiber was on its way here */
    const fa_err err = go_to(device, XEN_BUS_CLOSING, deadline);
    return err == FA_OK ? go_to(device, XEN_BUS_CLOSED, deadline) : err;
}

/* Looking. */

static void forget_backend(xen_bus_device *device)
{
    disconnect(device);
    if (device->back_watched)
        xen_store_unwatch(&device->back_watch);
    device->back_watched = false;
    device->backend[0] = '\0';
    device->backend_state = XEN_BUS_UNKNOWN;
    device->state = XEN_BUS_UNKNOWN;
    device->failed_why = NULL;
}

static fa_err begin(xen_bus_device *device, fa_deadline deadline)
{
    device->backend_was_on = false;
    return go_to(device, XEN_BUS_INITIALISING, deadline);
}

/* A device that is new, or that was open before: from the beginning. */
static fa_err meet_backend(xen_bus_device *device, const char *backend, fa_deadline deadline)
{
    uint64_t domain;
    fa_err err = xen_store_read_number(0, device->path, "backend-id", &domain, deadline);
    if (err == FA_OK && domain >= DOMAIN_FIRST_RESERVED)
        err = FA_EFORMAT;
    if (err != FA_OK)
        return err;
    device->backend_domain = (uint16_t)domain;
    strcpy(device->backend, backend);
    err = xen_store_watch_path(&device->back_watch, device->backend, &device->fiber, deadline);
    if (err != FA_OK) {
        device->backend[0] = '\0';
        return err;
    }
    device->back_watched = true;
    return begin(device, deadline);
}

static fa_err read_state(const char *path, xen_bus_state *state_out, fa_deadline deadline)
{
    uint64_t number = XEN_BUS_UNKNOWN;
    const fa_err err = xen_store_read_number(0, path, "state", &number, deadline);
    *state_out = number < XEN_BUS_STATES ? (xen_bus_state)number : XEN_BUS_UNKNOWN;
    if (err == FA_OK && number >= XEN_BUS_STATES)
        fa_log_warn("%s says that it is in state %llu, which there is none", path,
                    (unsigned long long)number);
    return err == FA_ENOENT || err == FA_EFORMAT ? FA_OK : err;
}

static fa_err obey(xen_bus_device *device, fa_deadline deadline)
{
    const bool begins = device->state == XEN_BUS_INITIALISING;
    fa_err err = FA_OK;
    switch (device->backend_state) {
    case XEN_BUS_INIT_WAIT:
    case XEN_BUS_INITIALISED:
        if (!begins && !device->backend_was_on)
            return FA_OK; /* it has not seen yet what we wrote */
        if (!begins) {
            disconnect(device); /* it has begun anew */
            err = begin(device, deadline);
        }
        return err == FA_OK ? connect(device, deadline) : err;
    case XEN_BUS_CONNECTED:
        device->backend_was_on = true;
        return connected(device, deadline);
    case XEN_BUS_UNKNOWN:
    case XEN_BUS_INITIALISING:
    case XEN_BUS_CLOSING:
    case XEN_BUS_CLOSED:
        device->backend_was_on = !begins;
        if (begins)
            return FA_OK;
        if (device->state != XEN_BUS_CLOSED)
            disconnect(device);
        return go_to(device, XEN_BUS_CLOSED, deadline); /* again: to say so may have failed */
    default:
        return FA_OK;
    }
}

static fa_err look(xen_bus_device *device, fa_deadline deadline)
{
    char backend[XEN_STORE_PATH_BYTES];
    if (device->is_resumed) {
        device->is_resumed = false;
        forget_backend(device);
    }
    device->front_watch.has_fired = device->back_watch.has_fired = device->looks_again = false;
    fa_err err = xen_store_read(0, device->path, "backend", backend, sizeof backend, deadline);
    if (err == FA_ENOENT) {
        if (device->backend[0] != '\0')
            fa_log_info("%s has gone", device->path);
        forget_backend(device);
        tell_opener(device, FA_ENOENT);
        return FA_OK;
    }
    if (err == FA_OK && strcmp(backend, device->backend) != 0) {
        forget_backend(device);
        err = meet_backend(device, backend, deadline);
    }
    xen_bus_state front;
    if (err == FA_OK)
        err = read_state(device->path, &front, deadline);
    if (err != FA_OK)
        return err;
    if (front == XEN_BUS_INITIALISING && device->state != XEN_BUS_INITIALISING) {
        disconnect(device); /* gone and come again, faster than we have looked */
        device->state = XEN_BUS_INITIALISING;
        device->backend_was_on = false;
        device->failed_why = NULL;
    }
    err = read_state(device->backend, &device->backend_state, deadline);
    if (err != FA_OK)
        return err;
    return device->failed_why != NULL ? fail(device, deadline) : obey(device, deadline);
}

/* The fiber. */

static void tell_late(xen_bus_device *device)
{
    if (device->is_late || fa_clock_mono_ns() < device->patience)
        return;
    device->is_late = true;
    device->patience = FA_FOREVER;
    fa_log_warn("%s waits for its back end, %s, which is in state %s", device->path, device->backend,
                name_of(device->backend_state));
}

static bool has_work(const xen_bus_device *device)
{
    return device->front_watch.has_fired || device->back_watch.has_fired || device->is_closing ||
           device->looks_again || device->is_resumed || device->failed_why != NULL;
}

static void wait_until(xen_bus_device *device, fa_deadline deadline)
{
    const fa_err err = fa_waitq_wait(&device->fiber, deadline); /* woken or due: both are looked at */
    fa_assert(err != FA_ECANCELED);
}

/* Until something has changed. */
static void rest(xen_bus_device *device)
{
    while (!has_work(device)) {
        fa_deadline deadline = device->patience;
        if (xen_grants_retry() > 0 && fa_after_ns(RETRY_NS) < deadline)
            deadline = fa_after_ns(RETRY_NS);
        if (device->looks_again)
            break; /* it was for these grants to end */
        wait_until(device, deadline);
        tell_late(device);
    }
}

/* The store has not answered, or not well: another look later. Who opens the device knows for how long
 * to wait. */
static void rest_after(xen_bus_device *device, fa_err err)
{
    if (err != device->told_err)
        fa_log_error("%s: Xenstore: %s", device->path, fa_err_text(err));
    device->told_err = err;
    if (!is_passing(err))
        tell_opener(device, err);
    const fa_deadline deadline = fa_after_ns(RETRY_NS);
    while (!device->is_closing && fa_clock_mono_ns() < deadline)
        wait_until(device, deadline);
}

static void end(xen_bus_device *device)
{
    const bool had_backend = device->backend[0] != '\0';
    device->driver->disconnect(device);
    if (had_backend && go_to(device, XEN_BUS_CLOSING, fa_after_ns(STEP_NS)) == FA_OK)
        (void)!go_to(device, XEN_BUS_CLOSED, fa_after_ns(STEP_NS));
    if (device->front_watched)
        xen_store_unwatch(&device->front_watch);
    device->front_watched = false;
    forget_backend(device);
    device->is_running = false;
    xen_bus_device **link = &running;
    while (*link != device)
        link = &(*link)->next_running;
    *link = device->next_running;
    fa_waitq_wake_all(&device->opener);
    /* (From here on the record may be another's.) */
    for (unsigned tries = 0; tries < LINGER_TRIES && xen_grants_retry() > 0; tries++)
        fa_sleep(fa_after_ns(RETRY_NS));
}

/* The directory as a whole, so that it is seen to come when it is not there. */
static fa_err watch_front(xen_bus_device *device)
{
    if (device->front_watched)
        return FA_OK;
    const fa_err err = xen_store_watch_path(&device->front_watch, device->path, &device->fiber,
                                            fa_after_ns(STEP_NS));
    device->front_watched = err == FA_OK;
    return err;
}

static void run(void *arg)
{
    xen_bus_device *device = arg;
    while (!device->is_closing) {
        if (device->failed_why != NULL)
            disconnect(device); /* whether or not the store can be told */
        fa_err err = watch_front(device);
        if (err == FA_OK)
            err = look(device, fa_after_ns(STEP_NS));
        if (err == FA_OK || err == FA_ENOENT) { /* it went while we looked, and we shall be told */
            device->told_err = FA_OK;
            rest(device);
        } else if (!device->is_resumed) {
            rest_after(device, err);
        }
    }
    end(device);
}

/* For who has the device. */

static void poke(xen_bus_device *device)
{
    fa_waitq_wake_all(&device->fiber);
}

/* One that was closed takes some time to say so. */
static fa_err wait_for_end(xen_bus_device *device, fa_deadline deadline)
{
    fa_err err = FA_OK;
    while (err == FA_OK && device->is_running)
        err = device->is_closing ? fa_waitq_wait(&device->opener, deadline) : FA_EBUSY;
    return err;
}

fa_err xen_bus_find(const char *folder, unsigned number, unsigned long *name_out, fa_deadline deadline)
{
    char *names;
    size_t len;
    const fa_err err = xen_store_directory(0, folder, &names, &len, deadline);
    if (err != FA_OK)
        return err;
    unsigned long last = 0;
    bool found = true;
    for (unsigned i = 0; i <= number && found; i++) {
        unsigned long best = 0;
        found = false;
        for (const char *at = names; at < names + len; at += strlen(at) + 1) {
            char *end;
            const unsigned long name = strtoul(at, &end, 10);
            if (*at != '\0' && *end == '\0' && (i == 0 || name > last) && (!found || name < best)) {
                best = name;
                found = true;
            }
        }
        last = best;
    }
    free(names);
    *name_out = last;
    return found ? FA_OK : FA_ENOENT;
}

fa_err xen_bus_open(xen_bus_device *device, const xen_bus_driver *driver, const char *path,
                    fa_deadline deadline)
{
    fa_err err = wait_for_end(device, deadline);
    if (err != FA_OK)
        return err;
    if (strlen(path) >= sizeof device->path)
        return FA_EINVAL;
    for (const xen_bus_device *other = running; other != NULL; other = other->next_running)
        if (strcmp(other->path, path) == 0)
            return FA_EBUSY; /* under another number: they change when a device before it goes */
    *device = (xen_bus_device){.driver = driver, .open_err = FA_EAGAIN, .patience = FA_FOREVER};
    strcpy(device->path, path);
    err = fa_sched_spawn(&(fa_fiber_options){.name = "xen device"}, run, device);
    if (err != FA_OK)
        return err;
    device->is_running = true;
    device->next_running = running;
    running = device;
    while (err == FA_OK && device->open_err == FA_EAGAIN)
        err = fa_waitq_wait(&device->opener, deadline);
    if (err == FA_OK)
        err = device->open_err;
    if (err != FA_OK)
        xen_bus_close(device);
    return err;
}

void xen_bus_close(xen_bus_device *device)
{
    device->is_closing = true;
    device->driver->disconnect(device);
    poke(device);
}

void xen_bus_resume(void)
{
    for (xen_bus_device *device = running; device != NULL; device = device->next_running) {
        disconnect(device);
        device->is_resumed = true;
        poke(device);
    }
}

void xen_bus_fail(xen_bus_device *device, const char *why)
{
    fa_log_error("%s: its back end, %s, %s: closed", device->path, device->backend, why);
    device->failed_why = why;
    poke(device);
}

void xen_bus_look_again(xen_bus_device *device)
{
    device->looks_again = true;
    poke(device);
}

fa_err xen_bus_read_backend(const xen_bus_device *device, const char *name, uint64_t absent,
                            uint64_t *number_out, fa_deadline deadline)
{
    const fa_err err = xen_store_read_number(0, device->backend, name, number_out, deadline);
    if (err == FA_ENOENT)
        *number_out = absent;
    return err == FA_ENOENT ? FA_OK : err;
}
