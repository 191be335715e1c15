/* SPDX-License-Identifier: ISC */
/* The world of TCP's tests: see tcp_world.h. It stands in the place of sdk/net/ipv4.c. */
#include "tcp_world.h"
#include <fata/panic.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MILLION 1000000u
#define FRAME_BYTES_MAX 1600u

struct world_frame {
    world_frame *next;
    uint64_t at_ns;
    fa_ip4 source, destination;
    size_t len;
    uint8_t bytes[FRAME_BYTES_MAX];
};

static tcp_world *current; /* of fa_ipv4_send(), which is not told */

void world_require(bool holds, const char *text, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: %s does not hold (seed %" PRIu64 ", %" PRIu64 " us)\n", file, line, text,
            current != NULL ? current->seed : 0, current != NULL ? current->now_ns / 1000 : 0);
    abort();
}

FA_NORETURN void fa_panic_assert(const char *file, int line, const char *condition)
{
    world_require(false, condition, file, line);
    abort();
}

static uint64_t state_of_random;

/* SplitMix64. */
static uint64_t next_random(void)
{
    uint64_t z = state_of_random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t world_random(tcp_world *world, uint32_t bound)
{
    (void)world;
    return (uint32_t)(next_random() % bound);
}

static void random_bytes(void *bytes_out, size_t len)
{
    for (uint8_t *next = bytes_out; len > 0; len--)
        *next++ = (uint8_t)next_random();
}

uint64_t world_first_seed(void)
{
    const char *text = getenv("SIM_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 1;
    printf("# SIM_SEED=%" PRIu64 "\n", seed);
    return seed;
}

void world_init(tcp_world *world, uint64_t seed)
{
    *world = (struct tcp_world){.seed = seed, .now_ns = 5 * FA_NS_PER_S};
    world->link = (world_link){.delay_ns = FA_NS_PER_MS, .mtu = 1500};
    state_of_random = seed;
    current = world;
}

fa_host *world_host(tcp_world *world, uint32_t page_count, uint32_t features)
{
    fa_host *host = calloc(1, sizeof *host);
    fa_packet_pool *pool = calloc(1, sizeof *pool);
    require(host != NULL && pool != NULL && world->host_count < WORLD_HOSTS_MAX);
    require(fa_packet_pool_init(pool, page_count) == FA_OK);
    host->options.pool = pool;
    host->options.features = features;
    host->options.random = random_bytes;
    host->options.mtu = world->link.mtu;
    host->now_ns = world->now_ns;
    host->address = fa_ip4_of(0x0a000001 + world->host_count);
    fa_wheel_init(&host->wheel, world->now_ns);
    require(fa_tcp_init(host) == FA_OK);
    world->hosts[world->host_count++] = host;
    return host;
}

void world_free(tcp_world *world)
{
    for (uint32_t i = 0; i < world->host_count; i++) {
        fa_host *host = world->hosts[i];
        fa_tcp_free(host);
        require(fa_wheel_next(&host->wheel) == FA_FOREVER);
        require(host->options.pool->free_page_count == host->options.pool->page_count);
        fa_packet_pool_free(host->options.pool);
        free(host->options.pool);
        free(host);
    }
    for (world_frame *frame = world->frames, *next; frame != NULL; frame = next) {
        next = frame->next;
        free(frame);
    }
    current = NULL;
}

/* The link. */

static bool chance(uint32_t of_a_million)
{
    return of_a_million > 0 && next_random() % MILLION < of_a_million;
}

static void enqueue(tcp_world *world, const world_frame *frame, uint64_t at_ns)
{
    /* (Not by malloc(), which a test may have fail.) */
    world_frame *copy = aligned_alloc(_Alignof(world_frame), sizeof *copy), **link = &world->frames;
    require(copy != NULL);
    memcpy(copy, frame, offsetof(world_frame, bytes) + frame->len);
    copy->at_ns = at_ns;
    while (*link != NULL && (*link)->at_ns <= at_ns)
        link = &(*link)->next;
    copy->next = *link;
    *link = copy;
}

static void transmit(tcp_world *world, world_frame *frame)
{
    const world_link *link = &world->link;
    uint64_t at_ns = world->now_ns;
    world->sent++;
    require(frame->len <= (size_t)link->mtu - 20);
    if (world->look != NULL &&
        !world->look(world, frame->source, frame->destination, frame->bytes, frame->len))
        return;
    if (link->ns_per_byte > 0) {
        if (world->busy_until_ns < at_ns)
            world->busy_until_ns = at_ns;
        if (link->queue_ns > 0 && world->busy_until_ns - at_ns > link->queue_ns) {
            world->lost++;
            return;
        }
        world->busy_until_ns += frame->len * link->ns_per_byte;
        at_ns = world->busy_until_ns;
    }
    if (link->cut || chance(link->loss)) {
        world->lost++;
        return;
    }
    at_ns += link->delay_ns;
    if (link->jitter_ns > 0)
        at_ns += next_random() % link->jitter_ns;
    if (chance(link->reorder))
        at_ns += link->delay_ns * (1 + next_random() % 4);
    if (chance(link->corrupt)) {
        world_frame broken = *frame;
        broken.bytes[next_random() % broken.len] ^= (uint8_t)(1u << next_random() % 8);
        enqueue(world, &broken, at_ns);
        return;
    }
    enqueue(world, frame, at_ns);
    if (chance(link->duplicate))
        enqueue(world, frame, at_ns + next_random() % (1 + link->delay_ns * 3));
}

/* The IP layer, as TCP sees it. */

uint32_t fa_ipv4_pseudo_sum(fa_ip4 source, fa_ip4 destination, uint8_t protocol, size_t len)
{
    uint8_t bytes[12];
    memcpy(bytes, source.byte, 4);
    memcpy(bytes + 4, destination.byte, 4);
    bytes[8] = 0;
    bytes[9] = protocol;
    bytes[10] = (uint8_t)(len >> 8);
    bytes[11] = (uint8_t)len;
    return fa_checksum_add(0, bytes, sizeof bytes);
}

bool fa_ipv4_reachable(const fa_host *host, fa_ip4 destination)
{
    (void)host;
    (void)destination;
    return true;
}

uint16_t fa_ipv4_link_payload_max(const fa_host *host)
{
    return (uint16_t)(host->options.mtu - 20);
}

static void set_checksum(world_frame *frame)
{
    memset(frame->bytes + FA_TCP_CHECKSUM_OFFSET, 0, 2);
    const fa_be16 sum = fa_be16_of(fa_checksum_fold(
        fa_checksum_add(fa_ipv4_pseudo_sum(frame->source, frame->destination, FA_IPV4_TCP, frame->len),
                        frame->bytes, frame->len)));
    memcpy(frame->bytes + FA_TCP_CHECKSUM_OFFSET, &sum, sizeof sum);
}

/* What a device does that cuts (TSO): FIN and PSH belong to the last one. */
static void cut(tcp_world *world, const fa_packet *packet, world_frame *frame)
{
    const size_t head = packet->header_bytes, each = packet->segment_payload_bytes;
    uint8_t header[FA_TCP_HEADER_BYTES_MAX];
    require(head <= sizeof header && packet->checksum == FA_PACKET_PARTIAL);
    require(fa_packet_copy(packet, 0, header, head));
    fa_tcp_header fields;
    memcpy(&fields, header, sizeof fields);
    for (size_t offset = head; offset < packet->len; offset += each) {
        const size_t len = packet->len - offset < each ? packet->len - offset : each;
        fa_tcp_header now = fields;
        now.sequence = fa_be32_of(fa_be32_get(fields.sequence) + (uint32_t)(offset - head));
        if (offset + len < packet->len)
            now.flags &= (uint8_t) ~(FA_TCP_FIN | FA_TCP_PSH);
        memcpy(frame->bytes, header, head);
        memcpy(frame->bytes, &now, sizeof now);
        require(fa_packet_copy(packet, offset, frame->bytes + head, len));
        frame->len = head + len;
        set_checksum(frame);
        transmit(world, frame);
    }
}

fa_err fa_ipv4_send(fa_host *host, fa_packet *packet, fa_ip4 source, fa_ip4 destination,
                    uint8_t protocol)
{
    world_frame frame = {.source = source, .destination = destination, .len = packet->len};
    require(protocol == FA_IPV4_TCP && fa_ip4_is(source, host->address));
    if (packet->segment_payload_bytes > 0) {
        cut(current, packet, &frame);
    } else {
        require(frame.len <= sizeof frame.bytes);
        require(fa_packet_copy(packet, 0, frame.bytes, frame.len));
        if (packet->checksum == FA_PACKET_PARTIAL)
            set_checksum(&frame);
        transmit(current, &frame);
    }
    fa_packet_free(packet);
    return FA_OK;
}

/* Arrival. */

static fa_host *host_of(tcp_world *world, fa_ip4 address)
{
    for (uint32_t i = 0; i < world->host_count; i++)
        if (fa_ip4_is(world->hosts[i]->address, address))
            return world->hosts[i];
    return NULL;
}

void world_inject(tcp_world *world, fa_host *to, fa_ip4 source, const uint8_t *bytes, size_t len)
{
    const fa_ipv4_info info = {
        .source = source, .destination = to->address, .protocol = FA_IPV4_TCP, .ttl = 64};
    fa_packet *packet = fa_packet_alloc(to->options.pool);
    to->now_ns = world->now_ns;
    if (packet == NULL)
        return; /* as a device does */
    memcpy(fa_packet_append(packet, len), bytes, len);
    fa_tcp_input(to, packet, &info);
}

size_t world_segment(uint8_t *bytes_out, fa_ip4 source, fa_ip4 destination, uint16_t source_port,
                     uint16_t destination_port, uint32_t sequence, uint32_t acknowledgment,
                     uint8_t flags, uint16_t window, const void *options, size_t options_len,
                     const void *payload, size_t len)
{
    world_frame frame = {.source = source, .destination = destination};
    const fa_tcp_header header = {
        .source_port = fa_be16_of(source_port),
        .destination_port = fa_be16_of(destination_port),
        .sequence = fa_be32_of(sequence),
        .acknowledgment = fa_be32_of(acknowledgment),
        .data_offset = (uint8_t)((FA_TCP_HEADER_BYTES + options_len) / 4 << 4),
        .flags = flags,
        .window = fa_be16_of(window)};
    memcpy(frame.bytes, &header, sizeof header);
    if (options_len > 0)
        memcpy(frame.bytes + sizeof header, options, options_len);
    if (len > 0)
        memcpy(frame.bytes + sizeof header + options_len, payload, len);
    frame.len = sizeof header + options_len + len;
    set_checksum(&frame);
    memcpy(bytes_out, frame.bytes, frame.len);
    return frame.len;
}

/* Time. */

static void run_host(tcp_world *world, fa_host *host)
{
    fa_wheel_timer *timer;
    host->now_ns = world->now_ns;
    while ((timer = fa_wheel_expire(&host->wheel, world->now_ns)) != NULL)
        timer->fire(timer, host);
    fa_tcp_flush(host);
}

static uint64_t next_instant(const tcp_world *world)
{
    uint64_t next = world->frames != NULL ? world->frames->at_ns : FA_FOREVER;
    for (uint32_t i = 0; i < world->host_count; i++) {
        const fa_deadline timer = fa_wheel_next(&world->hosts[i]->wheel);
        if (timer < next)
            next = timer;
    }
    return next;
}

bool world_run(tcp_world *world, uint64_t for_ns, bool (*done)(struct tcp_world *world, void *arg), void *arg)
{
    const uint64_t until_ns = world->now_ns + for_ns;
    for (;;) {
        for (uint32_t i = 0; i < world->host_count; i++)
            run_host(world, world->hosts[i]);
        const bool is_done = done != NULL && done(world, arg);
        for (uint32_t i = 0; i < world->host_count; i++)
            fa_tcp_flush(world->hosts[i]);
        if (is_done)
            return true;
        uint64_t next_ns = next_instant(world);
        if (world->tick_ns > 0 && next_ns > world->now_ns + world->tick_ns)
            next_ns = world->now_ns + world->tick_ns;
        if (next_ns > until_ns) {
            world->now_ns = until_ns;
            return false;
        }
        if (next_ns > world->now_ns)
            world->now_ns = next_ns;
        while (world->frames != NULL && world->frames->at_ns <= world->now_ns) {
            world_frame *frame = world->frames;
            fa_host *to = host_of(world, frame->destination);
            world->frames = frame->next;
            if (to != NULL)
                world_inject(world, to, frame->source, frame->bytes, frame->len);
            free(frame);
        }
    }
}
