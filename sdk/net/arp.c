/* SPDX-License-Identifier: ISC */
/* ARP: see arp.h. Entries are found by hash, and lie in a list by their last use. */
#include "host.h"
#include <stdlib.h>
#include <string.h>

#define OF_TIMER(type, member, timer) ((type *)(void *)((char *)(timer)-offsetof(type, member)))

static fa_mac own_mac(const fa_host *host)
{
    fa_mac mac;
    memcpy(mac.byte, host->options.mac, sizeof mac.byte);
    return mac;
}

/* To `to`; target_mac is part of the message (all 0 in a request). */
static void send(fa_host *host, uint16_t operation, fa_mac to, fa_ip4 sender, fa_mac target_mac,
                 fa_ip4 target)
{
    const fa_arp_packet message = {
        .hardware = fa_be16_of(FA_ARP_ETHERNET),
        .protocol = fa_be16_of(FA_ETHERNET_IPV4),
        .hardware_bytes = sizeof(fa_mac),
        .protocol_bytes = sizeof(fa_ip4),
        .operation = fa_be16_of(operation),
        .sender_mac = own_mac(host),
        .sender = sender,
        .target_mac = target_mac,
        .target = target,
    };
    fa_packet *packet = fa_packet_alloc(host->options.pool);
    if (packet == NULL)
        return; /* it is asked again, by us or by the other */
    memcpy(fa_packet_append(packet, sizeof message), &message, sizeof message);
    fa_ethernet_send(host, packet, to, FA_ETHERNET_ARP);
}

/* The cache. */

static fa_arp_entry **bucket_of(fa_arp *arp, fa_ip4 address)
{
    return &arp->buckets[(fa_ip4_number(address) * UINT32_C(0x9e3779b1)) >> 16 & (FA_ARP_BUCKETS - 1)];
}

static fa_arp_entry *find(fa_arp *arp, fa_ip4 address)
{
    fa_arp_entry *entry = *bucket_of(arp, address);
    while (entry != NULL && !fa_ip4_is(entry->address, address))
        entry = entry->next;
    return entry;
}

static void unlink_use(fa_arp *arp, fa_arp_entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &arp->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &arp->oldest) = entry->newer;
}

static void link_use(fa_arp *arp, fa_arp_entry *entry)
{
    entry->newer = NULL;
    entry->older = arp->newest;
    *(arp->newest != NULL ? &arp->newest->newer : &arp->oldest) = entry;
    arp->newest = entry;
}

static void drop_pending(fa_host *host, fa_arp_entry *entry)
{
    host->dropped_packets += entry->pending.count;
    host->arp.pending_count -= entry->pending.count;
    fa_packet_queue_free(&entry->pending);
}

static void forget(fa_host *host, fa_arp_entry *entry)
{
    fa_arp_entry **link = bucket_of(&host->arp, entry->address);
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    unlink_use(&host->arp, entry);
    fa_wheel_disarm(&host->wheel, &entry->timer);
    drop_pending(host, entry);
    host->arp.entry_count--;
    free(entry);
}

static void ask(fa_host *host, fa_arp_entry *entry)
{
    /* Who is known is asked alone (RFC 1122, 2.3.2.1 (2)). */
    const fa_mac to = entry->known ? entry->mac : FA_MAC_BROADCAST;
    send(host, FA_ARP_REQUEST, to, host->address, (fa_mac){{0}}, entry->address);
    entry->tries++;
    fa_wheel_arm(&host->wheel, &entry->timer, host->now_ns + FA_ARP_RETRY_NS);
}

static void no_answer(fa_wheel_timer *timer, void *owner)
{
    fa_arp_entry *entry = OF_TIMER(fa_arp_entry, timer, timer);
    if (entry->tries >= FA_ARP_TRIES)
        forget(owner, entry);
    else
        ask(owner, entry);
}

static fa_arp_entry *add(fa_host *host, fa_ip4 address)
{
    fa_arp_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return NULL;
    entry->address = address;
    entry->timer.fire = no_answer;
    fa_arp_entry **bucket = bucket_of(&host->arp, address);
    entry->next = *bucket;
    *bucket = entry;
    link_use(&host->arp, entry);
    host->arp.entry_count++;
    return entry;
}

void fa_arp_send(fa_host *host, fa_packet *packet, fa_ip4 next_hop)
{
    fa_arp *arp = &host->arp;
    fa_arp_entry *entry = find(arp, next_hop);
    if (entry == NULL) {
        if (arp->entry_count >= FA_ARP_ENTRIES_MAX)
            forget(host, arp->oldest);
        entry = add(host, next_hop);
    } else if (arp->newest != entry) {
        unlink_use(arp, entry);
        link_use(arp, entry);
    }
    if (entry == NULL) {
        fa_host_drop(host, packet);
        return;
    }
    const bool asking = fa_wheel_armed(&entry->timer);
    if (!entry->known) {
        if (entry->pending.count >= FA_ARP_PENDING_MAX) {
            fa_host_drop(host, fa_packet_queue_take(&entry->pending));
            arp->pending_count--;
        }
        if (arp->pending_count >= FA_ARP_PENDING_ALL_MAX) {
            fa_host_drop(host, packet);
        } else {
            fa_packet_queue_add(&entry->pending, packet);
            arp->pending_count++;
        }
    } else {
        fa_ethernet_send(host, packet, entry->mac, FA_ETHERNET_IPV4);
    }
    if (!asking && (!entry->known || host->now_ns - entry->confirmed_ns >= FA_ARP_FRESH_NS))
        ask(host, entry);
}

/* RFC 826: who is known is brought up to date by anything it sends; who asks for us is remembered. */
static void learn(fa_host *host, fa_ip4 address, fa_mac mac, bool for_us)
{
    fa_arp *arp = &host->arp;
    fa_arp_entry *entry = find(arp, address);
    if (entry == NULL && for_us && arp->entry_count < FA_ARP_ENTRIES_MAX)
        entry = add(host, address);
    if (entry == NULL)
        return;
    entry->mac = mac;
    entry->known = true;
    entry->tries = 0;
    entry->confirmed_ns = host->now_ns;
    fa_wheel_disarm(&host->wheel, &entry->timer);
    arp->pending_count -= entry->pending.count;
    for (fa_packet *packet; (packet = fa_packet_queue_take(&entry->pending)) != NULL;)
        fa_ethernet_send(host, packet, mac, FA_ETHERNET_IPV4);
}

/* Our own address (RFC 5227). */

static void announce_once(fa_host *host)
{
    send(host, FA_ARP_REQUEST, FA_MAC_BROADCAST, host->address, (fa_mac){{0}}, host->address);
}

static void announce_again(fa_wheel_timer *timer, void *owner)
{
    fa_host *host = owner;
    if (fa_ip4_number(host->address) == 0 || host->arp.announcements_left == 0)
        return;
    announce_once(host);
    if (--host->arp.announcements_left > 0)
        fa_wheel_arm(&host->wheel, timer, host->now_ns + FA_ARP_ANNOUNCE_NS);
}

void fa_arp_announce(fa_host *host)
{
    host->arp.announcements_left = FA_ARP_ANNOUNCEMENTS;
    host->arp.defended_ns = 0;
    announce_again(&host->arp.announce_timer, host);
}

/* 2.4 (c): always defended, at that rate, never given up: or two forged messages would take it away. But
 * a link-local address is one choice of many (RFC 3927, 2.5): who goes on has it. */
static void defend(fa_host *host, fa_mac other)
{
    fa_arp *arp = &host->arp;
    if (arp->defended_ns == 0 || host->now_ns - arp->defended_ns >= FA_ARP_DEFEND_NS) {
        arp->defended_ns = host->now_ns;
        arp->defended_count++;
        arp->defended_from = other;
        announce_once(host);
    } else {
        fa_dhcp_conflict(host);
    }
}

static void end_probe(fa_host *host, fa_arp_probe *probe, bool conflict)
{
    fa_arp_probe_stop(host, probe);
    probe->done(host, probe, conflict);
}

static void probe_again(fa_wheel_timer *timer, void *owner)
{
    fa_host *host = owner;
    fa_arp_probe *probe = OF_TIMER(fa_arp_probe, timer, timer);
    if (probe->sent == probe->count) {
        end_probe(host, probe, false);
        return;
    }
    probe->sent++;
    send(host, FA_ARP_REQUEST, FA_MAC_BROADCAST, (fa_ip4){{0}}, (fa_mac){{0}}, probe->address);
    fa_wheel_arm(&host->wheel, timer, host->now_ns + probe->interval_ns);
}

void fa_arp_probe_start(fa_host *host, fa_arp_probe *probe, fa_ip4 address, uint64_t delay_ns)
{
    fa_arp_probe_stop(host, probe);
    probe->address = address;
    probe->sent = 0;
    probe->running = true;
    probe->timer.fire = probe_again;
    probe->next = host->arp.probes;
    host->arp.probes = probe;
    if (delay_ns == 0)
        probe_again(&probe->timer, host);
    else
        fa_wheel_arm(&host->wheel, &probe->timer, host->now_ns + delay_ns);
}

void fa_arp_probe_stop(fa_host *host, fa_arp_probe *probe)
{
    if (!probe->running)
        return;
    fa_arp_probe **link = &host->arp.probes;
    while (*link != probe)
        link = &(*link)->next;
    *link = probe->next;
    probe->running = false;
    fa_wheel_disarm(&host->wheel, &probe->timer);
}

/* 2.1.1: somebody has the address that we probe for, or probes for it too. */
static void look_for_conflicts(fa_host *host, const fa_arp_packet *message)
{
    if (fa_mac_is(message->sender_mac, own_mac(host)))
        return;
    const bool is_probe = fa_ip4_number(message->sender) == 0 &&
                          fa_be16_get(message->operation) == FA_ARP_REQUEST;
    const fa_ip4 claimed = is_probe ? message->target : message->sender;
    for (fa_arp_probe *probe = host->arp.probes, *next; probe != NULL; probe = next) {
        next = probe->next;
        if (fa_ip4_is(probe->address, claimed)) {
            end_probe(host, probe, true);
            break; /* the list may be another now */
        }
    }
    if (!is_probe && fa_ip4_number(host->address) != 0 && fa_ip4_is(message->sender, host->address))
        defend(host, message->sender_mac);
}

void fa_arp_input(fa_host *host, fa_packet *packet)
{
    fa_arp_packet message;
    const bool whole = fa_packet_copy(packet, 0, &message, sizeof message);
    fa_packet_free(packet);
    if (!whole || fa_be16_get(message.hardware) != FA_ARP_ETHERNET ||
        fa_be16_get(message.protocol) != FA_ETHERNET_IPV4 ||
        message.hardware_bytes != sizeof(fa_mac) || message.protocol_bytes != sizeof(fa_ip4) ||
        fa_mac_is_group(message.sender_mac)) {
        host->dropped_packets++;
        return;
    }
    look_for_conflicts(host, &message);
    const bool has_address = fa_ip4_number(host->address) != 0;
    const bool for_us = has_address && fa_ip4_is(message.target, host->address);
    if (fa_ip4_number(message.sender) != 0 && !fa_ip4_is(message.sender, host->address) &&
        fa_ipv4_on_link(host, message.sender))
        learn(host, message.sender, message.sender_mac, for_us);
    if (for_us && fa_be16_get(message.operation) == FA_ARP_REQUEST &&
        !fa_ip4_is(message.sender, host->address))
        send(host, FA_ARP_REPLY, message.sender_mac, host->address, message.sender_mac,
             message.sender);
}

void fa_arp_init(fa_host *host)
{
    host->arp.announce_timer.fire = announce_again;
}

void fa_arp_flush(fa_host *host)
{
    while (host->arp.oldest != NULL)
        forget(host, host->arp.oldest);
}

void fa_arp_free(fa_host *host)
{
    fa_arp_flush(host);
    while (host->arp.probes != NULL)
        fa_arp_probe_stop(host, host->arp.probes);
    fa_wheel_disarm(&host->wheel, &host->arp.announce_timer);
}
