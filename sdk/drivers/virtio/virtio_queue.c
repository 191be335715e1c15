/* SPDX-License-Identifier: ISC */
/* Split virtqueues (2.7). Three tables in shared memory: descriptors, the ring of what is available
 * to the device, and the ring of what it has used; laid out as legacy devices want it (2.7.2), which
 * suits the others too. Which descriptors are free, and how messages hang together, is also kept in
 * slots that the device does not see: it can damage what it is given, and nothing else.
 *
 * Integers are little-endian (of a legacy device: the CPU's), as the CPUs here are. */
#include "virtio.h"
#include "../../cpu/dma.h"
#include <fata/log.h>
#include <fata/panic.h>
#include <stdlib.h>

FA_LOG_MODULE("virtio");

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are little-endian");

/* 2.7.5 */
struct virtio_queue_descriptor {
    uint64_t address;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};
#define DESCRIPTOR_NEXT 1u
#define DESCRIPTOR_WRITE 2u

/* The rings, in 16-bit words: 2.7.6 and 2.7.8. */
#define RING_FLAGS 0u
#define RING_INDEX 1u
#define RING_FIRST 2u
#define USED_WORDS 4u /* of an element: 32 bits of id, 32 of length */
#define AVAILABLE_NO_INTERRUPT 1u
#define USED_NO_NOTIFY 1u
#define USED_ALIGN 4096u

struct virtio_queue_slot {
    void *token;
    plat_dma_addr addr;
    uint16_t next;
    uint16_t count;  /* of a message's parts, in its head */
    bool is_posted;  /* the head of a message that the device has */
};

static volatile uint16_t *used_event(const virtio_queue *queue)
{
    return &queue->available_ring[RING_FIRST + queue->size];
}

static volatile uint16_t *available_event(const virtio_queue *queue)
{
    return &queue->used_ring[RING_FIRST + USED_WORDS * queue->size];
}

void virtio_queue_break(virtio_queue *queue, const char *what, unsigned number)
{
    queue->is_broken = true;
    fa_log_error("queue %u: the device %s %u: it is left alone from now on", queue->number, what,
                 number);
}

static size_t used_offset(size_t size)
{
    const size_t len = size * sizeof(struct virtio_queue_descriptor) + (RING_FIRST + size + 1) * 2;
    return (len + USED_ALIGN - 1) / USED_ALIGN * USED_ALIGN;
}

fa_err virtio_queue_open(virtio_queue *queue, virtio_device *device, uint16_t number,
                         uint16_t size_max)
{
    fa_assert(size_max <= VIRTIO_QUEUE_SIZE_MAX && (size_max & (size_max - 1)) == 0);
    const uint16_t offered = device->transport->queue_size_max(device, number);
    uint16_t size = size_max;
    while (size > offered)
        size /= 2;
    if (size == 0)
        return FA_ENOTSUP;
    const size_t used_at = used_offset(size);
    *queue = (virtio_queue){
        .device = device,
        .number = number,
        .size = size,
        .event_idx = (device->features & VIRTIO_F_EVENT_IDX) != 0,
        .free_count = size,
        .slots = calloc(size, sizeof *queue->slots),
        .memory_bytes = used_at + (RING_FIRST + (size_t)size * USED_WORDS + 1) * 2,
    };
    if (queue->slots == NULL)
        return FA_ENOMEM;
    void *memory;
    plat_dma_addr addr;
    fa_err err = plat_dma_alloc(queue->memory_bytes, PLAT_DMA_COHERENT, &memory, &addr);
    if (err != FA_OK) {
        free(queue->slots);
        return err;
    }
    const size_t available_at = size * sizeof(struct virtio_queue_descriptor);
    queue->memory = memory;
    queue->descriptors = memory;
    queue->available_ring = (volatile uint16_t *)(void *)(queue->memory + available_at);
    queue->used_ring = (volatile uint16_t *)(void *)(queue->memory + used_at);
    for (uint16_t i = 0; i < size; i++)
        queue->slots[i].next = (uint16_t)(i + 1);
    virtio_queue_disarm(queue);
    err = device->transport->queue_set(device, number,
                                       &(virtio_queue_place){size, addr, {addr.address + available_at},
                                                             {addr.address + used_at}});
    if (err != FA_OK)
        virtio_queue_close(queue);
    return err;
}

void virtio_queue_close(virtio_queue *queue)
{
    plat_dma_free(queue->memory, queue->memory_bytes, PLAT_DMA_COHERENT);
    free(queue->slots);
}

bool virtio_queue_post(virtio_queue *queue, const virtio_part *parts, unsigned count,
                       unsigned read_count, void *token)
{
    fa_assert(count > 0 && read_count <= count);
    if (queue->is_broken || count > queue->free_count)
        return false;
    const uint16_t head = queue->free_first;
    uint16_t at = head;
    for (unsigned i = 0; i < count; i++) {
        struct virtio_queue_slot *slot = &queue->slots[at];
        volatile struct virtio_queue_descriptor *descriptor = &queue->descriptors[at];
        const unsigned write = i < read_count ? 0 : DESCRIPTOR_WRITE;
        slot->addr = parts[i].addr;
        descriptor->address = parts[i].addr.address;
        descriptor->len = parts[i].len;
        descriptor->flags = (uint16_t)(i + 1 < count ? write | DESCRIPTOR_NEXT : write);
        descriptor->next = slot->next;
        at = slot->next;
    }
    queue->free_first = at;
    queue->free_count = (uint16_t)(queue->free_count - count);
    queue->slots[head].token = token;
    queue->slots[head].count = (uint16_t)count;
    queue->slots[head].is_posted = true;
    queue->posted_count++;
    queue->available_ring[RING_FIRST + queue->available++ % queue->size] = head;
    return true;
}

void virtio_queue_kick(virtio_queue *queue)
{
    const uint16_t before = queue->told, now = queue->available;
    if (before == now || queue->is_broken)
        return;
    fa_cpu_dma_before_store();
    queue->available_ring[RING_INDEX] = now;
    queue->told = now;
    fa_cpu_dma_store_then_load();
    const bool wanted = queue->event_idx /* 2.7.10.1 */
                            ? (uint16_t)(now - *available_event(queue) - 1) < (uint16_t)(now - before)
                            : !(queue->used_ring[RING_FLAGS] & USED_NO_NOTIFY);
    if (wanted)
        queue->device->transport->notify(queue->device, queue->number);
}

bool virtio_queue_take(virtio_queue *queue, virtio_used *used_out)
{
    if (queue->is_broken)
        return false;
    const uint16_t ready_count = (uint16_t)(queue->used_ring[RING_INDEX] - queue->taken);
    if (ready_count == 0)
        return false;
    if (ready_count > queue->posted_count) {
        virtio_queue_break(queue, "is done with more messages than it has, by", ready_count);
        return false;
    }
    fa_cpu_dma_after_load();
    const volatile uint32_t *element =
        (const volatile uint32_t *)(const volatile void *)&queue
            ->used_ring[RING_FIRST + queue->taken % queue->size * USED_WORDS];
    const uint32_t id = element[0];
    if (id >= queue->size || !queue->slots[id].is_posted) {
        virtio_queue_break(queue, "is done with a message that it does not have,", (unsigned)id);
        return false;
    }
    queue->slots[id].is_posted = false;
    queue->posted_count--;
    queue->taken++;
    *used_out = (virtio_used){queue->slots[id].token, element[1], (uint16_t)id};
    return true;
}

bool virtio_queue_recall(virtio_queue *queue, virtio_used *used_out)
{
    for (uint16_t i = 0; i < queue->size; i++) {
        if (!queue->slots[i].is_posted)
            continue;
        queue->slots[i].is_posted = false;
        queue->posted_count--;
        *used_out = (virtio_used){queue->slots[i].token, 0, i};
        return true;
    }
    return false;
}

void virtio_queue_parts(const virtio_queue *queue, uint16_t head, plat_dma_addr *addrs_out)
{
    uint16_t at = head;
    for (uint16_t i = 0; i < queue->slots[head].count; i++) {
        addrs_out[i] = queue->slots[at].addr;
        at = queue->slots[at].next;
    }
}

void virtio_queue_give_back(virtio_queue *queue, uint16_t head)
{
    const uint16_t count = queue->slots[head].count;
    fa_assert(count > 0 && !queue->slots[head].is_posted);
    uint16_t last = head;
    for (uint16_t i = 1; i < count; i++)
        last = queue->slots[last].next;
    queue->slots[last].next = queue->free_first;
    queue->slots[head].count = 0;
    queue->free_first = head;
    queue->free_count = (uint16_t)(queue->free_count + count);
}

bool virtio_queue_arm(virtio_queue *queue, uint16_t count)
{
    if (queue->is_broken || queue->posted_count == 0)
        return false;
    count = count > queue->posted_count ? queue->posted_count : count;
    if (queue->event_idx)
        *used_event(queue) = (uint16_t)(queue->taken + count - 1);
    else
        queue->available_ring[RING_FLAGS] = 0;
    fa_cpu_dma_store_then_load();
    return (uint16_t)(queue->used_ring[RING_INDEX] - queue->taken) >= count;
}

void virtio_queue_disarm(virtio_queue *queue)
{
    if (queue->event_idx) /* what was asked for once does not come again */
        *used_event(queue) = (uint16_t)(queue->taken - 1);
    else
        queue->available_ring[RING_FLAGS] = AVAILABLE_NO_INTERRUPT;
}
