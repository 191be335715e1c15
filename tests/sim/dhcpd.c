/* SPDX-License-Identifier: ISC */
/* The simulator's DHCP server: see dhcpd.h. */
#include "dhcpd.h"
#include <fata/panic.h>

typedef struct request {
    fa_dhcp_header header;
    fa_dhcp_type type;
    fa_ip4 server;
} request;

static void option(fa_writer *w, uint8_t number, const void *bytes, size_t len)
{
    fa_write_u8(w, number);
    fa_write_u8(w, (uint8_t)len);
    fa_write_bytes(w, bytes, len);
}

static void seconds(fa_writer *w, uint8_t number, uint32_t value)
{
    const fa_be32 wire = fa_be32_of(value);
    if (value != 0)
        option(w, number, &wire, sizeof wire);
}

static void answer(sim_host *host, sim_dhcpd *dhcpd, const request *r, fa_dhcp_type type)
{
    uint8_t bytes[FA_DHCP_BYTES_MAX];
    fa_writer w = fa_writer_of(bytes, sizeof bytes);
    fa_dhcp_header header = r->header;
    header.op = FA_DHCP_BOOTREPLY;
    header.yiaddr = type == FA_DHCP_NAK ? (fa_ip4){{0}} : dhcpd->offer;
    if (dhcpd->overloads) {
        fa_writer file = fa_writer_of(header.file, sizeof header.file);
        option(&file, FA_DHCP_DNS, dhcpd->dns, sizeof dhcpd->dns);
        fa_write_u8(&file, FA_DHCP_END);
    }
    fa_write_bytes(&w, &header, sizeof header);
    const uint8_t type_byte = (uint8_t)type, overload = 1;
    option(&w, FA_DHCP_TYPE, &type_byte, 1);
    option(&w, FA_DHCP_SERVER, &host->host.address, sizeof(fa_ip4));
    if (type != FA_DHCP_NAK) {
        option(&w, FA_DHCP_NETMASK, &host->host.netmask, sizeof(fa_ip4));
        option(&w, FA_DHCP_ROUTER, &host->host.address, sizeof(fa_ip4));
        if (dhcpd->overloads)
            option(&w, FA_DHCP_OVERLOAD, &overload, 1);
        else
            option(&w, FA_DHCP_DNS, dhcpd->dns, sizeof dhcpd->dns);
        option(&w, FA_DHCP_NTP, dhcpd->ntp, sizeof dhcpd->ntp);
        seconds(&w, FA_DHCP_LEASE, dhcpd->lease_s);
        seconds(&w, FA_DHCP_T1, dhcpd->t1_s);
        seconds(&w, FA_DHCP_T2, dhcpd->t2_s);
    }
    fa_write_u8(&w, FA_DHCP_END);
    const bool to_ciaddr = fa_ip4_number(r->header.ciaddr) != 0 && type != FA_DHCP_NAK;
    const fa_ip4 to = to_ciaddr ? r->header.ciaddr : fa_ip4_of(UINT32_MAX);
    const fa_err err = fa_udp_send_bytes(&host->host, &dhcpd->socket,
                                         (fa_endpoint){to, FA_DHCP_CLIENT_PORT}, bytes, w.len);
    fa_assert(err == FA_OK);
}

static void read_request(sim_dhcpd *dhcpd, const uint8_t *bytes, size_t len, request *r)
{
    *r = (request){0};
    fa_assert(len >= FA_DHCP_BYTES_MIN);
    memcpy(&r->header, bytes, sizeof r->header);
    fa_reader reader = fa_reader_of(bytes + sizeof r->header, len - sizeof r->header);
    for (uint8_t number; (number = fa_read_u8(&reader)) != FA_DHCP_END;) {
        const size_t size = fa_read_u8(&reader);
        const uint8_t *value = fa_read_bytes(&reader, size);
        fa_assert(!reader.failed);
        if (number == FA_DHCP_TYPE)
            r->type = (fa_dhcp_type)value[0];
        else if (number == FA_DHCP_SERVER)
            memcpy(&r->server, value, sizeof r->server);
        else if (number == FA_DHCP_HOST_NAME)
            memcpy(dhcpd->name, value, size < sizeof dhcpd->name ? size : 0);
    }
}

static void handle(sim_host *host, sim_dhcpd *dhcpd, const request *r)
{
    fa_assert(r->type >= FA_DHCP_DISCOVER && r->type <= FA_DHCP_RELEASE);
    const bool has_address = fa_ip4_number(r->header.ciaddr) != 0;
    const bool broadcast = (fa_be16_get(r->header.flags) & FA_DHCP_BROADCAST) != 0;
    fa_assert(broadcast == !has_address);
    dhcpd->received[r->type]++;
    dhcpd->renewals += has_address;
    if (dhcpd->silent)
        return;
    if (r->type == FA_DHCP_DISCOVER && !dhcpd->offers_nothing)
        answer(host, dhcpd, r, FA_DHCP_OFFER);
    else if (r->type == FA_DHCP_REQUEST && !dhcpd->only_offers)
        answer(host, dhcpd, r, dhcpd->refuses ? FA_DHCP_NAK : FA_DHCP_ACK);
}

static void take(fa_host *engine, fa_udp_socket *socket, fa_packet *packet, fa_endpoint from)
{
    (void)engine;
    (void)from;
    sim_host *host = socket->user;
    sim_dhcpd *dhcpd = host->user;
    uint8_t bytes[FA_DHCP_BYTES_MAX];
    request r;
    const size_t len = packet->len;
    const bool whole = len <= sizeof bytes && fa_packet_copy(packet, 0, bytes, len);
    fa_assert(whole);
    fa_packet_free(packet);
    read_request(dhcpd, bytes, len, &r);
    handle(host, dhcpd, &r);
}

void sim_dhcpd_start(sim_dhcpd *dhcpd, sim_host *host, const char *offer)
{
    *dhcpd = (sim_dhcpd){.offer = sim_ip4(offer), .lease_s = 3600};
    dhcpd->socket.take = take;
    dhcpd->socket.user = host;
    host->user = dhcpd;
    const fa_err err = fa_udp_bind(&host->host, &dhcpd->socket, FA_DHCP_SERVER_PORT);
    fa_assert(err == FA_OK);
}
