/* SPDX-License-Identifier: ISC */
/* Requests and answers of a network device, in the words of Xen's public header io/netif.h. */
#ifndef FATA_DRIVERS_XEN_NETIF_ABI_H
#define FATA_DRIVERS_XEN_NETIF_ABI_H

#include <fata/base.h>

#define NETIF_SLOTS_MAX 18u      /* of a packet, that every back end takes: XEN_NETIF_NR_SLOTS_MIN */
#define NETIF_SEND_BYTES_MAX 65535u

typedef struct netif_send_request {
    uint32_t ref;
    uint16_t offset;
    uint16_t flags;
    uint16_t id;
    uint16_t size; /* of the whole packet in its first request, of this part in the others */
} netif_send_request;
_Static_assert(sizeof(netif_send_request) == 12, "struct netif_tx_request");
#define NETIF_SEND_CSUM_BLANK 1u
#define NETIF_SEND_DATA_VALIDATED 2u
#define NETIF_SEND_MORE_DATA 4u
#define NETIF_SEND_EXTRA_INFO 8u

typedef struct netif_send_answer {
    uint16_t id;
    int16_t status;
} netif_send_answer;
#define NETIF_STATUS_NULL 1 /* of the place of extra information */

typedef struct netif_receive_request {
    uint16_t id;
    uint16_t pad;
    uint32_t ref;
} netif_receive_request;
_Static_assert(sizeof(netif_receive_request) == 8, "struct netif_rx_request");

typedef struct netif_receive_answer {
    uint16_t id;
    uint16_t offset;
    uint16_t flags;
    int16_t status; /* how many bytes, or an error below 0 */
} netif_receive_answer;
_Static_assert(sizeof(netif_receive_answer) == 8, "struct netif_rx_response");
#define NETIF_RECEIVE_DATA_VALIDATED 1u
#define NETIF_RECEIVE_CSUM_BLANK 2u
#define NETIF_RECEIVE_MORE_DATA 4u
#define NETIF_RECEIVE_EXTRA_INFO 8u

/* In the place of a request, or of an answer, behind the first one of a packet. */
typedef struct netif_extra {
    uint8_t type;
    uint8_t flags;
    uint16_t gso_size;
    uint8_t gso_type;
    uint8_t pad;
    uint16_t gso_features;
} netif_extra;
_Static_assert(sizeof(netif_extra) == 8, "struct netif_extra_info");
#define NETIF_EXTRA_GSO 1u
#define NETIF_EXTRA_TYPES 4u
#define NETIF_EXTRA_FLAG_MORE 1u
#define NETIF_GSO_TCPV4 1u

#endif
