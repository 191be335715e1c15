/* SPDX-License-Identifier: ISC */
/* A tap device (linux/Documentation/networking/tuntap.rst). Each read gives one packet, behind a
 * header that says what is to be done about its checksum and its size (struct virtio_net_hdr, as in
 * Virtual I/O Device 1.2, 5.1.6). */
#include "tap.h"
#include <errno.h>
#include <fata/random.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define ETHERNET_HEADER_BYTES 14u
#define MTU 1500u

static fa_tap *tap_of(fa_netif *netif)
{
    return (fa_tap *)netif; /* its first member */
}

static void refill(fa_tap *tap)
{
    fa_packet_page *page;
    while (tap->spare_count < FA_TAP_PAGES && (page = fa_packet_page_alloc(tap->pool)) != NULL)
        tap->spare[tap->spare_count++] = page;
}

/* Whether what the host says of a packet can be so; then the packet is marked accordingly. */
static bool take_header(fa_packet *packet, const struct virtio_net_hdr *header)
{
    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        /* It never left this machine: its field holds the pseudo header's sum only. */
        packet->checksum = FA_PACKET_PARTIAL;
        packet->checksum_start = header->csum_start;
        packet->checksum_offset = header->csum_offset;
        return (size_t)header->csum_start + header->csum_offset + 2 <= packet->len;
    }
    packet->checksum =
        header->flags & VIRTIO_NET_HDR_F_DATA_VALID ? FA_PACKET_VERIFIED : FA_PACKET_UNCHECKED;
    return true;
}

/* A packet of the first `len` bytes in the spare pages, which it takes. */
static fa_packet *packet_of_spare(fa_tap *tap, size_t len, const struct virtio_net_hdr *header)
{
    fa_packet *packet = fa_packet_alloc_empty(tap->pool);
    if (packet == NULL)
        return NULL;
    while (len > 0 && tap->spare_count > 0) {
        const size_t part = len < FA_PACKET_PAGE_BYTES ? len : FA_PACKET_PAGE_BYTES;
        fa_packet_page *page = tap->spare[tap->spare_count - 1];
        if (fa_packet_append_page(packet, page, 0, part) != FA_OK)
            break;
        fa_packet_page_release(page); /* the packet keeps it */
        tap->spare_count--;
        len -= part;
    }
    if (len == 0 && take_header(packet, header))
        return packet;
    fa_packet_free(packet);
    return NULL;
}

/* One packet; false: there is none. Without a page it is lost, as a device without room loses it. */
static bool receive_one(fa_tap *tap, fa_packet_queue *queue_out)
{
    refill(tap);
    struct virtio_net_hdr header;
    uint8_t nowhere[ETHERNET_HEADER_BYTES];
    struct iovec pieces[1 + FA_TAP_PAGES] = {{&header, sizeof header},
                                             {nowhere, sizeof nowhere}};
    for (size_t i = 0; i < tap->spare_count; i++)
        pieces[1 + i] = (struct iovec){tap->spare[tap->spare_count - 1 - i]->bytes,
                                       FA_PACKET_PAGE_BYTES};
    const size_t room_count = tap->spare_count > 0 ? tap->spare_count : 1;
    const ssize_t got = readv(tap->descriptor, pieces, (int)(1 + room_count));
    if (got < 0) {
        tap->news = errno != EAGAIN && errno != EBADFD; /* EBADFD: the device is gone */
        tap->netif.link_up = tap->netif.link_up && errno != EBADFD;
        return false;
    }
    fa_packet *packet = NULL;
    /* (What is longer than the pages that there were was cut, and is dropped by who reads it.) */
    if ((size_t)got > sizeof header + ETHERNET_HEADER_BYTES)
        packet = packet_of_spare(tap, (size_t)got - sizeof header, &header);
    if (packet == NULL) {
        tap->netif.dropped_packets++;
        return true;
    }
    tap->netif.received_packets++;
    tap->netif.received_bytes += packet->len;
    fa_packet_queue_add(queue_out, packet);
    return true;
}

static void receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max)
{
    fa_tap *tap = tap_of(netif);
    for (unsigned i = 0; i < max && tap->news; i++)
        if (!receive_one(tap, queue_out))
            return;
}

static struct virtio_net_hdr header_for(const fa_packet *packet)
{
    struct virtio_net_hdr header = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
    if (packet->checksum == FA_PACKET_PARTIAL) {
        header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header.csum_start = packet->checksum_start;
        header.csum_offset = packet->checksum_offset;
    }
    if (packet->segment_payload_bytes > 0) {
        header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
        header.gso_size = packet->segment_payload_bytes;
        header.hdr_len = packet->header_bytes;
    }
    return header;
}

/* False: the host's queue is full. */
static bool transmit_one(fa_tap *tap, const fa_packet *packet)
{
    struct virtio_net_hdr header = header_for(packet);
    struct iovec pieces[1 + FA_PACKET_SEGMENTS_MAX] = {{&header, sizeof header}};
    for (size_t i = 0; i < packet->segment_count; i++) {
        const fa_packet_segment *segment = &packet->segments[i];
        pieces[1 + i] = (struct iovec){segment->page->bytes + segment->offset, segment->len};
    }
    if (writev(tap->descriptor, pieces, 1 + packet->segment_count) >= 0) {
        tap->netif.sent_packets++;
        tap->netif.sent_bytes += packet->len;
        return true;
    }
    if (errno == EAGAIN)
        return false;
    tap->netif.dropped_packets++;
    return true;
}

static void transmit(fa_netif *netif, fa_packet_queue *queue)
{
    fa_tap *tap = tap_of(netif);
    while (queue->first != NULL) {
        if (!transmit_one(tap, queue->first))
            return; /* the board tells when there is room again */
        fa_packet_free(fa_packet_queue_take(queue));
    }
}

static bool arm(fa_netif *netif)
{
    fa_tap *tap = tap_of(netif);
    tap->armed = !tap->news;
    return tap->news;
}

void fa_tap_news(fa_tap *tap)
{
    tap->news = true;
    if (tap->armed && tap->netif.wake != NULL) {
        tap->armed = false;
        tap->netif.wake(tap->netif.wake_arg);
    }
}

static void close_tap(fa_netif *netif)
{
    fa_tap *tap = tap_of(netif);
    close(tap->descriptor);
    for (size_t i = 0; i < tap->spare_count; i++)
        fa_packet_page_release(tap->spare[i]);
}

static fa_err err_of(int error)
{
    switch (error) {
    case EPERM:
    case EACCES: return FA_EPERM;
    case EBUSY: return FA_EBUSY;
    case ENOMEM: return FA_ENOMEM;
    case ENOENT:
    case EINVAL: return FA_ENOENT;
    default: return FA_EIO;
    }
}

static fa_err attach(const char *interface, int *descriptor_out)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    if (strlen(interface) >= sizeof request.ifr_name)
        return FA_ENOENT;
    strcpy(request.ifr_name, interface);
    const int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return err_of(errno);
    const int header_bytes = sizeof(struct virtio_net_hdr);
    if (ioctl(descriptor, TUNSETIFF, &request) == 0 &&
        ioctl(descriptor, TUNSETVNETHDRSZ, &header_bytes) == 0 &&
        ioctl(descriptor, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) == 0) {
        *descriptor_out = descriptor;
        return FA_OK;
    }
    const fa_err err = err_of(errno);
    close(descriptor);
    return err;
}

fa_err fa_tap_open(const char *interface, fa_packet_pool *pool, fa_tap *tap_out)
{
    static const fa_netif_ops ops = {transmit, receive, arm, close_tap};
    *tap_out = (fa_tap){.netif = {.ops = &ops,
                                  .name = "tap",
                                  .mtu = MTU,
                                  .features = FA_NETIF_CHECKSUM | FA_NETIF_TSO4,
                                  .link_up = true},
                        .pool = pool,
                        .news = true};
    fa_err err = fa_random_bytes(tap_out->netif.mac, sizeof tap_out->netif.mac);
    if (err == FA_OK)
        err = attach(interface, &tap_out->descriptor);
    /* An address of nobody's: locally administered, of one station (IEEE 802, 8.2). */
    tap_out->netif.mac[0] = (uint8_t)((tap_out->netif.mac[0] & 0xfc) | 0x02);
    return err;
}
