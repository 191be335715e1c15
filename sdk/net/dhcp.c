/* SPDX-License-Identifier: ISC */
/* The DHCP client: see dhcp.h. The states are those of RFC 2131, figure 5, with one for the probe of
 * the address that was given. */
#include "host.h"
#include <fata/panic.h>
#include <string.h>

static void begin(fa_host *host);

static uint64_t seconds_to_ns(uint32_t seconds)
{
    return seconds * FA_NS_PER_S;
}

/* At random from 0 to span_ns. */
static uint64_t random_ns(fa_host *host, uint64_t span_ns)
{
    return span_ns / 4096 * (fa_host_random(host) % 4097);
}

static void wait_until(fa_host *host, fa_deadline deadline)
{
    fa_wheel_arm(&host->wheel, &host->dhcp.timer, deadline);
}

/* When to ask again after so many tries: see FA_DHCP_RETRY_NS. */
static void wait_for_answer(fa_host *host)
{
    uint64_t wait_ns = FA_DHCP_RETRY_NS;
    for (unsigned i = 1; i < host->dhcp.tries && wait_ns < FA_DHCP_RETRY_MAX_NS; i++)
        wait_ns *= 2;
    const uint64_t quarter_ns = wait_ns / 4;
    const uint64_t jitter_ns = quarter_ns < FA_NS_PER_S ? quarter_ns : FA_NS_PER_S;
    wait_until(host, host->now_ns + wait_ns - jitter_ns + random_ns(host, 2 * jitter_ns));
}

/* Sending. */

static void write_option(fa_writer *w, uint8_t option, const void *bytes, size_t len)
{
    fa_write_u8(w, option);
    fa_write_u8(w, (uint8_t)len);
    fa_write_bytes(w, bytes, len);
}

static void write_header(fa_host *host, fa_writer *w, fa_ip4 ciaddr, bool broadcast)
{
    const fa_dhcp *dhcp = &host->dhcp;
    const uint64_t secs = (host->now_ns - dhcp->begun_ns) / FA_NS_PER_S;
    fa_dhcp_header header = {
        .op = FA_DHCP_BOOTREQUEST,
        .htype = FA_ARP_ETHERNET,
        .hlen = sizeof host->options.mac,
        .xid = fa_be32_of(dhcp->xid),
        .secs = fa_be16_of((uint16_t)(secs < UINT16_MAX ? secs : UINT16_MAX)),
        .flags = fa_be16_of(broadcast ? FA_DHCP_BROADCAST : 0),
        .ciaddr = ciaddr,
        .cookie = fa_be32_of(FA_DHCP_COOKIE),
    };
    memcpy(header.chaddr, host->options.mac, sizeof host->options.mac);
    fa_write_bytes(w, &header, sizeof header);
}

static size_t write_message(fa_host *host, fa_dhcp_type type, uint8_t *bytes, size_t cap)
{
    static const uint8_t wanted[] = {FA_DHCP_NETMASK, FA_DHCP_ROUTER, FA_DHCP_DNS, FA_DHCP_LEASE,
                                     FA_DHCP_SERVER,  FA_DHCP_T1,     FA_DHCP_T2,  FA_DHCP_NTP};
    const fa_dhcp *dhcp = &host->dhcp;
    const bool has_address = dhcp->state == FA_DHCP_RENEWING || dhcp->state == FA_DHCP_REBINDING;
    fa_writer w = fa_writer_of(bytes, cap);
    write_header(host, &w, has_address ? host->address : (fa_ip4){{0}}, !has_address);
    const uint8_t type_byte = (uint8_t)type;
    write_option(&w, FA_DHCP_TYPE, &type_byte, 1);
    uint8_t client_id[1 + sizeof(fa_mac)] = {FA_ARP_ETHERNET};
    memcpy(client_id + 1, host->options.mac, sizeof(fa_mac));
    write_option(&w, FA_DHCP_CLIENT_ID, client_id, sizeof client_id);
    if (!has_address && type != FA_DHCP_DISCOVER) { /* RFC 2131, table 5 */
        write_option(&w, FA_DHCP_REQUESTED, &dhcp->lease.address, sizeof(fa_ip4));
        write_option(&w, FA_DHCP_SERVER, &dhcp->lease.server, sizeof(fa_ip4));
    }
    if (type != FA_DHCP_DECLINE) {
        const fa_be16 size_max = fa_be16_of(FA_DHCP_BYTES_MAX);
        write_option(&w, FA_DHCP_SIZE_MAX, &size_max, sizeof size_max);
        write_option(&w, FA_DHCP_PARAMETERS, wanted, sizeof wanted);
        const char *name = host->options.name;
        const size_t name_bytes = name != NULL ? strlen(name) : 0;
        if (name_bytes > 0 && name_bytes <= FA_DHCP_NAME_BYTES_MAX)
            write_option(&w, FA_DHCP_HOST_NAME, name, name_bytes);
    }
    fa_write_u8(&w, FA_DHCP_END);
    while (w.len < FA_DHCP_BYTES_MIN && !w.failed)
        fa_write_u8(&w, FA_DHCP_PAD);
    return w.len;
}

static void send(fa_host *host, fa_dhcp_type type)
{
    fa_dhcp *dhcp = &host->dhcp;
    uint8_t bytes[FA_DHCP_BYTES_MIN + 2 * FA_DHCP_NAME_BYTES_MAX];
    const size_t len = write_message(host, type, bytes, sizeof bytes);
    fa_endpoint to = {fa_ip4_of(UINT32_MAX), FA_DHCP_SERVER_PORT};
    if (dhcp->state == FA_DHCP_RENEWING)
        to.address = dhcp->lease.server;
    fa_err err;
    if (dhcp->state == FA_DHCP_RENEWING || dhcp->state == FA_DHCP_REBINDING)
        err = fa_udp_send_bytes(host, &dhcp->socket, to, bytes, len);
    else
        err = fa_udp_broadcast_unconfigured(host, &dhcp->socket, FA_DHCP_SERVER_PORT, bytes, len);
    (void)err; /* it is asked again */
}

static void new_transaction(fa_host *host)
{
    host->dhcp.xid = fa_host_random(host);
    host->dhcp.tries = 0;
    host->dhcp.begun_ns = host->now_ns;
}

/* The states. */

static void discover(fa_host *host)
{
    if (host->dhcp.tries < UINT8_MAX)
        host->dhcp.tries++;
    send(host, FA_DHCP_DISCOVER);
    wait_for_answer(host);
}

static void request(fa_host *host)
{
    if (host->dhcp.tries >= FA_DHCP_REQUEST_TRIES) {
        begin(host);
        return;
    }
    if (host->dhcp.tries++ == 0)
        host->dhcp.asked_ns = host->now_ns;
    send(host, FA_DHCP_REQUEST);
    wait_for_answer(host);
}

static void begin(fa_host *host)
{
    host->dhcp.state = FA_DHCP_SELECTING;
    new_transaction(host);
    discover(host);
    fa_linklocal_start(host);
}

/* Begins anew, after a while. */
static void begin_later(fa_host *host, uint64_t wait_ns)
{
    fa_arp_probe_stop(host, &host->dhcp.probe);
    host->dhcp.state = FA_DHCP_WAITING;
    wait_until(host, host->now_ns + wait_ns);
}

static void drop_address(fa_host *host)
{
    fa_host_set_address(host, (fa_ip4){{0}}, (fa_ip4){{0}}, (fa_ip4){{0}}, (fa_ip4){{0}}, NULL);
}

bool fa_dhcp_is_bound(const fa_host *host)
{
    return host->dhcp.state >= FA_DHCP_BOUND;
}

/* Renewing asks the server, rebinding asks all; each time half of what is left of its time later
 * (RFC 2131, 4.4.5), until that is over. */
static void renew(fa_host *host)
{
    fa_dhcp *dhcp = &host->dhcp;
    if (host->now_ns >= dhcp->expiry) {
        drop_address(host);
        begin(host);
        return;
    }
    const fa_dhcp_state state =
        host->now_ns >= dhcp->t2 ? FA_DHCP_REBINDING : FA_DHCP_RENEWING;
    if (dhcp->state != state) {
        dhcp->state = state;
        new_transaction(host);
    }
    dhcp->asked_ns = host->now_ns;
    send(host, FA_DHCP_REQUEST);
    const fa_deadline end = state == FA_DHCP_RENEWING ? dhcp->t2 : dhcp->expiry;
    const uint64_t half_ns = (end - host->now_ns) / 2;
    const fa_deadline next =
        host->now_ns + (half_ns > FA_DHCP_RENEW_MIN_NS ? half_ns : FA_DHCP_RENEW_MIN_NS);
    wait_until(host, next < end ? next : end);
}

static void on_timer(fa_wheel_timer *timer, void *owner)
{
    (void)timer;
    fa_host *host = owner;
    switch (host->dhcp.state) {
    case FA_DHCP_WAITING:
        begin(host);
        break;
    case FA_DHCP_SELECTING:
        discover(host);
        break;
    case FA_DHCP_REQUESTING:
        request(host);
        break;
    case FA_DHCP_BOUND:
    case FA_DHCP_RENEWING:
    case FA_DHCP_REBINDING:
        renew(host);
        break;
    case FA_DHCP_OFF:
    case FA_DHCP_PROBING:
        break;
    }
}

/* The lease counts from the request (RFC 2131, 4.4.1). */
static void bind_lease(fa_host *host)
{
    fa_dhcp *dhcp = &host->dhcp;
    const fa_dhcp_reply *lease = &dhcp->lease;
    dhcp->state = FA_DHCP_BOUND;
    dhcp->t1 = dhcp->t2 = dhcp->expiry = FA_FOREVER;
    if (lease->lease_s != FA_DHCP_LEASE_FOREVER) {
        dhcp->t1 = dhcp->asked_ns + seconds_to_ns(lease->t1_s);
        dhcp->t2 = dhcp->asked_ns + seconds_to_ns(lease->t2_s);
        dhcp->expiry = dhcp->asked_ns + seconds_to_ns(lease->lease_s);
    }
    wait_until(host, dhcp->t1);
    fa_linklocal_stop(host);
    fa_host_set_address(host, lease->address, lease->netmask, lease->router, lease->dns[0], "dhcp");
    fa_dns_set_servers(host, lease->dns, lease->dns_count);
}

static void decline(fa_host *host)
{
    host->dhcp.state = FA_DHCP_REQUESTING; /* no address of ours is in the message */
    new_transaction(host);
    send(host, FA_DHCP_DECLINE);
    begin_later(host, FA_DHCP_DECLINE_NS);
}

static void probed(fa_host *host, fa_arp_probe *probe, bool conflict)
{
    (void)probe;
    if (conflict)
        decline(host);
    else
        bind_lease(host);
}

static void take_lease(fa_host *host, const fa_dhcp_reply *reply)
{
    fa_dhcp *dhcp = &host->dhcp;
    const fa_ip4 server = dhcp->lease.server;
    const bool known = fa_dhcp_is_bound(host) && fa_ip4_is(reply->address, host->address);
    dhcp->lease = *reply;
    if (fa_ip4_number(reply->server) == 0)
        dhcp->lease.server = server;
    if (known) {
        bind_lease(host);
        return;
    }
    if (fa_dhcp_is_bound(host))
        drop_address(host);
    dhcp->state = FA_DHCP_PROBING;
    fa_wheel_disarm(&host->wheel, &dhcp->timer);
    fa_arp_probe_start(host, &dhcp->probe, reply->address, 0);
}

static void handle(fa_host *host, const fa_dhcp_reply *reply)
{
    fa_dhcp *dhcp = &host->dhcp;
    const fa_dhcp_state state = dhcp->state;
    if (state == FA_DHCP_SELECTING) {
        if (reply->type != FA_DHCP_OFFER || fa_ip4_number(reply->server) == 0)
            return;
        dhcp->lease = *reply;
        dhcp->state = FA_DHCP_REQUESTING;
        dhcp->tries = 0;
        request(host);
        return;
    }
    if (state != FA_DHCP_REQUESTING && state != FA_DHCP_RENEWING && state != FA_DHCP_REBINDING)
        return;
    /* From the server that was asked, unless all were. */
    if (state != FA_DHCP_REBINDING && fa_ip4_number(reply->server) != 0 &&
        !fa_ip4_is(reply->server, dhcp->lease.server))
        return;
    if (reply->type == FA_DHCP_ACK) {
        take_lease(host, reply);
    } else if (reply->type == FA_DHCP_NAK) {
        if (fa_dhcp_is_bound(host))
            drop_address(host);
        begin_later(host, FA_DHCP_RETRY_NS);
    }
}

static void receive(fa_host *host, fa_udp_socket *socket, fa_packet *packet, fa_endpoint from)
{
    (void)socket;
    uint8_t bytes[FA_DHCP_BYTES_MAX];
    fa_dhcp_reply reply;
    fa_mac mac;
    memcpy(mac.byte, host->options.mac, sizeof mac.byte);
    const size_t len = packet->len;
    const bool whole = len <= sizeof bytes && fa_packet_copy(packet, 0, bytes, len);
    if (whole && from.port == FA_DHCP_SERVER_PORT &&
        fa_dhcp_parse(bytes, len, host->dhcp.xid, mac, &reply) == FA_OK)
        handle(host, &reply);
    fa_packet_free(packet);
}

void fa_dhcp_start(fa_host *host)
{
    fa_dhcp *dhcp = &host->dhcp;
    dhcp->timer.fire = on_timer;
    dhcp->socket.take = receive;
    dhcp->probe.count = FA_DHCP_PROBES;
    dhcp->probe.interval_ns = FA_DHCP_PROBE_NS;
    dhcp->probe.done = probed;
    const fa_err err = fa_udp_bind(host, &dhcp->socket, FA_DHCP_CLIENT_PORT);
    fa_assert(err == FA_OK); /* nobody was there before */
    dhcp->state = FA_DHCP_WAITING;
    if (host->link_up)
        begin(host);
}

void fa_dhcp_stop(fa_host *host)
{
    if (host->dhcp.state == FA_DHCP_OFF)
        return;
    host->dhcp.state = FA_DHCP_OFF;
    fa_linklocal_stop(host);
    fa_arp_probe_stop(host, &host->dhcp.probe);
    fa_wheel_disarm(&host->wheel, &host->dhcp.timer);
    fa_udp_unbind(host, &host->dhcp.socket);
}

void fa_dhcp_set_link(fa_host *host, bool up)
{
    fa_dhcp *dhcp = &host->dhcp;
    if (dhcp->state == FA_DHCP_OFF)
        return;
    if (up && fa_dhcp_is_bound(host)) {
        /* The same network as before? All servers are asked; one that knows better says no. */
        const fa_deadline t2 = dhcp->t2;
        dhcp->t2 = FA_NOW;
        renew(host);
        dhcp->t2 = t2;
    } else if (up) {
        begin(host);
    } else if (!fa_dhcp_is_bound(host)) {
        fa_linklocal_stop(host);
        fa_arp_probe_stop(host, &dhcp->probe);
        fa_wheel_disarm(&host->wheel, &dhcp->timer);
        dhcp->state = FA_DHCP_WAITING;
    }
}

void fa_dhcp_conflict(fa_host *host)
{
    if (host->dhcp.state == FA_DHCP_OFF || fa_dhcp_is_bound(host))
        return;
    drop_address(host);
    fa_linklocal_conflict(host);
}
