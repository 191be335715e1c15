/* SPDX-License-Identifier: ISC */
/* Fuzzes a whole host with frames from its link: Ethernet, ARP, IPv4 with fragments, ICMP, UDP, TCP,
 * and DHCP or a static address. An input is a byte that chooses the host, and frames, each behind a
 * byte of flags and its length: addresses and checksums are made right where a flag says so, and time
 * goes on. What the host sends is well-formed, and all memory comes back. */
#include "../../sdk/net/host.h"
#include "require.h"
#include <fata/panic.h>
#include <stdarg.h>
#include <string.h>

#define POOL_PAGES 64u
#define FRAMES_MAX 64u
#define MTU 1500u

#define FLAG_TO_US 1u    /* Ethernet's destination is the host */
#define FLAG_CHECKSUMS 2u /* of IPv4 and ICMP are right, and DHCP's number */
#define FLAG_VERIFIED 4u  /* the device has checked TCP's or UDP's */
#define FLAG_SPLIT 8u     /* the frame lies in two pages */
#define TIME_SHIFT 4u     /* so many more milliseconds, doubled each */

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
static fa_packet_pool pool;
static fa_host host;

void fa_panic(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    abort();
}

void fa_panic_assert(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, condition);
    abort();
}

/* The same in each run. */
static uint32_t random_state;
static void random_bytes(void *bytes_out, size_t len)
{
    for (uint8_t *next = bytes_out; len-- > 0;) {
        random_state = random_state * 1664525 + 1013904223;
        *next++ = (uint8_t)(random_state >> 24);
    }
}

/* A reply from a DHCP server is one to what the host asked. */
static void answer_dhcp(uint8_t *bytes, size_t len, uint8_t protocol)
{
    static const uint8_t from_server[] = {0, FA_DHCP_SERVER_PORT, 0, FA_DHCP_CLIENT_PORT};
    uint8_t *message = bytes + sizeof(fa_udp_header);
    if (protocol != FA_IPV4_UDP || len < sizeof(fa_udp_header) + sizeof(fa_dhcp_header) ||
        memcmp(bytes, from_server, sizeof from_server) != 0)
        return;
    const fa_be32 xid = fa_be32_of(host.dhcp.xid);
    memcpy(message + offsetof(fa_dhcp_header, xid), &xid, sizeof xid);
    memcpy(message + offsetof(fa_dhcp_header, chaddr), mac, sizeof mac);
    memset(bytes + offsetof(fa_udp_header, checksum), 0, sizeof(fa_be16));
}

static void make_right(uint8_t *frame, size_t len, unsigned flags)
{
    if ((flags & FLAG_TO_US) != 0 && len >= sizeof mac)
        memcpy(frame, mac, sizeof mac);
    if ((flags & FLAG_CHECKSUMS) == 0 || len < sizeof(fa_ethernet_header) + sizeof(fa_ipv4_header))
        return;
    uint8_t *ip = frame + sizeof(fa_ethernet_header);
    const size_t header_bytes = (ip[0] & 0xfu) * 4u, left = len - sizeof(fa_ethernet_header);
    if (header_bytes < sizeof(fa_ipv4_header) || header_bytes > left)
        return;
    ip[10] = ip[11] = 0;
    const fa_be16 sum = fa_be16_of(fa_checksum_fold(fa_checksum_add(0, ip, header_bytes)));
    memcpy(ip + 10, &sum, sizeof sum);
    const size_t total = (size_t)ip[2] << 8 | ip[3];
    answer_dhcp(ip + header_bytes, left - header_bytes, ip[9]);
    if (ip[9] != FA_IPV4_ICMP || total > left || total < header_bytes + sizeof(fa_icmp_header))
        return;
    uint8_t *icmp = ip + header_bytes;
    icmp[2] = icmp[3] = 0;
    const fa_be16 icmp_sum =
        fa_be16_of(fa_checksum_fold(fa_checksum_add(0, icmp, total - header_bytes)));
    memcpy(icmp + 2, &icmp_sum, sizeof icmp_sum);
}

static void feed(const uint8_t *bytes, size_t len, unsigned flags, uint64_t now_ns)
{
    uint8_t frame[MTU + sizeof(fa_ethernet_header)];
    memcpy(frame, bytes, len);
    make_right(frame, len, flags);
    fa_packet *packet = fa_packet_alloc(&pool);
    if (packet == NULL)
        return;
    const size_t first = (flags & FLAG_SPLIT) != 0 ? len / 3 : len;
    fa_err err = fa_packet_append_bytes(packet, frame, first);
    fa_packet_page *page = first < len ? fa_packet_page_alloc(&pool) : NULL;
    if (page != NULL) {
        memcpy(page->bytes, frame + first, len - first);
        err = fa_packet_append_page(packet, page, 0, len - first);
        fa_packet_page_release(page);
    }
    require(err == FA_OK);
    packet->checksum = (flags & FLAG_VERIFIED) != 0 ? FA_PACKET_VERIFIED : FA_PACKET_UNCHECKED;
    fa_packet_queue queue = {0};
    fa_packet_queue_add(&queue, packet);
    fa_host_input(&host, &queue, now_ns);
    require(queue.count == 0);
}

static void check_output(void)
{
    fa_packet_queue queue = {0};
    fa_host_output(&host, &queue);
    for (fa_packet *packet; (packet = fa_packet_queue_take(&queue)) != NULL;) {
        fa_ethernet_header ethernet;
        fa_ipv4_header ip;
        require(packet->len <= MTU + sizeof ethernet);
        require(packet->checksum != FA_PACKET_PARTIAL && packet->segment_payload_bytes == 0);
        require(fa_packet_copy(packet, 0, &ethernet, sizeof ethernet));
        require(memcmp(ethernet.source.byte, mac, sizeof mac) == 0);
        if (fa_be16_get(ethernet.type) == FA_ETHERNET_IPV4) {
            require(fa_packet_copy(packet, sizeof ethernet, &ip, sizeof ip));
            require(fa_be16_get(ip.total_length) == packet->len - sizeof ethernet);
            require(fa_checksum_fold(fa_checksum_add(0, &ip, sizeof ip)) == 0);
        }
        fa_packet_free(packet);
    }
}

/* What an application does: it takes, answers, and closes. */
static void application(fa_udp_socket *socket)
{
    fa_endpoint from;
    unsigned events;
    for (fa_packet *packet; (packet = fa_udp_take(&host, socket, &from)) != NULL;) {
        const fa_err err = fa_udp_send_bytes(&host, socket, from, "answer", 6);
        require(err <= FA_ENOENTROPY);
        fa_packet_free(packet);
    }
    for (fa_tcp_listener *listener; (listener = fa_tcp_take_changed_listener(&host)) != NULL;)
        for (fa_tcp *tcp; (tcp = fa_tcp_accept(listener, NULL)) != NULL;)
            continue;
    for (fa_tcp *tcp; (tcp = fa_tcp_take_changed(&host, &events)) != NULL;) {
        uint8_t bytes[256];
        size_t len = 0;
        const fa_err err = fa_tcp_read(&host, tcp, bytes, sizeof bytes, &len);
        require(len <= sizeof bytes);
        if (err != FA_OK && err != FA_EAGAIN)
            fa_tcp_close(&host, tcp, false);
    }
}

static void start(unsigned kind, fa_udp_socket *socket)
{
    fa_host_options options = {.pool = &pool, .mtu = MTU, .random = random_bytes, .name = "fuzz"};
    memcpy(options.mac, mac, sizeof mac);
    if (kind % 2 == 0) {
        options.address = (fa_ip4){{10, 0, 0, 1}};
        options.netmask = (fa_ip4){{255, 255, 255, 0}};
        options.gateway = (fa_ip4){{10, 0, 0, 2}};
    }
    fa_tcp_listener *listener;
    random_state = 1;
    require(fa_packet_pool_init(&pool, POOL_PAGES) == FA_OK);
    require(fa_host_init(&host, &options, FA_NS_PER_S) == FA_OK);
    require(fa_udp_bind(&host, socket, 7) == FA_OK);
    require(fa_tcp_listen(&host, 80, 4, NULL, &listener) == FA_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fa_reader reader = fa_reader_of(bytes, len);
    fa_udp_socket socket = {0};
    uint64_t now_ns = FA_NS_PER_S;
    start(fa_read_u8(&reader), &socket);
    for (unsigned i = 0; i < FRAMES_MAX && reader.left_bytes > 0; i++) {
        const unsigned flags = fa_read_u8(&reader);
        size_t frame_bytes = fa_read_be16(&reader) % (MTU + sizeof(fa_ethernet_header) + 1);
        frame_bytes = frame_bytes < reader.left_bytes ? frame_bytes : reader.left_bytes;
        const uint8_t *frame = fa_read_bytes(&reader, frame_bytes);
        if (frame_bytes > 0)
            feed(frame, frame_bytes, flags, now_ns);
        fa_host_run(&host, now_ns);
        application(&socket);
        check_output();
        now_ns += FA_NS_PER_MS << (flags >> TIME_SHIFT);
    }
    for (unsigned i = 0; i < 8; i++) {
        fa_host_run(&host, now_ns);
        application(&socket);
        check_output();
        now_ns += 30 * FA_NS_PER_S;
    }
    fa_host_free(&host);
    fa_packet_pool_free(&pool); /* asserts that all pages are back */
    return 0;
}
