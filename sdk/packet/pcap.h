/* SPDX-License-Identifier: ISC */
/* A network device over another one that records all packets, both ways, in the pcap format (as of
 * libpcap 1.5, with nanoseconds), through a function of the caller's: to a file, or a console. What
 * the device below completes (checksums, segments) is recorded as it is handed to it.
 *
 *     fa_pcap_init(&pcap, device, write_to_file, file, fa_clock_wall_ns);
 *     use(&pcap.netif);       // in the place of the device, which it closes with itself
 */
#ifndef FATA_PACKET_PCAP_H
#define FATA_PACKET_PCAP_H

#include "netif.h"

#define FA_PCAP_MAGIC_NS UINT32_C(0xa1b23c4d)
#define FA_PCAP_ETHERNET 1u

typedef struct fa_pcap {
    fa_netif netif;
    fa_netif *below;
    /* The next bytes of the file. */
    void (*write)(void *user, const void *bytes, size_t len);
    void *user;
    uint64_t (*now_ns)(void);
    uint32_t recorded; /* of a queue that transmit() has left packets in: its first ones */
} fa_pcap;

void fa_pcap_init(fa_pcap *pcap, fa_netif *below,
                  void (*write)(void *user, const void *bytes, size_t len), void *user,
                  uint64_t (*now_ns)(void));

#endif
