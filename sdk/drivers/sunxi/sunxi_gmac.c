/* SPDX-License-Identifier: ISC */
/* The GMAC: a DesignWare MAC 10/100/1000 of Synopsys with "normal" descriptors of four words in two
 * rings, and DMA that does not see the caches. Source: the binding allwinner,sun7i-a20-gmac, the
 * drivers of Linux (stmmac: dwmac1000, norm_desc; dwmac-sunxi.c) and of U-Boot (designware.c, whose
 * bus mode and MDIO clock these are), and QEMU's model; Synopsys' databook is not public, and
 * Allwinner's manual leaves the registers out. What Linux prints on A20 boards: neither a version nor
 * a feature register (both read as 0), normal descriptors. It computes checksums there all the same,
 * on the strength of Allwinner's driver; here that is done where the feature register says so alone.
 *
 * QEMU's npcm-gmac (Nuvoton's core, which reports version 3.2) has the same registers and descriptors
 * and, unlike the A20's, the feature register: tests/unit/sunxi_gmac_qemu.c runs this file on it. That
 * model takes every frame for IP with a right checksum, adds a CRC that is none and no padding, filters
 * nothing, and writes a received descriptor in two steps. Not exercised by any emulator: the A20's own
 * core, its clocks and the PHY's, the real order of memory and registers, bursts, bus errors, damaged
 * frames, overruns, filters, half duplex, PAUSE, RGMII. A test plays some of them (sunxi_gmac_bad.c). */
#include "sunxi_gmac.h"
#include "../../cpu/dma.h"
#include <fata/fiber.h>
#include <fata/log.h>
#include <string.h>

FA_LOG_MODULE("gmac");

enum { CONFIG = 0x00, FILTER = 0x04, MDIO_ADDRESS = 0x10, MDIO_DATA = 0x14, FLOW = 0x18, INT_MASK = 0x3c,
       MAC_HIGH = 0x40, MAC_LOW = 0x44, COUNTERS_RX_MASK = 0x10c, COUNTERS_TX_MASK = 0x110,
       COUNTERS_IP_MASK = 0x200,
       /* of its DMA */
       BUS_MODE = 0x1000, SEND_DEMAND = 0x1004, RECEIVE_DEMAND = 0x1008, RECEIVE_RING = 0x100c,
       SEND_RING = 0x1010, STATUS = 0x1014, CONTROL = 0x1018, INT_ENABLE = 0x101c, MISSED = 0x1020,
       FEATURES = 0x1058 };
#define CONFIG_MII 0x8000u /* else GMII, for 1000 Mbit/s */
#define CONFIG_100 0x4000u
#define CONFIG_NO_OWN 0x2000u /* at half duplex it does not hear itself */
#define CONFIG_FULL 0x0800u
#define CONFIG_CHECKSUMS 0x0400u
#define CONFIG_SENDS 0x0008u
#define CONFIG_RECEIVES 0x0004u
#define FILTER_ALL_GROUPS 0x10u
#define FLOW_OBEYS 0x4u /* PAUSE frames */
#define MDIO_BUSY 0x1u
#define MDIO_WRITES 0x2u
#define MDIO_CLOCK 0x10u /* the bus, of up to 250 MHz, divided by 102 */
#define MDIO_REGISTER_SHIFT 6u
#define MDIO_PHY_SHIFT 11u
#define INT_MASK_ALL 0x60fu /* what is no DMA's: time, power, the link at RGMII */
#define BUS_MODE_RESET 0x1u
/* Bursts of 8 words, fixed; four turns of receiving to one of sending. */
#define BUS_MODE_SETTING (8u << 8 | 3u << 14 | 1u << 16)
#define CONTROL_RECEIVES 0x2u
#define CONTROL_SENDS 0x2000u
/* Either way a frame is whole before it moves on; the next one is fetched while one is sent. */
#define CONTROL_SETTING (1u << 2 | 1u << 21 | 1u << 25)
#define STATUS_SENT 0x1u /* where its descriptor asks for it */
#define STATUS_RECEIVED 0x40u
#define STATUS_BUS_ERROR 0x2000u
#define STATUS_ERROR_KIND(status) ((status) >> 23 & 0x7)
#define STATUS_ABNORMAL 0x8000u
#define STATUS_NORMAL 0x10000u
#define STATUS_EVENTS 0x1c7ffu /* but for the bus error, which receive() looks for */
#define MISSED_PAGES(missed) ((missed) & 0xffff)
#define MISSED_ROOM(missed) ((missed) >> 17 & 0x7ff)
#define FEATURE_SENT_CHECKSUMS (1u << 16)
#define FEATURE_RECEIVED_CHECKSUMS (1u << 18)
#define FEATURE_OTHER_DESCRIPTORS (1u << 24)

#define MTU 1500u
#define ETHERNET_HEADER_BYTES 14u

#define MDIO_NS FA_NS_PER_MS
/* With all its clocks it takes some of their beats. A PHY that wakes up gives them after a while. */
#define RESET_NS (100 * FA_NS_PER_US)
#define FIRST_RESET_NS FA_NS_PER_S

static sunxi_gmac *gmac_of(fa_netif *netif)
{
    return (sunxi_gmac *)(void *)netif; /* its first member */
}

static uint32_t get(const sunxi_gmac *gmac, size_t offset)
{
    return fa_cpu_read32(gmac->registers, offset);
}

static void set(const sunxi_gmac *gmac, size_t offset, uint32_t value)
{
    fa_cpu_write32(gmac->registers, offset, value);
}

/* Until this bit is clear; false: the time is over. */
static bool wait_clear(const sunxi_gmac *gmac, size_t offset, uint32_t bit, uint64_t limit_ns)
{
    const uint64_t start_ns = plat_clock_mono_ns();
    while (get(gmac, offset) & bit)
        if (plat_clock_mono_ns() - start_ns >= limit_ns)
            return false;
    return true;
}

/* The PHY's registers. */

static sunxi_gmac *gmac_of_phy(phy *p)
{
    return (sunxi_gmac *)(void *)((uint8_t *)p - offsetof(sunxi_gmac, phy));
}

static bool access_phy(const sunxi_gmac *gmac, unsigned address, unsigned number, uint32_t how)
{
    set(gmac, MDIO_ADDRESS,
        address << MDIO_PHY_SHIFT | number << MDIO_REGISTER_SHIFT | MDIO_CLOCK | how | MDIO_BUSY);
    return wait_clear(gmac, MDIO_ADDRESS, MDIO_BUSY, MDIO_NS);
}

static uint16_t read_phy(phy *p, unsigned address, unsigned number)
{
    const sunxi_gmac *gmac = gmac_of_phy(p);
    return access_phy(gmac, address, number, 0) ? (uint16_t)get(gmac, MDIO_DATA) : UINT16_MAX;
}

static void write_phy(phy *p, unsigned address, unsigned number, uint16_t value)
{
    const sunxi_gmac *gmac = gmac_of_phy(p);
    set(gmac, MDIO_DATA, value);
    (void)access_phy(gmac, address, number, MDIO_WRITES);
}

/* Starting. */

static void write_mac(const sunxi_gmac *gmac)
{
    const uint8_t *mac = gmac->netif.mac;
    set(gmac, MAC_HIGH, (uint32_t)mac[5] << 8 | mac[4]);
    set(gmac, MAC_LOW,
        (uint32_t)mac[3] << 24 | (uint32_t)mac[2] << 16 | (uint32_t)mac[1] << 8 | mac[0]);
}

static void set_mode(const sunxi_gmac *gmac)
{
    const phy *p = &gmac->phy;
    set(gmac, CONFIG,
        CONFIG_NO_OWN | CONFIG_SENDS | CONFIG_RECEIVES |
            (gmac->rings.checks_received ? CONFIG_CHECKSUMS : 0) | (p->mbit_s == 1000 ? 0 : CONFIG_MII) |
            (p->mbit_s == 100 ? CONFIG_100 : 0) | (p->is_full ? CONFIG_FULL : 0));
    set(gmac, FLOW, p->is_full ? FLOW_OBEYS : 0);
}

static void refill(sunxi_gmac *gmac)
{
    if (sunxi_gmac_refill(&gmac->rings))
        set(gmac, RECEIVE_DEMAND, 1); /* it rests where it found no page */
}

/* After a reset. Interrupts stay off until arm(). */
static void start(sunxi_gmac *gmac)
{
    const uint32_t rings = (uint32_t)gmac->rings.addr.address;
    sunxi_gmac_rings_empty(&gmac->rings);
    write_mac(gmac);
    set(gmac, FILTER, FILTER_ALL_GROUPS);
    set(gmac, INT_MASK, INT_MASK_ALL);
    set(gmac, COUNTERS_RX_MASK, UINT32_MAX);
    set(gmac, COUNTERS_TX_MASK, UINT32_MAX);
    set(gmac, COUNTERS_IP_MASK, UINT32_MAX);
    set(gmac, BUS_MODE, BUS_MODE_SETTING);
    set(gmac, RECEIVE_RING, rings);
    set(gmac, SEND_RING, rings + (uint32_t)SUNXI_GMAC_RING_BYTES);
    gmac->is_running = true;
    refill(gmac);
    set_mode(gmac);
    set(gmac, CONTROL, CONTROL_SETTING | CONTROL_SENDS | CONTROL_RECEIVES);
}

/* It ends with the clocks of all its parts, and so of the wires that it is told of meanwhile. */
static bool reset(sunxi_gmac *gmac)
{
    gmac->is_running = false;
    set(gmac, INT_ENABLE, 0);
    set(gmac, BUS_MODE, BUS_MODE_RESET);
    set(gmac, CONFIG, gmac->phy.takes_1000 ? 0 : CONFIG_MII);
    return wait_clear(gmac, BUS_MODE, BUS_MODE_RESET, RESET_NS);
}

/* From whatever state it is in. As long as the reset does not end, its memory stays where it is. */
static void start_anew(sunxi_gmac *gmac)
{
    if (reset(gmac))
        start(gmac);
    else
        fa_log_error("the controller does not reset itself: does its PHY give a clock? It is looked "
                     "at each second");
}

/* Sending. */

/* Whether the hardware takes it. */
static bool send(sunxi_gmac *gmac, fa_packet *packet, unsigned parts, bool is_last)
{
    if (!gmac->is_running || parts == 0 || packet->len > MTU + ETHERNET_HEADER_BYTES)
        return false;
    if (packet->checksum == FA_PACKET_PARTIAL && !(gmac->netif.features & FA_NETIF_CHECKSUM))
        return false; /* there was no page to complete it with */
    return sunxi_gmac_post(&gmac->rings, packet, parts, is_last);
}

static void transmit(fa_netif *netif, fa_packet_queue *queue)
{
    sunxi_gmac *gmac = gmac_of(netif);
    bool any = false;
    while (queue->first != NULL) {
        fa_packet *packet = queue->first;
        if (packet->checksum == FA_PACKET_PARTIAL && !(netif->features & FA_NETIF_CHECKSUM))
            fa_packet_finish_checksum(packet);
        const unsigned parts = sunxi_gmac_count_parts(packet);
        if (gmac->is_running && !sunxi_gmac_has_room(&gmac->rings, parts))
            break;
        packet = fa_packet_queue_take(queue);
        const uint32_t len = packet->len;
        if (!send(gmac, packet, parts, queue->first == NULL)) {
            netif->dropped_packets++;
            fa_packet_free(packet);
            continue;
        }
        any = true;
        netif->sent_packets++;
        netif->sent_bytes += len;
    }
    if (any)
        set(gmac, SEND_DEMAND, 1);
}

/* Receiving. */

/* Whether nothing was sent since the last look of what should have been. */
static bool is_stuck(const sunxi_gmac *gmac)
{
    return gmac->sending_then > 0 && gmac->rings.done_count == gmac->done_count_then;
}

static void look_at_link(sunxi_gmac *gmac, uint64_t now_ns)
{
    gmac->look_ns = now_ns + SUNXI_GMAC_LOOK_NS;
    if (!gmac->is_running && !(get(gmac, BUS_MODE) & BUS_MODE_RESET)) {
        fa_log_info("the controller has reset itself at last");
        start(gmac);
    }
    if (gmac->is_running)
        sunxi_gmac_reap_sent(&gmac->rings);
    if (gmac->is_running && gmac->phy.is_up && is_stuck(gmac)) {
        fa_log_warn("a frame is not sent for a second: the controller is started anew");
        start_anew(gmac);
    }
    gmac->sending_then = gmac->rings.send_count;
    gmac->done_count_then = gmac->rings.done_count;
    const uint32_t missed = get(gmac, MISSED);
    gmac->netif.dropped_packets += MISSED_PAGES(missed) + MISSED_ROOM(missed);
    if (phy_look(&gmac->phy)) {
        if (gmac->phy.is_up)
            fa_log_info("%u Mbit/s, %s duplex", (unsigned)gmac->phy.mbit_s,
                        gmac->phy.is_full ? "full" : "half");
        if (gmac->is_running)
            set_mode(gmac);
    }
    gmac->netif.link_up = gmac->is_running && gmac->phy.is_up;
}

static void receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max)
{
    sunxi_gmac *gmac = gmac_of(netif);
    const uint64_t now_ns = plat_clock_mono_ns();
    if (now_ns >= gmac->look_ns)
        look_at_link(gmac, now_ns);
    if (!gmac->is_running)
        return;
    const uint32_t status = get(gmac, STATUS);
    if (status & STATUS_BUS_ERROR) {
        fa_log_warn("the bus has refused it memory (kind %u): the controller is started anew",
                    (unsigned)STATUS_ERROR_KIND(status));
        start_anew(gmac);
        return;
    }
    sunxi_gmac_reap_sent(&gmac->rings);
    for (unsigned i = 0; i < max && sunxi_gmac_has_received(&gmac->rings); i++) {
        fa_packet *packet = sunxi_gmac_take(&gmac->rings);
        if (packet == NULL)
            continue;
        netif->received_packets++;
        netif->received_bytes += packet->len;
        fa_packet_queue_add(queue_out, packet);
    }
    refill(gmac);
}

/* Waiting. */

static void wake(sunxi_gmac *gmac)
{
    if (!gmac->is_armed)
        return;
    gmac->is_armed = false;
    gmac->netif.wake(gmac->netif.wake_arg);
}

static void page_freed(void *arg)
{
    wake(arg);
}

/* What was noted so far is forgotten before the rings are looked at: what comes later is heard. A pool
 * that is empty gets its pages back from what is sent, too. */
static bool arm(fa_netif *netif)
{
    sunxi_gmac *gmac = gmac_of(netif);
    sunxi_gmac_rings *rings = &gmac->rings;
    gmac->is_armed = true;
    if (!gmac->is_running)
        return false; /* the next look wakes */
    const bool wanted_room = rings->no_room;
    set(gmac, STATUS, STATUS_EVENTS);
    (void)get(gmac, STATUS); /* The write has arrived when this comes back (a barrier does not wait for */
    fa_cpu_dma_after_load(); /* that), and only then memory is looked at. */
    sunxi_gmac_reap_sent(rings);
    refill(gmac);
    fa_packet_pool_await(rings->pool, rings->no_pages ? page_freed : NULL, gmac);
    set(gmac, INT_ENABLE,
        STATUS_NORMAL | STATUS_RECEIVED | STATUS_ABNORMAL | STATUS_BUS_ERROR |
            (rings->no_room || rings->no_pages ? STATUS_SENT : 0));
    if (sunxi_gmac_has_received(rings) || (wanted_room && !rings->no_room)) {
        set(gmac, INT_ENABLE, 0);
        gmac->is_armed = false;
    }
    return !gmac->is_armed;
}

void sunxi_gmac_interrupt(void *arg)
{
    sunxi_gmac *gmac = arg;
    if (gmac->registers == NULL)
        return;
    set(gmac, INT_ENABLE, 0);
    wake(gmac);
}

/* What it may still write to after a reset that does not end stays taken for good. */
static void close_device(fa_netif *netif)
{
    sunxi_gmac *gmac = gmac_of(netif);
    gmac->is_armed = false;
    fa_packet_pool_await(gmac->rings.pool, NULL, NULL);
    if (reset(gmac)) {
        sunxi_gmac_rings_empty(&gmac->rings);
        sunxi_gmac_rings_close(&gmac->rings);
    } else {
        fa_log_error("%s does not stop: its memory is lost", netif->name);
    }
    gmac->registers = NULL;
}

/* Opening. */

/* Looks each millisecond, so that others run meanwhile. */
static fa_err reset_at_first(sunxi_gmac *gmac, fa_deadline deadline)
{
    const fa_deadline own = fa_after_ns(FIRST_RESET_NS);
    if (reset(gmac))
        return FA_OK;
    while (get(gmac, BUS_MODE) & BUS_MODE_RESET) {
        const uint64_t now_ns = fa_clock_mono_ns();
        if (now_ns >= own) {
            fa_log_error("the controller does not reset itself: does its PHY have power, and give it "
                         "a clock? Is the device tree's phy-mode the board's?");
            return FA_EIO;
        }
        if (now_ns >= deadline)
            return FA_ETIMEDOUT;
        const fa_err err = fa_sleep(fa_after_ms(1));
        if (err != FA_OK)
            return err;
    }
    return FA_OK;
}

/* Its registers keep what is written, with its clock on; it has nothing better to be known by. */
static bool is_there(const sunxi_gmac *gmac)
{
    const uint8_t *mac = gmac->netif.mac;
    write_mac(gmac);
    return get(gmac, MAC_LOW) ==
           ((uint32_t)mac[3] << 24 | (uint32_t)mac[2] << 16 | (uint32_t)mac[1] << 8 | mac[0]);
}

static fa_err look_for_phy(sunxi_gmac *gmac)
{
    if (phy_open(&gmac->phy) == FA_OK)
        return FA_OK;
    fa_log_error("no PHY answers at any address: is there one, and do the pins lead to it?");
    return FA_EIO;
}

static fa_err begin(sunxi_gmac *gmac, fa_packet_pool *pool, fa_deadline deadline)
{
    if (!is_there(gmac))
        return FA_ENOENT;
    const uint32_t features = get(gmac, FEATURES); /* 0: it does not say */
    if (features & FEATURE_OTHER_DESCRIPTORS) {
        fa_log_error("this is a controller with other descriptors than the A20's");
        return FA_ENOTSUP;
    }
    fa_err err = look_for_phy(gmac);
    if (err == FA_OK)
        err = reset_at_first(gmac, deadline);
    if (err == FA_OK)
        err = sunxi_gmac_rings_open(&gmac->rings, &gmac->netif, pool);
    if (err != FA_OK)
        return err;
    gmac->netif.features = features & FEATURE_SENT_CHECKSUMS ? FA_NETIF_CHECKSUM : 0;
    gmac->rings.checks_received = (features & FEATURE_RECEIVED_CHECKSUMS) != 0;
    start(gmac);
    return FA_OK;
}

fa_err sunxi_gmac_open(sunxi_gmac *gmac, const sunxi_gmac_config *config, fa_packet_pool *pool,
                       fa_deadline deadline)
{
    static const fa_netif_ops ops = {transmit, receive, arm, close_device};
    if (gmac->registers != NULL)
        return FA_EBUSY;
    *gmac = (sunxi_gmac){
        .netif = {.ops = &ops, .name = "gmac", .mtu = MTU, .poll_ns = SUNXI_GMAC_LOOK_NS},
        .registers = config->registers,
        .phy = {.read = read_phy, .write = write_phy, .address = config->phy_address,
                .takes_1000 = config->takes_1000},
    };
    memcpy(gmac->netif.mac, config->mac, sizeof gmac->netif.mac);
    const fa_err err = begin(gmac, pool, deadline);
    if (err != FA_OK) {
        gmac->registers = NULL;
        return err;
    }
    look_at_link(gmac, plat_clock_mono_ns());
    return FA_OK;
}
