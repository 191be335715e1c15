/* SPDX-License-Identifier: ISC */
/* Virtio: devices that a hypervisor plays. Source: Virtual I/O Device (VIRTIO) Version 1.2, OASIS;
 * section numbers in this folder are its. A driver (virtio_net.c, virtio_blk.c) uses a device through its
 * transport (virtio_mmio.c, virtio_pci.c) and moves data through queues (virtio_queue.c). Legacy
 * devices (before version 1.0) are known as far as QEMU still plays them by default: by memory.
 *
 * Nothing here trusts what a device says: a value that it may not have makes it broken, which is
 * said once, and it is left alone from then on.
 *
 *     err = virtio_negotiate(device, VIRTIO_F_EVENT_IDX | ...);
 *     err = virtio_queue_open(&queue, device, 0, 256);
 *     virtio_start(device);
 *     if (virtio_queue_post(&queue, parts, count, count, token)) virtio_queue_kick(&queue);
 *     while (virtio_queue_take(&queue, &used)) ...
 */
#ifndef FATA_DRIVERS_VIRTIO_H
#define FATA_DRIVERS_VIRTIO_H

#include "../../../bsp/plat.h"

/* Device types (5). */
#define VIRTIO_ID_NET 1u
#define VIRTIO_ID_BLOCK 2u

/* Features of all devices (6). */
#define VIRTIO_F_ANY_LAYOUT (UINT64_C(1) << 27) /* legacy: the driver frames messages as it likes */
#define VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

/* Device status (2.1). */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER 2u
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED 128u

/* What an interrupt was for (4.1.4.5, 4.2.2). */
#define VIRTIO_INTERRUPT_QUEUE 1u
#define VIRTIO_INTERRUPT_CONFIG 2u

typedef struct virtio_device virtio_device;

/* Where a queue's three parts lie for the device. */
typedef struct virtio_queue_place {
    uint16_t size;
    plat_dma_addr descriptors, available, used;
} virtio_queue_place;

typedef struct virtio_transport {
    uint8_t (*status)(virtio_device *device);
    void (*set_status)(virtio_device *device, uint8_t status);
    uint64_t (*features)(virtio_device *device);
    void (*set_features)(virtio_device *device, uint64_t features);
    /* Chooses a queue: the most entries that it can have, 0: there is none. */
    uint16_t (*queue_size_max)(virtio_device *device, uint16_t queue);
    /* Turns the chosen one on. */
    FA_MUST_CHECK fa_err (*queue_set)(virtio_device *device, uint16_t queue,
                                      const virtio_queue_place *place);
    void (*notify)(virtio_device *device, uint16_t queue);
    /* What the interrupt was for, which ends it. */
    unsigned (*take_interrupt)(virtio_device *device);
    /* A byte of the device's configuration; its generation, which changes with it (2.5.1). */
    uint8_t (*config8)(virtio_device *device, size_t offset);
    uint32_t (*generation)(virtio_device *device);
} virtio_transport;

struct virtio_device {
    const virtio_transport *transport;
    uint32_t id;
    bool is_legacy;
    uint64_t features; /* agreed on */
};

/* Resets the device and agrees on those of the wanted features that it offers. FA_ENOTSUP: it does
 * not accept them; FA_EIO: it does not answer. */
FA_MUST_CHECK fa_err virtio_negotiate(virtio_device *device, uint64_t wanted);
/* The queues are open: the device may begin. */
void virtio_start(virtio_device *device);
/* The device stops, and forgets its queues. FA_EIO: it does not say so. */
FA_MUST_CHECK fa_err virtio_reset(virtio_device *device);
/* A part of the configuration, all of one moment. */
void virtio_config(virtio_device *device, size_t offset, void *bytes_out, size_t len);

/* Queues (2.7, split). */
#define VIRTIO_QUEUE_SIZE_MAX 256u /* a power of 2 */
#define VIRTIO_QUEUE_PARTS_MAX 19u /* of a message */

typedef struct virtio_part {
    plat_dma_addr addr;
    uint32_t len;
} virtio_part;

struct virtio_queue_slot;

typedef struct virtio_queue {
    virtio_device *device;
    uint16_t number, size;
    bool is_broken;
    bool event_idx;
    uint16_t free_first, free_count; /* descriptors */
    uint16_t posted_count;           /* messages that the device has */
    uint16_t available;              /* the next index, not yet told */
    uint16_t told;                   /* that the device has been told of */
    uint16_t taken;                  /* the next of the used ring */
    struct virtio_queue_slot *slots; /* one a descriptor; the device does not see them */
    uint8_t *memory;                 /* that it sees */
    size_t memory_bytes;
    volatile struct virtio_queue_descriptor *descriptors;
    volatile uint16_t *available_ring, *used_ring;
} virtio_queue;

/* What the device is done with. */
typedef struct virtio_used {
    void *token;
    uint32_t len;  /* that it says it has written: check it */
    uint16_t head; /* for virtio_queue_parts() and virtio_queue_give_back() */
} virtio_used;

/* At most size_max entries, a power of 2. FA_ENOTSUP: the device has no such queue; FA_ENOMEM. */
FA_MUST_CHECK fa_err virtio_queue_open(virtio_queue *queue, virtio_device *device, uint16_t number,
                                       uint16_t size_max);
/* After virtio_reset(). What was posted is forgotten. */
void virtio_queue_close(virtio_queue *queue);

/* Where the next message will have its first part: a number below `size`, its own until it comes
 * back. */
static inline uint16_t virtio_queue_next(const virtio_queue *queue)
{
    return queue->free_first;
}
/* Adds a message: `read_count` parts that the device reads, and behind them those that it writes. The
 * device is told by the kick. False: no room for so many parts. */
bool virtio_queue_post(virtio_queue *queue, const virtio_part *parts, unsigned count,
                       unsigned read_count, void *token);
/* Tells the device of all that was posted, and notifies it if it wants that. */
void virtio_queue_kick(virtio_queue *queue);
/* The next message that the device is done with; false: none. It keeps its descriptors until it is
 * given back. */
bool virtio_queue_take(virtio_queue *queue, virtio_used *used_out);
/* After virtio_reset(): any message that the device had, as if it were done; false: none. */
bool virtio_queue_recall(virtio_queue *queue, virtio_used *used_out);
/* The addresses of all parts of a message that was taken, in order. */
void virtio_queue_parts(const virtio_queue *queue, uint16_t head, plat_dma_addr *addrs_out);
void virtio_queue_give_back(virtio_queue *queue, uint16_t head);
/* What the device says cannot be: says so in the log, "the device WHAT NUMBER", and ends its use. */
void virtio_queue_break(virtio_queue *queue, const char *what, unsigned number);
/* Has the device interrupt once it is done with `count` messages more (1: the next one). True: it is
 * so already. Interrupts may also come at other times. */
bool virtio_queue_arm(virtio_queue *queue, uint16_t count);
void virtio_queue_disarm(virtio_queue *queue);

#endif
