/* SPDX-License-Identifier: ISC */
/* The DHCP client (RFC 2131, 2132), and the link-local address (RFC 3927) that a host gives itself
 * when nobody answers, while DHCP goes on asking. Wire format, limits and timers stand here. */
#ifndef FATA_NET_DHCP_H
#define FATA_NET_DHCP_H

#include "arp.h"
#include "dns.h"
#include "udp.h"

#define FA_DHCP_CLIENT_PORT 68u
#define FA_DHCP_SERVER_PORT 67u

typedef struct fa_dhcp_header { /* RFC 2131, 2 */
    uint8_t op, htype, hlen, hops;
    fa_be32 xid;
    fa_be16 secs, flags;
    fa_ip4 ciaddr, yiaddr, siaddr, giaddr;
    uint8_t chaddr[16], sname[64], file[128];
    fa_be32 cookie;
} fa_dhcp_header;
_Static_assert(sizeof(fa_dhcp_header) == 240, "no padding");

#define FA_DHCP_BOOTREQUEST 1u
#define FA_DHCP_BOOTREPLY 2u
#define FA_DHCP_BROADCAST 0x8000u /* flags: we cannot receive unicast yet */
#define FA_DHCP_COOKIE UINT32_C(0x63825363)
#define FA_DHCP_BYTES_MIN 300u /* BOOTP relays want so much (RFC 1542, 2.1) */
#define FA_DHCP_BYTES_MAX 1472u

enum { /* options, RFC 2132 */
    FA_DHCP_PAD = 0,
    FA_DHCP_NETMASK = 1,
    FA_DHCP_ROUTER = 3,
    FA_DHCP_DNS = 6,
    FA_DHCP_HOST_NAME = 12,
    FA_DHCP_NTP = 42,
    FA_DHCP_REQUESTED = 50,
    FA_DHCP_LEASE = 51,
    FA_DHCP_OVERLOAD = 52,
    FA_DHCP_TYPE = 53,
    FA_DHCP_SERVER = 54,
    FA_DHCP_PARAMETERS = 55,
    FA_DHCP_SIZE_MAX = 57,
    FA_DHCP_T1 = 58,
    FA_DHCP_T2 = 59,
    FA_DHCP_CLIENT_ID = 61,
    FA_DHCP_END = 255,
};

typedef enum fa_dhcp_type {
    FA_DHCP_DISCOVER = 1,
    FA_DHCP_OFFER,
    FA_DHCP_REQUEST,
    FA_DHCP_DECLINE,
    FA_DHCP_ACK,
    FA_DHCP_NAK,
    FA_DHCP_RELEASE,
} fa_dhcp_type;

/* Retransmission (RFC 2131, 4.1): so long, doubled each time, give or take a second at random (a
 * quarter of it as long as it is short). */
#define FA_DHCP_RETRY_NS (1 * FA_NS_PER_S)
#define FA_DHCP_RETRY_MAX_NS (64 * FA_NS_PER_S)
#define FA_DHCP_REQUEST_TRIES 4u
#define FA_DHCP_RENEW_MIN_NS (60 * FA_NS_PER_S) /* 4.4.5: between requests while renewing */
#define FA_DHCP_DECLINE_NS (10 * FA_NS_PER_S)   /* 3.1 (5): before it begins anew */
#define FA_DHCP_LEASE_MIN_S 10u
#define FA_DHCP_LEASE_FOREVER UINT32_MAX
/* The probe of the address that was given: short, as conflicts are looked for later as well. */
#define FA_DHCP_PROBES 2u
#define FA_DHCP_PROBE_NS (50 * FA_NS_PER_MS)
#define FA_DHCP_NAME_BYTES_MAX 63u

/* Link-local addresses (RFC 3927, 9). */
#define FA_LINKLOCAL_AFTER_NS (6 * FA_NS_PER_S) /* of DHCP without an answer */
#define FA_LINKLOCAL_PROBES 3u
#define FA_LINKLOCAL_PROBE_NS (1 * FA_NS_PER_S)
#define FA_LINKLOCAL_CONFLICTS_MAX 10u
#define FA_LINKLOCAL_RATE_NS (60 * FA_NS_PER_S) /* between tries after so many conflicts */

/* What a reply says; what it does not say is 0. */
typedef struct fa_dhcp_reply {
    fa_dhcp_type type;
    fa_ip4 address, server, netmask, router;
    fa_ip4 dns[FA_DNS_SERVERS_MAX];
    unsigned dns_count;
    fa_ip4 ntp[FA_NET_NTP_MAX]; /* 0.0.0.0: no more */
    uint32_t lease_s, t1_s, t2_s;
} fa_dhcp_reply;

typedef enum fa_dhcp_state {
    FA_DHCP_OFF, /* a static address */
    FA_DHCP_WAITING, /* for the link, or to begin anew */
    FA_DHCP_SELECTING,
    FA_DHCP_REQUESTING,
    FA_DHCP_PROBING,
    FA_DHCP_BOUND,
    FA_DHCP_RENEWING,
    FA_DHCP_REBINDING,
} fa_dhcp_state;

typedef struct fa_dhcp {
    fa_dhcp_state state;
    fa_wheel_timer timer;
    fa_udp_socket socket;
    fa_arp_probe probe;
    uint32_t xid;
    uint8_t tries;
    uint64_t begun_ns, asked_ns; /* of `secs`; of the request that leases count from */
    fa_dhcp_reply lease;    /* the offer, then what was leased */
    fa_deadline t1, t2, expiry;
    /* The link-local address. */
    fa_wheel_timer local_timer;
    fa_arp_probe local_probe;
    uint8_t local_conflicts;
} fa_dhcp;

/* Begins to ask, as soon as the link is up. */
void fa_dhcp_start(fa_host *host);
void fa_dhcp_stop(fa_host *host);
/* Whether the host has an address by DHCP, and with it what the lease says. */
bool fa_dhcp_is_bound(const fa_host *host);
void fa_dhcp_set_link(fa_host *host, bool up);
/* Somebody else uses the host's address, and goes on: a link-local one is given up. */
void fa_dhcp_conflict(fa_host *host);
/* For dhcp.c: begins to look for a link-local address, unless there is an address or it looks already;
 * ends that; and has another one looked for, as this one is somebody else's. */
void fa_linklocal_start(fa_host *host);
void fa_linklocal_stop(fa_host *host);
void fa_linklocal_conflict(fa_host *host);
/* Reads a reply to `xid` and `mac`. FA_EFORMAT, FA_ETRUNCATED; FA_ENOENT: it is for somebody else. */
FA_MUST_CHECK fa_err fa_dhcp_parse(const uint8_t *bytes, size_t len, uint32_t xid, fa_mac mac,
                                   fa_dhcp_reply *reply_out);

#endif
