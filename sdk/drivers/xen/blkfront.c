/* SPDX-License-Identifier: ISC */
/* Finding block devices in Xenstore, connecting them, and what they say about themselves: the names
 * of Xen's public header io/blkif.h. */
#include "blkfront.h"
#include "blkfront_data.h"
#include "grants.h"
#include <fata/log.h>
#include <stdio.h>
#include <stdlib.h>

FA_LOG_MODULE("blkfront");

#define VBDS "device/vbd"
#define SECTOR_BYTES_MAX 4096u
#define UNITS_MAX ((uint64_t)INT64_MAX / BLKIF_UNIT_BYTES)
#define NAME_BYTES sizeof("ring-ref0")
_Static_assert(BLKFRONT_RING_PAGES_MAX <= 10, "one digit");

/* How requests and answers are laid out. On the other CPUs nothing of this is linked. */
#define PROTOCOL (sizeof(void *) == 8 ? "x86_64-abi" : "arm-abi")

static xen_blkfront *blkfronts[XEN_BLKFRONT_MAX];

static xen_blkfront *blk_of(xen_bus_device *bus)
{
    return (xen_blkfront *)(void *)((uint8_t *)bus - offsetof(xen_blkfront, bus));
}

/* What the device is. */

typedef struct value {
    const char *name;
    uint64_t number; /* at first: if it is not there */
} value;

static fa_err read_values(const xen_bus_device *bus, value *values, size_t count, fa_deadline deadline)
{
    fa_err err = FA_OK;
    for (size_t i = 0; i < count && err == FA_OK; i++)
        err = xen_bus_read_backend(bus, values[i].name, values[i].number, &values[i].number, deadline);
    return err;
}

static bool is_power_of_2(uint64_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

static fa_err take_sizes(xen_blkfront *blk, uint64_t sector_bytes, uint64_t units)
{
    fa_blockdev *device = &blk->device;
    if (!is_power_of_2(sector_bytes) || sector_bytes < BLKIF_UNIT_BYTES ||
        sector_bytes > SECTOR_BYTES_MAX || units > UNITS_MAX) {
        fa_log_error("%s: %llu units of 512 bytes, in sectors of %llu bytes, cannot be used",
                     blk->bus.path, (unsigned long long)units, (unsigned long long)sector_bytes);
        return FA_ENOTSUP;
    }
    if (blk->has_identity && sector_bytes != device->sector_bytes) {
        fa_log_error("%s: its new back end has sectors of %llu bytes, the one before had %u",
                     blk->bus.path, (unsigned long long)sector_bytes, (unsigned)device->sector_bytes);
        return FA_ENOTSUP;
    }
    device->sector_bytes = (uint32_t)sector_bytes;
    device->transfer_sectors_max = BLKFRONT_TRANSFER_BYTES_MAX / device->sector_bytes;
    device->sector_count = units / (sector_bytes / BLKIF_UNIT_BYTES);
    return FA_OK;
}

/* Granules that are no power of 2, or smaller than a sector, are not looked at. */
static void take_discard(xen_blkfront *blk, bool has, uint64_t granule_bytes, uint64_t at_bytes)
{
    const bool is_usable = is_power_of_2(granule_bytes) && granule_bytes >= blk->device.sector_bytes;
    blk->granule_units = (is_usable ? granule_bytes : blk->device.sector_bytes) / BLKIF_UNIT_BYTES;
    blk->granule_at = is_usable ? at_bytes / BLKIF_UNIT_BYTES : 0;
    blk->device.discard_sectors_max = has ? BLKFRONT_DISCARD_BYTES_MAX / blk->device.sector_bytes : 0;
}

static fa_err read_features(xen_blkfront *blk, fa_deadline deadline)
{
    enum { FLUSH, BARRIER, DISCARD, GRANULE, GRANULE_AT, SEGMENTS, COUNT };
    value v[COUNT] = {{"feature-flush-cache", 0}, {"feature-barrier", 0},
                      {"feature-discard", 0},     {"discard-granularity", 0},
                      {"discard-alignment", 0},   {"feature-max-indirect-segments", 0}};
    const fa_err err = read_values(&blk->bus, v, COUNT, deadline);
    if (err != FA_OK)
        return err;
    take_discard(blk, v[DISCARD].number != 0, v[GRANULE].number, v[GRANULE_AT].number);
    const uint64_t segments = v[SEGMENTS].number;
    blk->segments_max = segments <= BLKIF_SEGMENTS_MAX      ? BLKIF_SEGMENTS_MAX
                        : segments < BLKFRONT_SEGMENTS_MAX ? (unsigned)segments
                                                            : BLKFRONT_SEGMENTS_MAX;
    blk->device.has_cache = v[FLUSH].number != 0;
    if (v[FLUSH].number == 0 && v[BARRIER].number != 0)
        fa_log_warn("%s: its back end, %s, has barriers and no flush: when what is written is safe "
                    "from a loss of power is its affair",
                    blk->bus.path, blk->bus.backend);
    return FA_OK;
}

/* "r" or "w"; what says nothing of the kind is not looked at. */
static fa_err read_mode(const xen_blkfront *blk, bool *read_only_out, fa_deadline deadline)
{
    char mode[sizeof "w!"] = "";
    const fa_err err = xen_store_read(0, blk->bus.backend, "mode", mode, sizeof mode, deadline);
    *read_only_out = err == FA_OK && mode[0] == 'r';
    return err == FA_ENOENT || err == FA_ELIMIT || err == FA_EFORMAT ? FA_OK : err;
}

/* What may be another with each look. */
static fa_err read_disk(xen_blkfront *blk, fa_deadline deadline)
{
    enum { SECTOR_BYTES, PHYSICAL_BYTES, SECTORS, INFO, COUNT };
    value v[COUNT] = {{"sector-size", BLKIF_UNIT_BYTES},
                      {"physical-sector-size", 0},
                      {"sectors", UINT64_MAX}, /* not told: it is going */
                      {"info", 0}};
    bool read_only;
    fa_err err = read_values(&blk->bus, v, COUNT, deadline);
    if (err == FA_OK)
        err = read_mode(blk, &read_only, deadline);
    if (err == FA_OK)
        err = take_sizes(blk, v[SECTOR_BYTES].number, v[SECTORS].number);
    if (err == FA_OK && v[PHYSICAL_BYTES].number <= UINT32_MAX)
        blk->device.physical_bytes = (uint32_t)v[PHYSICAL_BYTES].number;
    if (err == FA_OK)
        blk->device.read_only = read_only || (v[INFO].number & BLKIF_INFO_READ_ONLY) != 0;
    return err;
}

/* Connecting. */

static fa_err write_all(xen_store_tx tx, void *arg, fa_deadline deadline)
{
    const xen_blkfront *blk = arg;
    const char *path = blk->bus.path;
    const unsigned pages = blk->ring_page_count;
    uint64_t state; /* of a device that has gone there is none, and nothing may be written */
    if (pages == 0)
        return FA_ECLOSED; /* disconnected meanwhile, and tried once more */
    fa_err err = xen_store_read_number(tx, path, "state", &state, deadline);
    if (err == FA_OK) /* the first page: for who does not know of several */
        err = xen_store_write_number(tx, path, "ring-ref", blk->ring_pages[0].ref, deadline);
    if (err == FA_OK)
        err = xen_store_write_number(tx, path, "ring-page-order", (uint64_t)__builtin_ctz(pages),
                                     deadline);
    for (unsigned i = 0; i < pages && err == FA_OK; i++) {
        char name[NAME_BYTES] = "ring-ref0";
        name[NAME_BYTES - 2] = (char)('0' + i);
        err = xen_store_write_number(tx, path, name, blk->ring_pages[i].ref, deadline);
    }
    if (err == FA_OK)
        err = xen_store_write_number(tx, path, "event-channel", blk->event.port, deadline);
    if (err == FA_OK)
        err = xen_store_write(tx, path, "protocol", PROTOCOL, deadline);
    if (err == FA_OK)
        err = xen_store_write_number(tx, path, "feature-persistent", 1, deadline);
    return err;
}

/* What an earlier back end still has of us it may be working at: a write that it does late would undo
 * a later one. Until it has let go of everything, there is no other. */
static bool may_connect(xen_bus_device *bus)
{
    xen_blkfront *blk = blk_of(bus);
    if (blk->kept_count > 0)
        (void)xen_grants_retry();
    blk->awaits_pages = blk->kept_count > 0;
    return !blk->awaits_pages;
}

static fa_err connect(xen_bus_device *bus, fa_deadline deadline)
{
    xen_blkfront *blk = blk_of(bus);
    uint64_t order;
    if (blk->device.is_stopped)
        return FA_EIO; /* until it is closed */
    fa_err err = xen_bus_read_backend(bus, "max-ring-page-order", 0, &order, deadline);
    if (err == FA_OK)
        err = xen_blkfront_ring_open(
            blk, 1u << (order < BLKFRONT_RING_ORDER_MAX ? order : BLKFRONT_RING_ORDER_MAX));
    return err == FA_OK ? xen_store_transact(write_all, blk, deadline) : err;
}

static fa_err connected(xen_bus_device *bus, fa_deadline deadline)
{
    xen_blkfront *blk = blk_of(bus);
    fa_err err = read_disk(blk, deadline);
    if (err == FA_OK && !blk->is_live)
        err = read_features(blk, deadline);
    if (err != FA_OK || blk->ring_page_count == 0 || bus->failed_why != NULL)
        return err;
    blk->is_live = blk->has_identity = blk->device.is_present = true;
    blk->has_news = true;
    xen_blkfront_pump(blk);
    xen_blkfront_wake(blk);
    return FA_OK;
}

static void disconnect(xen_bus_device *bus)
{
    xen_blkfront *blk = blk_of(bus);
    if (blk->device.is_present)
        blk->has_news = true;
    blk->is_live = blk->device.is_present = false;
    xen_blkfront_ring_close(blk);
    if (blk->has_news)
        xen_blkfront_wake(blk);
}

/* Opening. */

static void close_device(fa_blockdev *device)
{
    xen_blkfront *blk = (xen_blkfront *)(void *)device;
    blk->is_armed = false;
    xen_bus_close(&blk->bus);
}

static void prepare(xen_blkfront *blk, unsigned long name)
{
    static const fa_blockdev_ops ops = {xen_blkfront_submit, xen_blkfront_poll, xen_blkfront_arm,
                                        xen_blkfront_stop,   close_device,      xen_blkfront_recall};
    blk->device = (fa_blockdev){.ops = &ops,
                                .name = "blkfront",
                                .parts_max = FA_BLOCK_PARTS_MAX,
                                .read_align_bytes = 1,
                                .write_align_bytes = 1,
                                .poll_by = FA_FOREVER};
    blk->handle = (uint16_t)name;
    blk->has_identity = blk->is_armed = blk->has_news = false;
}

fa_err xen_blkfront_open(unsigned number, fa_blockdev **device_out, fa_deadline deadline)
{
    static const xen_bus_driver driver = {connect, XEN_BUS_INITIALISED, connected, disconnect,
                                          may_connect};
    unsigned long name;
    if (number >= XEN_BLKFRONT_MAX)
        return FA_ELIMIT;
    fa_err err = xen_bus_find(VBDS, number, &name, deadline);
    if (err != FA_OK)
        return err;
    xen_blkfront *blk = blkfronts[number];
    if (blk == NULL) {
        blk = calloc(1, sizeof *blk);
        if (blk == NULL)
            return FA_ENOMEM;
        xen_blkfront_init(blk);
        blkfronts[number] = blk;
    }
    if (blk->bus.is_running && !blk->bus.is_closing)
        return FA_EBUSY;
    char path[XEN_STORE_PATH_BYTES];
    snprintf(path, sizeof path, VBDS "/%lu", name);
    prepare(blk, name);
    err = xen_bus_open(&blk->bus, &driver, path, deadline);
    if (err == FA_OK)
        *device_out = &blk->device;
    return err;
}
