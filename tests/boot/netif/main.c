/* SPDX-License-Identifier: ISC */
/* A network device alone, without the stack. QEMU's user network is the peer: it answers a
 * DHCPDISCOVER with an offer, and pings to its gateway, also of many at a time and of ones that take
 * several pages. With `--mode=mirror` the peer is mirror.py: TCP segments come and go that are larger
 * than any frame, their checksums still to be completed. main returns how many parts failed. */
#include "bsp/plat.h"
#include "sdk/packet/netif.h"
#include <fata/bytes.h>
#include <fata/fata.h>
#include <stdio.h>
#include <string.h>

FA_PARAM_STRING(mode, "mode", "user", "user, mirror, or none: there is no device");

/* A fourth of it is for what the device receives into: enough for 64 KiB in one packet, twice. The
 * rest is for two batches of pings: a device may answer a whole one while the driver takes the
 * answers, so that what was sent comes back only with the next receive(). */
#define POOL_PAGES 256u
#define BATCH 64u
#define ANSWER_MS 50000u /* on a busy machine, whose time passes while QEMU stands still */
#define END_PORT 9u       /* of mirror.py's last segment */
#define PINGS 200u
#define PINGS_AT_ONCE 20u /* each of four pages */

static fa_packet_pool pool;
static fa_netif *netif;
static fa_waitq woken;
static fa_packet_queue received; /* and not looked at yet */
static unsigned failed, wake_count;

static void check(bool ok, const char *what)
{
    printf("%s - %s\n", ok ? "ok" : "not ok", what);
    failed += !ok;
}

static void wake(void *arg)
{
    (void)arg;
    wake_count++;
    fa_waitq_wake_all(&woken);
}

/* The next packet for which `fits`; NULL: it has not come in time. Others are dropped. */
static fa_packet *receive(bool (*fits)(const uint8_t *frame, size_t len))
{
    const fa_deadline deadline = fa_after_ms(ANSWER_MS);
    for (;;) {
        for (fa_packet *packet; (packet = fa_packet_queue_take(&received)) != NULL;) {
            uint8_t frame[128] = {0};
            const size_t len = packet->len < sizeof frame ? packet->len : sizeof frame;
            if (fa_packet_copy(packet, 0, frame, len) && fits(frame, packet->len))
                return packet;
            fa_packet_free(packet);
        }
        netif->ops->receive(netif, &received, BATCH);
        if (received.count > 0 || netif->ops->arm(netif))
            continue;
        if (fa_waitq_wait(&woken, deadline) != FA_OK)
            return NULL;
    }
}

static void close_netif(void)
{
    netif->ops->close(netif);
    fa_packet_queue_free(&received);
}

static void send(fa_packet *packet)
{
    fa_packet_queue queue = {0};
    fa_packet_queue_add(&queue, packet);
    netif->ops->transmit(netif, &queue);
    if (queue.first != NULL)
        fa_panic("no room for one packet");
}

/* Frames, written by hand. */

static uint8_t frame[4096];
static const uint8_t everyone[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static uint8_t gateway_mac[6];
static const uint8_t own_ip[4] = {10, 0, 2, 15}, gateway_ip[4] = {10, 0, 2, 2};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_ethernet(const uint8_t *to, unsigned type)
{
    memcpy(frame, to, 6);
    memcpy(frame + 6, netif->mac, 6);
    put16(frame + 12, type);
}

static void put_ip(unsigned protocol, const uint8_t *from, const uint8_t *to, size_t payload_bytes)
{
    uint8_t *ip = frame + 14;
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put16(ip + 2, (unsigned)(20 + payload_bytes));
    ip[8] = 64;
    ip[9] = (uint8_t)protocol;
    memcpy(ip + 12, from, 4);
    memcpy(ip + 16, to, 4);
    put16(ip + 10, fa_checksum_fold(fa_checksum_add(0, ip, 20)));
}

/* A packet of the frame: in one segment, or in many that begin and end anywhere. */
static fa_packet *packet_of(size_t len, size_t piece_bytes)
{
    fa_packet *packet = fa_packet_alloc_empty(&pool);
    for (size_t at = 0; at < len; at += piece_bytes) {
        const size_t piece = len - at < piece_bytes ? len - at : piece_bytes;
        fa_packet_page *page = fa_packet_page_alloc(&pool);
        if (packet == NULL || page == NULL)
            fa_panic("no packet");
        memcpy(page->bytes + at % 61, frame + at, piece);
        if (fa_packet_append_page(packet, page, at % 61, piece) != FA_OK)
            fa_panic("too many pieces");
        fa_packet_page_release(page);
    }
    return packet;
}

static bool is_offer(const uint8_t *f, size_t len)
{
    return len > 42 + 240 && f[12] == 8 && f[13] == 0 && f[23] == 17 && f[37] == 68 && f[42] == 2;
}

static void dhcp(void)
{
    static const uint8_t nobody[4], all[4] = {255, 255, 255, 255};
    uint8_t *bootp = frame + 42;
    memset(frame, 0, sizeof frame);
    put_ethernet(everyone, 0x0800);
    put_ip(17, nobody, all, 8 + 300);
    put16(frame + 34, 68);
    put16(frame + 36, 67);
    put16(frame + 38, 8 + 300);
    bootp[0] = bootp[1] = 1;
    bootp[2] = 6;
    memcpy(bootp + 4, "fata", 4);
    memcpy(bootp + 28, netif->mac, 6);
    memcpy(bootp + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
    send(packet_of(42 + 300, 100));
    fa_packet *offer = receive(is_offer);
    check(offer != NULL, "QEMU's DHCP server answers");
    if (offer == NULL)
        return;
    uint8_t bytes[42 + 34];
    const bool whole = fa_packet_copy(offer, 0, bytes, sizeof bytes);
    check(whole && memcmp(bytes + 42 + 16, own_ip, 4) == 0, "it offers 10.0.2.15");
    check(whole && memcmp(bytes + 42 + 28, netif->mac, 6) == 0, "to this device");
    fa_packet_free(offer);
}

static bool is_arp_reply(const uint8_t *f, size_t len)
{
    return len >= 42 && f[12] == 8 && f[13] == 6 && f[21] == 2 && memcmp(f + 28, gateway_ip, 4) == 0;
}

static void arp(void)
{
    memset(frame, 0, sizeof frame);
    put_ethernet(everyone, 0x0806);
    memcpy(frame + 14, "\0\1\10\0\6\4\0\1", 8);
    memcpy(frame + 22, netif->mac, 6);
    memcpy(frame + 28, own_ip, 4);
    memcpy(frame + 38, gateway_ip, 4);
    send(packet_of(42, 42));
    fa_packet *reply = receive(is_arp_reply);
    check(reply != NULL && fa_packet_copy(reply, 22, gateway_mac, 6), "the gateway has an address");
    fa_packet_free(reply);
}

static void put_ping(unsigned number, size_t payload_bytes)
{
    uint8_t *icmp = frame + 34;
    put_ethernet(gateway_mac, 0x0800);
    put_ip(1, own_ip, gateway_ip, 8 + payload_bytes);
    memset(icmp, 0, 8);
    icmp[0] = 8;
    put16(icmp + 6, number);
    for (size_t i = 0; i < payload_bytes; i++)
        icmp[8 + i] = (uint8_t)(i * 7 + number);
    put16(icmp + 2, fa_checksum_fold(fa_checksum_add(0, icmp, 8 + payload_bytes)));
}

static bool is_pong(const uint8_t *f, size_t len)
{
    return len >= 42 && f[12] == 8 && f[13] == 0 && f[23] == 1 && f[34] == 0;
}

static unsigned number_of(const fa_packet *pong)
{
    uint8_t bytes[2] = {0};
    return fa_packet_copy(pong, 40, bytes, 2) ? (unsigned)bytes[0] << 8 | bytes[1] : UINT16_MAX;
}

/* One batch after the other; every answer must come, as it was sent. */
static void pings(void)
{
    bool answered[PINGS] = {false};
    unsigned sent = 0, count = 0;
    bool same = true;
    wake_count = 0;
    while (count < PINGS) {
        fa_packet_queue queue = {0};
        for (unsigned i = 0; i < PINGS_AT_ONCE && sent < PINGS; i++, sent++) {
            put_ping(sent, 1000);
            fa_packet_queue_add(&queue, packet_of(42 + 1000, 333));
        }
        netif->ops->transmit(netif, &queue);
        if (queue.first != NULL)
            fa_panic("no room for %u packets", (unsigned)queue.count);
        for (; count < sent; count++) {
            fa_packet *pong = receive(is_pong);
            if (pong == NULL)
                break;
            static uint8_t bytes[1000];
            const unsigned number = number_of(pong);
            put_ping(number, sizeof bytes);
            same = same && number < PINGS && !answered[number] &&
                   fa_packet_copy(pong, 42, bytes, sizeof bytes) &&
                   memcmp(bytes, frame + 42, sizeof bytes) == 0;
            if (number < PINGS)
                answered[number] = true;
            fa_packet_free(pong);
        }
        if (count < sent)
            break;
    }
    printf("%u of %u pings answered, %u interrupts woke us\n", count, PINGS, wake_count);
    check(count == PINGS, "every ping is answered");
    check(same, "by what it carried");
    check(wake_count <= PINGS + 1, "no more wakes than packets"); /* and one that was late */
}

/* Armed before there is anything to receive, the device says so by an interrupt; once. */
static void interrupts(void)
{
    for (unsigned i = 0; i < 3; i++) {
        fa_packet_queue queue = {0};
        do {
            netif->ops->receive(netif, &queue, BATCH);
            fa_packet_queue_free(&queue);
        } while (netif->ops->arm(netif));
        wake_count = 0;
        put_ping(i, 56);
        fa_packet_queue_add(&queue, packet_of(42 + 56, 1000));
        put_ping(i + 1, 56);
        fa_packet_queue_add(&queue, packet_of(42 + 56, 1000));
        netif->ops->transmit(netif, &queue);
        const fa_err err = fa_waitq_wait(&woken, fa_after_ms(ANSWER_MS));
        check(err == FA_OK, "an answer wakes who waits");
        fa_sleep(fa_after_ms(20));
        check(wake_count == 1, "once");
    }
}

/* Nothing may be lost, and all must come back. */
static void close_again(void)
{
    close_netif();
    check(pool.free_page_count == POOL_PAGES, "all pages come back");
    fa_netif *again;
    check(plat_netif_open(0, &pool, &again, fa_after_s(10)) == FA_OK && again == netif, "it opens again");
    netif->wake = wake;
    arp();
    check(plat_netif_open(0, &pool, &again, fa_after_s(10)) == FA_EBUSY, "but not twice");
    close_netif();
    check(pool.free_page_count == POOL_PAGES, "and all pages come back again");
}

/* A frame of EtherType IPv4 with TCP in it. */
static bool is_tcp(const uint8_t *f, size_t len)
{
    return len >= 54 && f[12] == 8 && f[13] == 0 && f[23] == 6;
}

/* Sends back what comes, until the other side has all of it, from the pages in which it came: the device is
 * to cut it up and to complete its checksums, as the other side had it. */
static void mirror(void)
{
    unsigned count = 0;
    size_t largest = 0;
    bool verified = true;
    printf("ready\n");
    for (fa_packet *packet; (packet = receive(is_tcp)) != NULL; count++) {
        uint8_t *ethernet = fa_packet_head(packet, 54);
        if (ethernet == NULL)
            fa_panic("no headers");
        if (ethernet[36] == 0 && ethernet[37] == END_PORT) {
            fa_packet_free(packet);
            break;
        }
        memcpy(ethernet, ethernet + 6, 6);
        memcpy(ethernet + 6, netif->mac, 6);
        verified = verified && packet->checksum == FA_PACKET_VERIFIED;
        packet->checksum = FA_PACKET_PARTIAL;
        packet->checksum_start = 34;
        packet->checksum_offset = 16;
        packet->header_bytes = 54;
        packet->segment_payload_bytes = packet->len > 1514 ? 1460 : 0;
        largest = packet->len > largest ? packet->len : largest;
        send(packet);
    }
    printf("%u packets, the largest of %zu bytes\n", count, largest);
    check(verified, "what this host sends is right, unseen");
    check(netif->features == (FA_NETIF_CHECKSUM | FA_NETIF_TSO4), "the device cuts up and completes");
    close_netif();
    check(pool.free_page_count == POOL_PAGES, "all pages come back");
}

int main(void)
{
    if (fa_packet_pool_init(&pool, POOL_PAGES) != FA_OK)
        fa_panic("no memory");
    const fa_err err = plat_netif_open(0, &pool, &netif, fa_after_s(10));
    if (strcmp(mode, "none") == 0) {
        check(err == FA_ENOENT, "there is no device");
        return (int)failed;
    }
    if (err != FA_OK)
        fa_panic("no network device: %s", fa_err_text(err));
    netif->wake = wake;
    const uint8_t *mac = netif->mac;
    printf("%s %02x:%02x:%02x:%02x:%02x:%02x, link %s, features %u\n", netif->name, mac[0], mac[1],
           mac[2], mac[3], mac[4], mac[5], netif->link_up ? "up" : "down", (unsigned)netif->features);
    check(netif->link_up, "the link is up");
    if (strcmp(mode, "mirror") == 0) {
        mirror();
        return (int)failed;
    }
    dhcp();
    arp();
    pings();
    interrupts();
    check(netif->dropped_packets == 0, "nothing was dropped");
    fa_netif *other;
    check(plat_netif_open(1, &pool, &other, fa_after_s(10)) == FA_ENOENT, "there is no other device");
    close_again();
    return (int)failed;
}
