/* SPDX-License-Identifier: ISC */
/* Fuzzes TCP: segments, made near to what a connection expects or of any bytes, arrive at a listener
 * and at connections in every state, between reads, writes, closes and the passing of time. Whatever
 * comes, the state stays consistent, memory within its bounds, and in the end all of it is back. */
#include "../sim/tcp_world.h"
#include <stdlib.h>
#include <string.h>


#define PORT 80u
#define PEERS 3u
#define TCPS_MAX 8u
#define STEPS_MAX 300u

typedef struct fuzz {
    tcp_world world;
    fa_host *host;
    fa_tcp_listener *listener;
    fa_tcp *tcps[TCPS_MAX]; /* the application's; NULL: none */
    fa_reader input;
} fuzz;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const fa_ip4 peer_address = {{10, 0, 0, 200}};

static void check_connection(const fa_tcp *tcp)
{
    require(!fa_tcp_before(tcp->snd_nxt, tcp->snd_una) && !fa_tcp_before(tcp->snd_max, tcp->snd_nxt));
    if (tcp->phase >= FA_TCP_ESTABLISHED)
        require(!fa_tcp_before(fa_tcp_send_end(tcp), tcp->snd_max));
    require(tcp->send.len <= FA_TCP_WINDOW_BYTES_MAX);
    require(tcp->receive.len <= FA_TCP_WINDOW_BYTES_MAX + UINT16_MAX);
    require(tcp->out_of_order_count <= FA_TCP_OUT_OF_ORDER_MAX);
    unsigned count = 0;
    uint32_t end = tcp->rcv_nxt;
    for (const fa_packet *packet = tcp->out_of_order; packet != NULL; packet = packet->next) {
        const uint32_t start = fa_tcp_packet_sequence(packet);
        require(packet->len > 0 && !fa_tcp_before(start, end));
        require(count > 0 || start != tcp->rcv_nxt || fa_tcp_memory_tight(tcp->host) ||
                fa_packet_pool_is_low(tcp->host->options.pool));
        end = start + packet->len;
        count++;
        require(packet->next != NULL || packet == tcp->out_of_order_last);
    }
    require(count == tcp->out_of_order_count);
    const fa_tcp_scoreboard *board = tcp->scoreboard;
    for (uint32_t i = 0; board != NULL && i < board->count; i++) {
        require(fa_tcp_before(board->ranges[i].start, board->ranges[i].end));
        require(i == 0 || fa_tcp_before(board->ranges[i - 1].end, board->ranges[i].start));
        require(!fa_tcp_before(board->ranges[i].start, tcp->snd_una) &&
                !fa_tcp_before(tcp->snd_max, board->ranges[i].end));
    }
}

static void check_all(const fuzz *fuzz)
{
    const fa_tcp_state *state = &fuzz->host->tcp;
    uint32_t entries = 0;
    for (uint32_t i = 0; i < state->bucket_count; i++) {
        for (const fa_tcp_entry *entry = state->buckets[i]; entry != NULL; entry = entry->next) {
            entries++;
            if (entry->kind == FA_TCP_CONNECTION)
                check_connection((const fa_tcp *)entry);
        }
    }
    require(entries == state->entry_count);
    require(state->memory_bytes <= state->memory_max_bytes + 64 * FA_PACKET_PAGE_BYTES);
}

/* A segment from a peer: of the bytes that come, or as what is there expects it, and then a little
 * different. */
static void segment_input(fuzz *fuzz)
{
    static const uint8_t nothing[600];
    uint8_t segment[FA_TCP_HEADER_BYTES_MAX + sizeof nothing], options[40];
    const uint8_t peer = fa_read_u8(&fuzz->input), flags = fa_read_u8(&fuzz->input);
    const uint16_t peer_port = (uint16_t)(1000 + peer % PEERS);
    uint16_t port = PORT;
    const fa_tcp *own = fuzz->tcps[peer % TCPS_MAX];
    uint32_t sequence = 100000u * peer, acknowledgment = 0;
    uint16_t source_port = peer_port;
    if ((peer & 0x80) != 0 && own != NULL) { /* to one that we began, perhaps */
        port = own->entry.local_port;
        source_port = own->entry.peer_port;
    }
    const fa_tcp_entry *entry =
        fa_tcp_find(fuzz->host, fuzz->host->address, port, peer_address, source_port);
    uint32_t stamp = fa_read_be16(&fuzz->input);
    if (entry != NULL && entry->kind == FA_TCP_CONNECTION) {
        const fa_tcp *tcp = (const fa_tcp *)entry;
        sequence = tcp->rcv_nxt;
        acknowledgment = (flags & 0x40) != 0 ? tcp->snd_una : tcp->snd_max;
        stamp += tcp->ts_recent;
    } else if (entry != NULL && entry->kind == FA_TCP_HALF_OPEN) {
        const fa_tcp_half_open *half = (const fa_tcp_half_open *)entry;
        sequence = half->handshake.irs + 1;
        acknowledgment = half->handshake.iss + 1;
        stamp += half->handshake.ts_recent;
    } else if (entry != NULL) {
        const fa_tcp_time_wait *wait = (const fa_tcp_time_wait *)entry;
        sequence = wait->rcv_nxt;
        acknowledgment = wait->snd_nxt;
        stamp += wait->ts_recent;
    }
    sequence += (uint32_t)(int32_t)(int16_t)fa_read_be16(&fuzz->input);
    acknowledgment += (uint32_t)(int32_t)(int16_t)fa_read_be16(&fuzz->input);
    const uint16_t window = fa_read_be16(&fuzz->input);
    const uint16_t payload = fa_read_be16(&fuzz->input) % sizeof nothing;
    size_t options_len = fa_read_u8(&fuzz->input) % 41 / 4 * 4u;
    memset(options, FA_TCP_OPTION_NOP, sizeof options);
    if ((flags & 0x80) != 0) { /* timestamps, and then SACK near to what is on its way */
        fa_writer writer = fa_writer_of(options, sizeof options);
        fa_write_be32(&writer, 0x0101080a);
        fa_write_be32(&writer, stamp);
        fa_write_be32(&writer, fa_read_be16(&fuzz->input));
        options_len = 12;
        for (unsigned i = fa_read_u8(&fuzz->input) % 4; i > 0; i--) {
            if (options_len == 12)
                fa_write_be32(&writer, 0x01010500 | (2 + 8 * i)), options_len += 4;
            const uint32_t start = acknowledgment + fa_read_be16(&fuzz->input);
            fa_write_be32(&writer, start);
            fa_write_be32(&writer, start + fa_read_be16(&fuzz->input));
            options_len += 8;
        }
    } else {
        const uint8_t *raw = fa_read_bytes(&fuzz->input, options_len);
        if (raw != NULL && options_len > 0)
            memcpy(options, raw, options_len);
    }
    const size_t n = world_segment(segment, peer_address, fuzz->host->address, source_port, port,
                                   sequence, acknowledgment, flags & 0x3f, window, options,
                                   options_len, nothing, payload);
    world_inject(&fuzz->world, fuzz->host, peer_address, segment, n);
}

static void raw_input(fuzz *fuzz)
{
    uint8_t segment[256];
    const size_t len = fa_read_u8(&fuzz->input);
    const uint8_t *bytes = fa_read_bytes(&fuzz->input, len);
    if (bytes == NULL || len == 0)
        return;
    memcpy(segment, bytes, len);
    world_inject(&fuzz->world, fuzz->host, peer_address, segment, len);
    fa_tcp_icmp_error(fuzz->host, peer_address, segment, len, 3, segment[0] % 6, segment[len - 1]);
}

static void own(fuzz *fuzz, fa_tcp *tcp)
{
    if (tcp == NULL)
        return;
    for (unsigned i = 0; i < TCPS_MAX; i++) {
        if (fuzz->tcps[i] == NULL) {
            fuzz->tcps[i] = tcp;
            return;
        }
    }
    fa_tcp_close(fuzz->host, tcp, true);
}

static void application(fuzz *fuzz, uint8_t what)
{
    static uint8_t bytes[20000];
    const uint8_t which = fa_read_u8(&fuzz->input);
    fa_tcp **tcp = &fuzz->tcps[which % TCPS_MAX], *made = NULL;
    const size_t len = fa_read_be16(&fuzz->input) % sizeof bytes;
    size_t done;
    unsigned events;
    if (what == 0)
        own(fuzz, fa_tcp_accept(fuzz->listener, NULL));
    if (what == 1 && fa_tcp_connect(fuzz->host, (fa_endpoint){peer_address, 7}, NULL, &made) == FA_OK)
        own(fuzz, made);
    while (fa_tcp_take_changed(fuzz->host, &events) != NULL) {
    }
    if (*tcp == NULL)
        return;
    if (what == 2) {
        (void)fa_tcp_write(fuzz->host, *tcp, &(fa_slice){bytes, len}, 1, &done);
    } else if (what == 3) {
        (void)fa_tcp_read(fuzz->host, *tcp, bytes, len, &done);
    } else if (what == 4) {
        fa_tcp_shutdown(fuzz->host, *tcp);
    } else if (what == 5) {
        fa_tcp_close(fuzz->host, *tcp, which >= 0xc0);
        *tcp = NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const uint32_t features[] = {0, FA_NETIF_CHECKSUM | FA_NETIF_TSO4};
    fuzz fuzz = {.input = fa_reader_of(bytes, len)};
    const uint8_t kind = fa_read_u8(&fuzz.input);
    world_init(&fuzz.world, 1);
    fuzz.world.link.cut = true;
    fuzz.host = world_host(&fuzz.world, kind & 2 ? 48 : 512, features[kind & 1]);
    require(fa_tcp_listen(fuzz.host, PORT, 3, NULL, &fuzz.listener) == FA_OK);
    for (unsigned step = 0; step < STEPS_MAX && fuzz.input.left_bytes > 0; step++) {
        const uint8_t what = fa_read_u8(&fuzz.input) % 16;
        if (what < 6)
            application(&fuzz, what);
        else if (what == 6)
            raw_input(&fuzz);
        else if (what == 7)
            (void)world_run(&fuzz.world, fa_read_be16(&fuzz.input) * FA_NS_PER_MS, NULL, NULL);
        else if (what == 8)
            fa_tcp_flush(fuzz.host);
        else
            segment_input(&fuzz);
        check_all(&fuzz);
    }
    for (unsigned i = 0; i < TCPS_MAX; i++)
        if (fuzz.tcps[i] != NULL && (kind & 4) != 0)
            fa_tcp_close(fuzz.host, fuzz.tcps[i], false);
    if ((kind & 8) != 0)
        (void)world_run(&fuzz.world, 10 * FA_NS_PER_S, NULL, NULL);
    world_free(&fuzz.world);
    return 0;
}
