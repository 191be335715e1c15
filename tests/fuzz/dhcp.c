/* SPDX-License-Identifier: ISC */
/* Fuzzes the reading of DHCP's replies: what is taken has an address, and times in their order. The
 * reply is for us whatever its number and hardware address are. */
#include "../../sdk/net/dhcp.h"
#include "require.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fa_dhcp_header header = {0};
    fa_dhcp_reply reply;
    fa_mac mac;
    memcpy(&header, bytes, len < sizeof header ? len : sizeof header);
    memcpy(mac.byte, header.chaddr, sizeof mac.byte);
    const uint32_t xid = fa_be32_get(header.xid);
    uint8_t *copy = malloc(len > 0 ? len : 1); /* every byte past the end is noticed */
    require(copy != NULL);
    memcpy(copy, bytes, len);
    const fa_err err = fa_dhcp_parse(copy, len, xid, mac, &reply);
    require(err == FA_OK || err == FA_EFORMAT || err == FA_ETRUNCATED);
    if (err == FA_OK) {
        require(reply.type == FA_DHCP_OFFER || reply.type == FA_DHCP_ACK ||
                reply.type == FA_DHCP_NAK);
        require(reply.dns_count <= FA_DNS_SERVERS_MAX);
        if (reply.type != FA_DHCP_NAK)
            require(fa_ip4_number(reply.address) != 0 && fa_ip4_number(reply.netmask) != 0);
        if (reply.type == FA_DHCP_ACK)
            require(reply.lease_s >= FA_DHCP_LEASE_MIN_S && reply.t1_s < reply.t2_s &&
                    reply.t2_s < reply.lease_s);
        require(fa_dhcp_parse(copy, len, xid + 1, mac, &reply) == FA_ENOENT);
    }
    free(copy);
    return 0;
}
