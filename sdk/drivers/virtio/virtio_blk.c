/* SPDX-License-Identifier: ISC */
/* The block device: 5.2. A request's header and its status lie in memory of their own, one slot for
 * each descriptor of the queue; its data are where the caller has them. */
#include "virtio_blk.h"
#include <fata/bytes.h>
#include <fata/log.h>
#include <fata/panic.h>

FA_LOG_MODULE("virtio");

/* 5.2.3 */
#define F_SIZE_MAX (UINT64_C(1) << 1)
#define F_SEG_MAX (UINT64_C(1) << 2)
#define F_RO (UINT64_C(1) << 5)
#define F_BLK_SIZE (UINT64_C(1) << 6)
#define F_FLUSH (UINT64_C(1) << 9)
#define F_DISCARD (UINT64_C(1) << 13)

/* 5.2.4: the configuration, up to the limits of discarding. */
enum { CONFIG_CAPACITY = 0, CONFIG_SIZE_MAX = 8, CONFIG_SEG_MAX = 12, CONFIG_BLK_SIZE = 20,
       CONFIG_DISCARD_SECTORS = 36 };

/* 5.2.6 */
#define UNIT_BYTES 512u /* of sector numbers and of the capacity, whatever the sector's size */
#define SECTOR_BYTES_MAX 4096u
enum { TYPE_IN = 0, TYPE_OUT = 1, TYPE_FLUSH = 4, TYPE_DISCARD = 11 };
enum { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPP = 2, STATUS_NONE = 0xff };

typedef struct slot {
    fa_le32 type;
    fa_le32 reserved;
    fa_le64 unit;
    struct {
        fa_le64 unit;
        fa_le32 count;
        fa_le32 flags;
    } discard;
    volatile uint8_t status; /* the device writes it */
    uint8_t unused[31];
} slot;
_Static_assert(sizeof(slot) == 64, "a slot each 64 bytes");
#define HEADER_BYTES 16u
#define DISCARD_BYTES 16u
#define SLOTS_BYTES (VIRTIO_BLK_QUEUE_SIZE * sizeof(slot))
#define AROUND_PARTS 2u /* header and status */
_Static_assert(FA_BLOCK_PARTS_MAX + AROUND_PARTS <= VIRTIO_QUEUE_PARTS_MAX, "a request is a message");

static virtio_blk *blk_of(fa_blockdev *device)
{
    return (virtio_blk *)(void *)device; /* its first member */
}

static slot *slot_of(const virtio_blk *blk, uint16_t head)
{
    return (slot *)(void *)(blk->slots + head * sizeof(slot));
}

static plat_dma_direction direction_of(const fa_block_request *request)
{
    return request->kind == FA_BLOCK_READ ? PLAT_DMA_FROM_DEVICE : PLAT_DMA_TO_DEVICE;
}

/* The configuration's limits (little-endian; of a legacy device the CPU's order, which is the same). */
static uint32_t config32(const virtio_blk *blk, size_t offset)
{
    fa_le32 value;
    virtio_config(blk->virtio, offset, &value, sizeof value);
    return fa_le32_get(value);
}

static void read_capacity(virtio_blk *blk)
{
    fa_le64 capacity;
    blk->config_changed = false;
    virtio_config(blk->virtio, CONFIG_CAPACITY, &capacity, sizeof capacity);
    blk->device.sector_count = fa_le64_get(capacity) / blk->units;
}

/* Requests. */

static void unmap_parts(const fa_block_request *request, const plat_dma_addr *addrs, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        plat_dma_unmap(request->parts[i].bytes, request->parts[i].len, direction_of(request),
                       PLAT_DMA_COHERENT, addrs[i]);
}

static fa_err map_parts(const fa_block_request *request, virtio_part *parts_out)
{
    plat_dma_addr addrs[FA_BLOCK_PARTS_MAX];
    for (unsigned i = 0; i < request->part_count; i++) {
        const fa_block_part *part = &request->parts[i];
        const fa_err err = plat_dma_map(part->bytes, part->len, direction_of(request),
                                        PLAT_DMA_COHERENT, &addrs[i]);
        if (err != FA_OK) {
            unmap_parts(request, addrs, i);
            return err;
        }
        parts_out[i] = (virtio_part){addrs[i], part->len};
    }
    return FA_OK;
}

static void write_slot(const virtio_blk *blk, slot *s, const fa_block_request *request)
{
    static const uint32_t types[] = {TYPE_IN, TYPE_OUT, TYPE_FLUSH, TYPE_DISCARD};
    const bool has_place = request->kind == FA_BLOCK_READ || request->kind == FA_BLOCK_WRITE;
    *s = (slot){.type = fa_le32_of(types[request->kind]),
                .unit = fa_le64_of(has_place ? request->sector * blk->units : 0),
                .discard = {fa_le64_of(request->sector * blk->units),
                            fa_le32_of(request->count * blk->units), {{0}}},
                .status = STATUS_NONE};
}

static fa_err submit(fa_blockdev *device, fa_block_request *request)
{
    virtio_blk *blk = blk_of(device);
    const bool discards = request->kind == FA_BLOCK_DISCARD;
    const unsigned data_count = discards ? 1 : request->part_count;
    if (device->is_stopped)
        return FA_EIO;
    if (data_count + AROUND_PARTS > blk->queue.free_count)
        return FA_EAGAIN;
    const uint16_t head = virtio_queue_next(&blk->queue);
    const uint64_t slot_at = blk->slots_addr.address + head * sizeof(slot);
    virtio_part parts[VIRTIO_QUEUE_PARTS_MAX];
    if (discards) {
        parts[1] = (virtio_part){{slot_at + offsetof(slot, discard)}, DISCARD_BYTES};
    } else {
        const fa_err err = map_parts(request, parts + 1);
        if (err != FA_OK)
            return err;
    }
    write_slot(blk, slot_of(blk, head), request);
    parts[0] = (virtio_part){{slot_at}, HEADER_BYTES};
    parts[1 + data_count] = (virtio_part){{slot_at + offsetof(slot, status)}, 1};
    const unsigned read_count = request->kind == FA_BLOCK_READ ? 1 : 1 + data_count;
    const bool posted = virtio_queue_post(&blk->queue, parts, data_count + AROUND_PARTS, read_count,
                                          request);
    fa_assert(posted); /* there was room */
    virtio_queue_kick(&blk->queue);
    return FA_OK;
}

/* The device is done with a request: its memory is the CPU's again. Returns the status. */
static uint8_t take_back(virtio_blk *blk, const virtio_used *used)
{
    const fa_block_request *request = used->token;
    plat_dma_addr addrs[VIRTIO_QUEUE_PARTS_MAX];
    virtio_queue_parts(&blk->queue, used->head, addrs);
    unmap_parts(request, addrs + 1, request->part_count);
    const uint8_t status = slot_of(blk, used->head)->status;
    virtio_queue_give_back(&blk->queue, used->head);
    return status;
}

static void complete(fa_block_request *request, fa_err err)
{
    request->err = err;
    request->done(request);
}

static void stop(fa_blockdev *device)
{
    virtio_blk *blk = blk_of(device);
    virtio_used used;
    device->is_stopped = true;
    if (virtio_reset(blk->virtio) != FA_OK)
        fa_panic("%s does not stop, and has memory that it may still write to", device->name);
    while (virtio_queue_recall(&blk->queue, &used)) {
        (void)take_back(blk, &used);
        complete(used.token, FA_EIO);
    }
}

/* How many bytes the device may have written for a request. */
static uint32_t written_max(const virtio_blk *blk, const fa_block_request *request)
{
    const bool reads = request->kind == FA_BLOCK_READ;
    return 1 + (reads ? request->count * blk->device.sector_bytes : 0);
}

static void finish(virtio_blk *blk, const virtio_used *used)
{
    fa_block_request *request = used->token;
    const uint8_t status = take_back(blk, used);
    if (used->len > written_max(blk, request))
        virtio_queue_break(&blk->queue, "has written past a request, bytes:", (unsigned)used->len);
    else if (status > STATUS_UNSUPP)
        virtio_queue_break(&blk->queue, "has answered a request with", status);
    if (blk->queue.is_broken || status == STATUS_IOERR)
        complete(request, FA_EIO);
    else
        complete(request, status == STATUS_OK ? FA_OK : FA_ENOTSUP);
}

/* A change of the configuration is another size, or the end (2.1.1). */
static void read_news(virtio_blk *blk)
{
    const uint8_t status = blk->virtio->transport->status(blk->virtio);
    read_capacity(blk);
    if (status & VIRTIO_STATUS_NEEDS_RESET)
        virtio_queue_break(&blk->queue, "has failed, its status is", status);
}

static void poll(fa_blockdev *device)
{
    virtio_blk *blk = blk_of(device);
    virtio_used used;
    if (device->is_stopped)
        return;
    if (blk->config_changed)
        read_news(blk);
    while (virtio_queue_take(&blk->queue, &used))
        finish(blk, &used);
    if (blk->queue.is_broken)
        stop(device);
}

static bool arm(fa_blockdev *device)
{
    virtio_blk *blk = blk_of(device);
    if (device->is_stopped)
        return false;
    blk->is_armed = !virtio_queue_arm(&blk->queue, 1) && !blk->config_changed;
    return !blk->is_armed;
}

static void wake(virtio_blk *blk)
{
    if (!blk->is_armed)
        return;
    blk->is_armed = false;
    blk->device.wake(blk->device.wake_arg);
}

void virtio_blk_interrupt(void *arg)
{
    virtio_blk *blk = arg;
    if (blk->virtio == NULL)
        return;
    const unsigned why = blk->virtio->transport->take_interrupt(blk->virtio);
    blk->config_changed = blk->config_changed || (why & VIRTIO_INTERRUPT_CONFIG);
    if (why != 0)
        wake(blk);
}

void virtio_blk_config_interrupt(void *arg)
{
    virtio_blk *blk = arg;
    blk->config_changed = true;
    wake(blk);
}

/* What a device may still write to after a reset that it has not confirmed stays taken for good. */
static void close_device(fa_blockdev *device)
{
    virtio_blk *blk = blk_of(device);
    blk->is_armed = false;
    if (virtio_reset(blk->virtio) != FA_OK) {
        fa_log_error("%s does not stop: its memory is lost", device->name);
        return;
    }
    virtio_queue_close(&blk->queue);
    plat_dma_free(blk->slots, SLOTS_BYTES, PLAT_DMA_COHERENT);
    blk->virtio = NULL;
}

/* Opening. */

static bool is_sector_size(uint32_t bytes)
{
    return bytes >= UNIT_BYTES && bytes <= SECTOR_BYTES_MAX && (bytes & (bytes - 1)) == 0;
}

static fa_err read_sizes(virtio_blk *blk)
{
    const uint64_t features = blk->virtio->features;
    fa_blockdev *device = &blk->device;
    device->sector_bytes = features & F_BLK_SIZE ? config32(blk, CONFIG_BLK_SIZE) : UNIT_BYTES;
    uint32_t transfer_bytes = VIRTIO_BLK_TRANSFER_BYTES_MAX;
    if (features & F_SIZE_MAX) { /* of one part */
        const uint32_t size_max = config32(blk, CONFIG_SIZE_MAX);
        transfer_bytes = size_max < transfer_bytes ? size_max : transfer_bytes;
    }
    if (!is_sector_size(device->sector_bytes) || transfer_bytes < device->sector_bytes) {
        fa_log_error("the device has sectors of %u bytes, %u at once",
                     (unsigned)device->sector_bytes, (unsigned)transfer_bytes);
        return FA_ENOTSUP;
    }
    blk->units = device->sector_bytes / UNIT_BYTES;
    device->transfer_sectors_max = transfer_bytes / device->sector_bytes;
    device->parts_max = FA_BLOCK_PARTS_MAX;
    if (features & F_SEG_MAX) {
        const uint32_t parts = config32(blk, CONFIG_SEG_MAX);
        if (parts > 0 && parts < device->parts_max)
            device->parts_max = parts;
    }
    if (features & F_DISCARD)
        device->discard_sectors_max = config32(blk, CONFIG_DISCARD_SECTORS) / blk->units;
    read_capacity(blk);
    return FA_OK;
}

static fa_err open_queue(virtio_blk *blk)
{
    void *slots;
    fa_err err = plat_dma_alloc(SLOTS_BYTES, PLAT_DMA_COHERENT, &slots, &blk->slots_addr);
    if (err != FA_OK)
        return err;
    blk->slots = slots;
    err = virtio_queue_open(&blk->queue, blk->virtio, 0, VIRTIO_BLK_QUEUE_SIZE);
    if (err == FA_OK && blk->queue.size < VIRTIO_BLK_QUEUE_SIZE_MIN) {
        virtio_queue_close(&blk->queue);
        err = FA_ENOTSUP;
    }
    if (err != FA_OK) {
        plat_dma_free(slots, SLOTS_BYTES, PLAT_DMA_COHERENT);
        return err;
    }
    const uint32_t room = blk->queue.size - AROUND_PARTS;
    if (blk->device.parts_max > room)
        blk->device.parts_max = room;
    return FA_OK;
}

fa_err virtio_blk_open(virtio_blk *blk, virtio_device *device)
{
    static const fa_blockdev_ops ops = {submit, poll, arm, stop, close_device, NULL};
    if (blk->virtio != NULL)
        return FA_EBUSY;
    *blk = (virtio_blk){
        .device = {.ops = &ops,
                   .name = "virtio-blk",
                   .is_present = true,
                   .read_align_bytes = PLAT_DMA_ALIGN_BYTES,
                   .write_align_bytes = 1,
                   .poll_by = FA_FOREVER},
        .virtio = device,
    };
    fa_err err = virtio_negotiate(device, F_SIZE_MAX | F_SEG_MAX | F_RO | F_BLK_SIZE | F_FLUSH |
                                              F_DISCARD | VIRTIO_F_EVENT_IDX);
    if (err == FA_OK)
        err = read_sizes(blk);
    if (err == FA_OK)
        err = open_queue(blk);
    if (err != FA_OK) {
        device->transport->set_status(device, 0);
        blk->virtio = NULL;
        return err;
    }
    blk->device.read_only = (device->features & F_RO) != 0;
    blk->device.has_cache = (device->features & F_FLUSH) != 0;
    virtio_start(device);
    return FA_OK;
}
