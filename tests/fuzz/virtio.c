/* SPDX-License-Identifier: ISC */
/* Fuzzes the virtio network driver's trust: the input is what a device does, step by step: honest
 * steps, wild ones in the used ring, in the buffers and in the descriptors, between the driver's own
 * calls. Nothing outside of what the device was given is touched (the sanitizers see it), no packet
 * is longer than its pages, and all pages are back when the device is closed. */
#include "../../sdk/drivers/virtio/virtio_net.h"
#include "../unit/virtio_fake.h"
#include "require.h"
#include <fata/bytes.h>
#include <fata/log.h>
#include <fata/panic.h>
#include <fata/random.h>
#include <string.h>

#define PAGES 80u
#define QUEUE_SIZE 32u
#define STEPS_MAX 2000u
#define KEPT_MAX 16u

static fake device;
static fa_packet_pool pool;
static virtio_net net;
static fa_packet_queue kept;

void fa_log_write(const fa_log_module *module, fa_log_level level, const char *fmt, ...)
{
    require(module != NULL && level != FA_LOG_OFF && fmt != NULL);
}

void fa_panic_assert(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, condition);
    abort();
}

fa_err fa_random_bytes(void *bytes_out, size_t len)
{
    memset(bytes_out, 0, len);
    return FA_OK;
}

static void wake(void *arg)
{
    (void)arg;
}

static uint16_t read16(fa_reader *r)
{
    return fa_le16_get((fa_le16){{fa_read_u8(r), fa_read_u8(r)}});
}

/* The device writes what the input says at the front of the next buffer. */
static void device_writes(fa_reader *r, bool honest)
{
    uint16_t head;
    fake_part parts[FAKE_PARTS_MAX];
    const unsigned len = honest ? 12u + fa_read_u8(r) : read16(r);
    if (fake_take(&device, FAKE_RECEIVE, &head, parts) == 0 || parts[0].len != FA_PACKET_PAGE_BYTES)
        return;
    for (unsigned i = 0; i < 12; i++)
        parts[0].bytes[i] = honest ? i == 10 : fa_read_u8(r);
    fake_use(&device, FAKE_RECEIVE, head, len);
}

static void damage_descriptors(fa_reader *r)
{
    const virtio_queue_place *place = &device.places[fa_read_u8(r) % FAKE_QUEUES];
    uint8_t *bytes = (uint8_t *)(uintptr_t)place->descriptors.address;
    /* Not what the fake device itself follows: addresses stay, lengths and links do not. */
    bytes[16u * (fa_read_u8(r) % place->size) + 8 + fa_read_u8(r) % 4] = fa_read_u8(r);
}

static void receive(unsigned max)
{
    fa_packet_queue queue = {0};
    net.netif.ops->receive(&net.netif, &queue, max);
    require(queue.count <= max);
    for (fa_packet *p = queue.first; p != NULL; p = p->next) {
        uint32_t len = 0;
        for (unsigned i = 0; i < p->segment_count; i++) {
            const fa_packet_segment *s = &p->segments[i];
            require(s->page->users == 1 && s->offset + s->len <= (int)FA_PACKET_PAGE_BYTES);
            memset(s->page->bytes, 0, FA_PACKET_PAGE_BYTES);
            len += s->len;
        }
        require(len == p->len && len >= 14);
    }
    fa_packet_queue_move(&kept, &queue);
    while (kept.count > KEPT_MAX)
        fa_packet_free(fa_packet_queue_take(&kept));
}

static void transmit(unsigned segments)
{
    fa_packet_queue queue = {0};
    fa_packet *packet = fa_packet_alloc_empty(&pool);
    for (unsigned i = 0; packet != NULL && i <= segments % FA_PACKET_SEGMENTS_MAX; i++) {
        fa_packet_page *page = fa_packet_page_alloc(&pool);
        if (page == NULL || fa_packet_append_page(packet, page, i, 100) != FA_OK)
            break;
        fa_packet_page_release(page);
    }
    if (packet != NULL)
        fa_packet_queue_add(&queue, packet);
    net.netif.ops->transmit(&net.netif, &queue);
    fa_packet_queue_free(&queue);
}

static void step(fa_reader *r)
{
    uint16_t head;
    fake_part parts[FAKE_PARTS_MAX];
    const uint8_t what = fa_read_u8(r);
    switch (what % 12) {
    case 0:
    case 1:
        device_writes(r, true);
        break;
    case 2:
        device_writes(r, false);
        break;
    case 3:
        if (fake_take(&device, FAKE_TRANSMIT, &head, parts) > 0)
            fake_use(&device, FAKE_TRANSMIT, head, 0);
        break;
    case 4:
        fake_use(&device, what / 128, fa_read_u8(r), read16(r));
        break;
    case 5:
        fake_set_used_index(&device, what / 128,
                            (uint16_t)(fake_used_index(&device, what / 128) + (int8_t)fa_read_u8(r)));
        break;
    case 6:
        damage_descriptors(r);
        break;
    case 7:
        device.interrupt = fa_read_u8(r);
        virtio_net_interrupt(&net);
        break;
    case 8:
        transmit(fa_read_u8(r));
        break;
    case 9:
        (void)net.netif.ops->arm(&net.netif);
        break;
    default:
        receive(1 + what / 32);
        break;
    }
}

/* The first bytes choose the features. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fa_reader r = fa_reader_of(bytes, len);
    const uint64_t features = (uint64_t)read16(&r) << 8 | fa_read_u8(&r);
    const uint8_t kind = fa_read_u8(&r);
    require(fa_packet_pool_init(&pool, PAGES) == FA_OK);
    fake_init(&device,
              features | VIRTIO_F_VERSION_1 | VIRTIO_F_ANY_LAYOUT |
                  (kind & 1 ? VIRTIO_F_EVENT_IDX : 0),
              (kind & 2) != 0);
    device.size_max = QUEUE_SIZE;
    net = (virtio_net){0};
    require(virtio_net_open(&net, &device.device, &pool) == FA_OK);
    net.netif.wake = wake;
    for (unsigned i = 0; i < STEPS_MAX && !r.failed; i++)
        step(&r);
    fa_packet_queue_free(&kept);
    net.netif.ops->close(&net.netif);
    require(pool.free_page_count == PAGES);
    fa_packet_pool_free(&pool);
    return 0;
}
