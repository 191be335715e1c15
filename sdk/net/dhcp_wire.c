/* SPDX-License-Identifier: ISC */
/* Reading DHCP's replies (RFC 2131, 2132): nothing but bytes in, a record out. */
#include "dhcp.h"
#include <string.h>

#define OVERLOAD_FILE 1u /* option 52: what holds options, too */
#define OVERLOAD_SNAME 2u

static bool is_netmask(fa_ip4 mask)
{
    const uint32_t hosts = ~fa_ip4_number(mask);
    return (hosts & (hosts + 1)) == 0;
}

static bool is_host_address(fa_ip4 address)
{
    return address.byte[0] != 0 && address.byte[0] != 127 && address.byte[0] < 224;
}

static bool read_address(const uint8_t *bytes, size_t len, fa_ip4 *address_out)
{
    if (len != sizeof *address_out)
        return false;
    memcpy(address_out, bytes, sizeof *address_out);
    return true;
}

static bool read_seconds(const uint8_t *bytes, size_t len, uint32_t *seconds_out)
{
    fa_be32 seconds;
    if (len != sizeof seconds)
        return false;
    memcpy(&seconds, bytes, sizeof seconds);
    *seconds_out = fa_be32_get(seconds);
    return true;
}

/* As many as there is room for. */
static bool read_servers(const uint8_t *bytes, size_t len, fa_ip4 *servers_out, unsigned max,
                         unsigned *count_out)
{
    if (len == 0 || len % sizeof(fa_ip4) != 0)
        return false;
    const size_t count = len / sizeof(fa_ip4);
    *count_out = (unsigned)(count < max ? count : max);
    memcpy(servers_out, bytes, *count_out * sizeof(fa_ip4));
    return true;
}

/* One option; false: it is malformed. */
static bool read_option(uint8_t option, const uint8_t *bytes, size_t len, fa_dhcp_reply *reply,
                        unsigned *overload)
{
    unsigned ignored;
    switch (option) {
    case FA_DHCP_TYPE:
        if (len != 1)
            return false;
        reply->type = (fa_dhcp_type)bytes[0];
        return true;
    case FA_DHCP_OVERLOAD:
        if (len != 1)
            return false;
        *overload = bytes[0];
        return true;
    case FA_DHCP_NETMASK:
        return read_address(bytes, len, &reply->netmask);
    case FA_DHCP_SERVER:
        return read_address(bytes, len, &reply->server);
    case FA_DHCP_ROUTER: /* the first one is preferred */
        return len % sizeof(fa_ip4) == 0 && len > 0 &&
               read_address(bytes, sizeof(fa_ip4), &reply->router);
    case FA_DHCP_DNS:
        return read_servers(bytes, len, reply->dns, FA_DNS_SERVERS_MAX, &reply->dns_count);
    case FA_DHCP_NTP:
        return read_servers(bytes, len, reply->ntp, FA_NET_NTP_MAX, &ignored);
    case FA_DHCP_LEASE:
        return read_seconds(bytes, len, &reply->lease_s);
    case FA_DHCP_T1:
        return read_seconds(bytes, len, &reply->t1_s);
    case FA_DHCP_T2:
        return read_seconds(bytes, len, &reply->t2_s);
    default:
        return true;
    }
}

static fa_err read_options(const uint8_t *bytes, size_t len, fa_dhcp_reply *reply,
                           unsigned *overload)
{
    fa_reader reader = fa_reader_of(bytes, len);
    while (reader.left_bytes > 0) {
        const uint8_t option = fa_read_u8(&reader);
        if (option == FA_DHCP_END)
            break;
        if (option == FA_DHCP_PAD)
            continue;
        const size_t option_bytes = fa_read_u8(&reader);
        const uint8_t *value = fa_read_bytes(&reader, option_bytes);
        if (reader.failed)
            return FA_ETRUNCATED;
        if (!read_option(option, value, option_bytes, reply, overload))
            return FA_EFORMAT;
    }
    return FA_OK;
}

/* What a reply must have to be of use; what it may leave out gets its default. */
static fa_err complete(fa_dhcp_reply *reply)
{
    if (reply->type == FA_DHCP_NAK)
        return FA_OK;
    if ((reply->type != FA_DHCP_OFFER && reply->type != FA_DHCP_ACK) ||
        !is_host_address(reply->address))
        return FA_EFORMAT;
    if (reply->type == FA_DHCP_ACK && reply->lease_s < FA_DHCP_LEASE_MIN_S)
        return FA_EFORMAT;
    if (fa_ip4_number(reply->netmask) == 0 || !is_netmask(reply->netmask))
        reply->netmask = fa_ip4_of(UINT32_C(0xffffff00));
    /* RFC 2131, 4.4.5: a half, and seven eighths. */
    const uint32_t lease_s = reply->lease_s;
    if (reply->t2_s == 0 || reply->t2_s >= lease_s)
        reply->t2_s = lease_s - lease_s / 8;
    if (reply->t1_s == 0 || reply->t1_s >= reply->t2_s)
        reply->t1_s = reply->t2_s < lease_s / 2 ? reply->t2_s / 2 : lease_s / 2;
    return FA_OK;
}

fa_err fa_dhcp_parse(const uint8_t *bytes, size_t len, uint32_t xid, fa_mac mac,
                     fa_dhcp_reply *reply_out)
{
    fa_dhcp_header header;
    if (len < sizeof header)
        return FA_ETRUNCATED;
    memcpy(&header, bytes, sizeof header);
    if (header.op != FA_DHCP_BOOTREPLY || header.htype != FA_ARP_ETHERNET ||
        header.hlen != sizeof mac || fa_be32_get(header.cookie) != FA_DHCP_COOKIE)
        return FA_EFORMAT;
    if (fa_be32_get(header.xid) != xid || memcmp(header.chaddr, mac.byte, sizeof mac.byte) != 0)
        return FA_ENOENT;
    fa_dhcp_reply reply = {.address = header.yiaddr};
    unsigned overload = 0, ignored = 0;
    fa_err err = read_options(bytes + sizeof header, len - sizeof header, &reply, &overload);
    if (err == FA_OK && (overload & OVERLOAD_FILE) != 0)
        err = read_options(header.file, sizeof header.file, &reply, &ignored);
    if (err == FA_OK && (overload & OVERLOAD_SNAME) != 0)
        err = read_options(header.sname, sizeof header.sname, &reply, &ignored);
    if (err == FA_OK)
        err = complete(&reply);
    if (err == FA_OK)
        *reply_out = reply;
    return err;
}
