/* SPDX-License-Identifier: ISC */
/* The EMAC: frames pass through one FIFO for what is received and two for what is sent, which the CPU
 * empties and fills by words; there is no DMA. Source: the bindings allwinner,sun4i-a10-emac and
 * -mdio, the drivers of Linux (sun4i-emac.h) and U-Boot (sunxi_emac.c) and QEMU's model; Allwinner's
 * manuals leave its registers out. Those from 0x5c to 0x9c are, bit by bit as far as these drivers name
 * them, those of the MAC that NXP's LPC17xx and LPC32xx have (UM10360, 10.11). Not exercised by any
 * emulator: frames with errors, a FIFO that has lost its place, half duplex and 10 Mbit/s, a transmission
 * that does not end, what the MAC's own registers (gaps, collisions, padding, the address filter) do, a
 * PHY whose answers take time. QEMU's knows none of these. */
#include "sun4i_emac.h"
#include "../../../bsp/plat.h"
#include <fata/log.h>
#include <string.h>

FA_LOG_MODULE("emac");

enum { CTL = 0x00, TX_MODE = 0x04, TX_CTL0 = 0x0c, TX_INS = 0x14, TX_PL0 = 0x18, TX_DATA = 0x24,
       RX_CTL = 0x3c, RX_DATA = 0x4c, RX_COUNT = 0x50, INT_CTL = 0x54, INT_STA = 0x58,
       MAC_CTL0 = 0x5c, MAC_CTL1 = 0x60, MAC_IPGT = 0x64, MAC_IPGR = 0x68, MAC_CLRT = 0x6c,
       MAC_MAXF = 0x70, MAC_SUPP = 0x74, MAC_MCFG = 0x7c, MDIO_CMD = 0x80, MDIO_ADDRESS = 0x84,
       MDIO_WRITE = 0x88, MDIO_READ = 0x8c, MDIO_BUSY = 0x90, MAC_A0 = 0x98, MAC_A1 = 0x9c };
#define CTL_RUN 0x1u /* 0 resets it. QEMU's: 1 resets it, and reads as 0 */
#define CTL_TX 0x2u
#define CTL_RX 0x4u
#define RX_FLUSH 0x8u /* falls when that is done; in QEMU it stays */
/* The CPU reads, not DMA; frames of any length, to this station, to groups and to all. */
#define RX_SETTING (1u << 8 | 1u << 16 | 1u << 17 | 1u << 20 | 1u << 22)
#define INT_TX_DONE 0x3u /* a bit for each FIFO, likewise */
#define INT_TX_ABORTED 0xcu
#define INT_TX_ABORTED_SHIFT 2u
#define INT_RX 0x100u
#define MAC_CTL0_RESET 0x8000u
#define MAC_CTL0_SETTING 0xcu /* PAUSE frames either way */
#define MAC_CTL1_FULL 0x1u
#define MAC_CTL1_SETTING (0x02u | 0x10u | 0x20u) /* checks lengths, adds the CRC, pads to 60 bytes */
#define MAC_SUPP_100 0x100u
#define MAC_MCFG_CLOCK (0xffu << 2)
#define MAC_MCFG_CLOCK_72 (0xdu << 2) /* of the bus, for the PHY's registers: divided by 72 */
#define IPGT 0x15u
#define IPGR 0x0c12u
#define CLRT 0x370fu

#define FIFOS 2u
#define FIFOS_FULL 0x3u
#define FRAME_MAGIC 0x0143414du /* the word before a frame that was received, and then its header */
#define HEADER_OK 0x800000u
#define CRC_BYTES 4u
#define FRAME_BYTES_MIN 64u /* with the CRC */
#define FRAME_BYTES_MAX 1536u
#define MTU 1500u
#define ETHERNET_HEADER_BYTES 14u
#define WORD_BYTES 4u

#define RESET_NS (200 * FA_NS_PER_US)
#define SETTLE_NS FA_NS_PER_MS
#define FLUSH_NS (100 * FA_NS_PER_US)
#define MDIO_NS FA_NS_PER_MS /* 64 bits at 1 MHz and more */
/* A frame takes 1.2 ms at 10 Mbit/s; collisions and PAUSE frames, some times that. */
#define SEND_HUNG_NS FA_NS_PER_S

static sun4i_emac *emac_of(fa_netif *netif)
{
    return (sun4i_emac *)(void *)netif; /* its first member */
}

static uint32_t get(const sun4i_emac *emac, size_t offset)
{
    return fa_cpu_read32(emac->registers, offset);
}

static void set(const sun4i_emac *emac, size_t offset, uint32_t value)
{
    fa_cpu_write32(emac->registers, offset, value);
}

/* Until none of these bits is set any more; false: the time is over. */
static bool wait_clear(const sun4i_emac *emac, size_t offset, uint32_t bits, uint64_t limit_ns)
{
    const uint64_t start_ns = plat_clock_mono_ns();
    while (get(emac, offset) & bits)
        if (plat_clock_mono_ns() - start_ns >= limit_ns)
            return false;
    return true;
}

static void pause(const sun4i_emac *emac, uint64_t ns)
{
    const uint64_t start_ns = plat_clock_mono_ns();
    while (plat_clock_mono_ns() - start_ns < ns)
        (void)get(emac, INT_STA);
}

/* The PHY's registers. */

static uint16_t read_phy(phy *p, unsigned address, unsigned number)
{
    const sun4i_emac *emac = (sun4i_emac *)(void *)((uint8_t *)p - offsetof(sun4i_emac, phy));
    set(emac, MDIO_ADDRESS, address << 8 | number);
    set(emac, MDIO_CMD, 1);
    const bool done = wait_clear(emac, MDIO_BUSY, 1, MDIO_NS);
    set(emac, MDIO_CMD, 0);
    return done ? (uint16_t)get(emac, MDIO_READ) : UINT16_MAX; /* else it is that of an access before */
}

/* By a read ahead, as Linux and U-Boot have it. The write takes its time, too, which these do not wait
 * for, as NXP's manual says one must: another access would spoil it. */
static void write_phy(phy *p, unsigned address, unsigned number, uint16_t value)
{
    const sun4i_emac *emac = (sun4i_emac *)(void *)((uint8_t *)p - offsetof(sun4i_emac, phy));
    (void)read_phy(p, address, number);
    set(emac, MDIO_WRITE, value);
    (void)wait_clear(emac, MDIO_BUSY, 1, MDIO_NS);
}

/* Starting. */

static void set_mode(const sun4i_emac *emac)
{
    set(emac, MAC_SUPP, emac->phy.mbit_s == 100 ? MAC_SUPP_100 : 0);
    set(emac, MAC_CTL1, MAC_CTL1_SETTING | (emac->phy.is_full ? MAC_CTL1_FULL : 0));
}

/* From whatever state it is in. Interrupts stay off until arm(). */
static void start(sun4i_emac *emac)
{
    const uint8_t *mac = emac->netif.mac;
    set(emac, RX_CTL, RX_SETTING | RX_FLUSH);
    (void)wait_clear(emac, RX_CTL, RX_FLUSH, FLUSH_NS);
    set(emac, MAC_CTL0, get(emac, MAC_CTL0) & ~MAC_CTL0_RESET);
    set(emac, MAC_MCFG, (get(emac, MAC_MCFG) & ~MAC_MCFG_CLOCK) | MAC_MCFG_CLOCK_72);
    set(emac, RX_COUNT, 0);
    set(emac, TX_MODE, 0); /* the CPU writes, not DMA */
    set(emac, RX_CTL, RX_SETTING);
    set(emac, MAC_CTL0, MAC_CTL0_SETTING);
    set(emac, MAC_IPGT, IPGT);
    set(emac, MAC_IPGR, IPGR);
    set(emac, MAC_CLRT, CLRT);
    set(emac, MAC_MAXF, FRAME_BYTES_MAX);
    set_mode(emac);
    set(emac, MAC_A1, (uint32_t)mac[0] << 16 | (uint32_t)mac[1] << 8 | mac[2]);
    set(emac, MAC_A0, (uint32_t)mac[3] << 16 | (uint32_t)mac[4] << 8 | mac[5]);
    pause(emac, SETTLE_NS);
    set(emac, CTL, 0);
    pause(emac, RESET_NS);
    set(emac, CTL, CTL_RUN);
    pause(emac, RESET_NS);
    set(emac, CTL, CTL_RUN | CTL_TX | CTL_RX);
    set(emac, INT_CTL, 0);
    set(emac, INT_STA, get(emac, INT_STA));
    emac->fifos_busy = 0;
}

/* Sending. */

/* Takes note of what was sent. It also clears the note of a frame that was received: who waits for
 * one asks for RX_COUNT afterwards. */
static void reap_sent(sun4i_emac *emac)
{
    const uint32_t status = get(emac, INT_STA);
    if (status != 0)
        set(emac, INT_STA, status);
    const unsigned aborted = (status & INT_TX_ABORTED) >> INT_TX_ABORTED_SHIFT & emac->fifos_busy;
    emac->netif.dropped_packets += (uint64_t)__builtin_popcount(aborted);
    emac->fifos_busy &= ~(status & INT_TX_DONE) & ~aborted;
}

static uint32_t word_at(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Words on their way to a FIFO: the bytes of one that is not whole yet. */
typedef struct word_writer {
    fa_cpu_device registers;
    uint32_t word;
    unsigned len;
} word_writer;

static void put_byte(word_writer *writer, uint8_t byte)
{
    writer->word |= (uint32_t)byte << 8 * writer->len;
    if (++writer->len < WORD_BYTES)
        return;
    fa_cpu_write32(writer->registers, TX_DATA, writer->word);
    writer->word = 0;
    writer->len = 0;
}

/* Four words at a time: the loop would cost as much as its work. An array would be kept in memory. */
static void put_words(fa_cpu_device registers, const uint8_t *bytes, size_t count)
{
    for (; count >= 4; count -= 4, bytes += 4 * WORD_BYTES) {
        fa_cpu_write32(registers, TX_DATA, word_at(bytes));
        fa_cpu_write32(registers, TX_DATA, word_at(bytes + WORD_BYTES));
        fa_cpu_write32(registers, TX_DATA, word_at(bytes + 2 * WORD_BYTES));
        fa_cpu_write32(registers, TX_DATA, word_at(bytes + 3 * WORD_BYTES));
    }
    for (; count > 0; count--, bytes += WORD_BYTES)
        fa_cpu_write32(registers, TX_DATA, word_at(bytes));
}

static void put(word_writer *writer, const uint8_t *bytes, size_t len)
{
    for (; writer->len > 0 && len > 0; len--)
        put_byte(writer, *bytes++);
    put_words(writer->registers, bytes, len / WORD_BYTES);
    for (const uint8_t *end = bytes + len, *at = end - len % WORD_BYTES; at < end; at++)
        put_byte(writer, *at);
}

/* Sends by a FIFO that is empty. The bytes are the FIFO's when this returns. */
static void send(sun4i_emac *emac, unsigned fifo, const fa_packet *packet)
{
    word_writer writer = {.registers = emac->registers};
    set(emac, TX_INS, fifo);
    for (unsigned i = 0; i < packet->segment_count; i++)
        put(&writer, packet->segments[i].page->bytes + packet->segments[i].offset,
            packet->segments[i].len);
    if (writer.len > 0)
        set(emac, TX_DATA, writer.word);
    set(emac, TX_PL0 + fifo * WORD_BYTES, packet->len);
    set(emac, TX_CTL0 + fifo * WORD_BYTES, get(emac, TX_CTL0 + fifo * WORD_BYTES) | 1);
    emac->fifos_busy |= 1u << fifo;
    emac->sent_ns = plat_clock_mono_ns();
}

static void transmit(fa_netif *netif, fa_packet_queue *queue)
{
    sun4i_emac *emac = emac_of(netif);
    while (queue->first != NULL) {
        if (emac->fifos_busy == FIFOS_FULL)
            reap_sent(emac);
        emac->no_room = emac->fifos_busy == FIFOS_FULL;
        if (emac->no_room)
            return;
        fa_packet *packet = fa_packet_queue_take(queue);
        if (packet->len > MTU + ETHERNET_HEADER_BYTES) {
            netif->dropped_packets++;
            fa_packet_free(packet);
            continue;
        }
        if (packet->checksum == FA_PACKET_PARTIAL)
            fa_packet_finish_checksum(packet);
        send(emac, emac->fifos_busy & 1u, packet);
        netif->sent_packets++;
        netif->sent_bytes += packet->len;
        fa_packet_free(packet);
    }
}

/* Receiving. */

/* The next one in the FIFO. */
static void take_word(fa_cpu_device registers, uint8_t *bytes_out)
{
    const uint32_t word = fa_cpu_read32(registers, RX_DATA);
    memcpy(bytes_out, &word, sizeof word);
}

static void take_words(fa_cpu_device registers, uint8_t *bytes_out, size_t count)
{
    for (; count >= 4; count -= 4, bytes_out += 4 * WORD_BYTES) {
        take_word(registers, bytes_out);
        take_word(registers, bytes_out + WORD_BYTES);
        take_word(registers, bytes_out + 2 * WORD_BYTES);
        take_word(registers, bytes_out + 3 * WORD_BYTES);
    }
    for (; count > 0; count--, bytes_out += WORD_BYTES)
        take_word(registers, bytes_out);
}

/* The FIFO does not begin with a frame: what is in it is lost. */
static void find_place(const sun4i_emac *emac)
{
    set(emac, CTL, get(emac, CTL) & ~CTL_RX);
    set(emac, RX_CTL, RX_SETTING | RX_FLUSH);
    (void)wait_clear(emac, RX_CTL, RX_FLUSH, FLUSH_NS);
    set(emac, RX_CTL, RX_SETTING);
    set(emac, RX_COUNT, 0);
    set(emac, CTL, get(emac, CTL) | CTL_RX);
}

/* The frame that comes next in the FIFO into the packet, which is empty. False: there is none to be
 * had of it. */
static bool take_frame(const sun4i_emac *emac, fa_packet *packet)
{
    if (get(emac, RX_DATA) != FRAME_MAGIC) {
        find_place(emac);
        return false;
    }
    const uint32_t header = get(emac, RX_DATA), len = header & 0xffff;
    const size_t words = (len + WORD_BYTES - 1) / WORD_BYTES;
    if (len > FRAME_BYTES_MAX) {
        find_place(emac);
        return false;
    }
    take_words(emac->registers, fa_packet_append(packet, words * WORD_BYTES), words);
    if (len < FRAME_BYTES_MIN || !(header & HEADER_OK))
        return false;
    fa_packet_truncate(packet, len - CRC_BYTES);
    return true;
}

static void look_at_link(sun4i_emac *emac, uint64_t now_ns)
{
    emac->look_ns = now_ns + SUN4I_EMAC_LOOK_NS;
    reap_sent(emac);
    if (phy_look(&emac->phy)) {
        set_mode(emac);
        if (emac->phy.is_up)
            fa_log_info("%u Mbit/s, %s duplex", (unsigned)emac->phy.mbit_s,
                        emac->phy.is_full ? "full" : "half");
    }
    if (emac->phy.is_up && emac->fifos_busy != 0 && now_ns - emac->sent_ns >= SEND_HUNG_NS) {
        fa_log_warn("a frame is not sent for a second: the controller is started anew");
        emac->netif.dropped_packets += (uint64_t)__builtin_popcount(emac->fifos_busy);
        start(emac);
    }
    emac->netif.link_up = emac->phy.is_up;
}

static void receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max)
{
    sun4i_emac *emac = emac_of(netif);
    const uint64_t now_ns = plat_clock_mono_ns();
    if (now_ns >= emac->look_ns)
        look_at_link(emac, now_ns);
    emac->no_pages = false;
    for (unsigned i = 0; i < max && get(emac, RX_COUNT) != 0; i++) {
        fa_packet *packet = fa_packet_alloc(emac->pool);
        emac->no_pages = packet == NULL;
        if (packet == NULL)
            break;
        if (!take_frame(emac, packet)) {
            netif->dropped_packets++;
            fa_packet_free(packet);
            continue;
        }
        netif->received_packets++;
        netif->received_bytes += packet->len;
        fa_packet_queue_add(queue_out, packet);
    }
}

/* Waiting. */

static void wake(sun4i_emac *emac)
{
    if (!emac->is_armed)
        return;
    emac->is_armed = false;
    emac->netif.wake(emac->netif.wake_arg);
}

static void page_freed(void *arg)
{
    wake(arg);
}

static bool arm(fa_netif *netif)
{
    sun4i_emac *emac = emac_of(netif);
    emac->is_armed = true;
    fa_packet_pool_await(emac->pool, emac->no_pages ? page_freed : NULL, emac);
    reap_sent(emac);
    set(emac, INT_CTL, (emac->no_pages ? 0 : INT_RX) |
                           (emac->no_room ? INT_TX_DONE | INT_TX_ABORTED : 0));
    if ((!emac->no_pages && get(emac, RX_COUNT) != 0) ||
        (emac->no_room && emac->fifos_busy != FIFOS_FULL)) {
        set(emac, INT_CTL, 0);
        emac->is_armed = false;
    }
    return !emac->is_armed;
}

void sun4i_emac_interrupt(void *arg)
{
    sun4i_emac *emac = arg;
    if (emac->registers == NULL)
        return;
    set(emac, INT_CTL, 0);
    wake(emac);
}

static void close_device(fa_netif *netif)
{
    sun4i_emac *emac = emac_of(netif);
    emac->is_armed = false;
    fa_packet_pool_await(emac->pool, NULL, NULL);
    set(emac, INT_CTL, 0);
    set(emac, CTL, 0);
    emac->registers = NULL;
}

fa_err sun4i_emac_open(sun4i_emac *emac, fa_cpu_device registers, unsigned phy_address,
                       const uint8_t mac[6], fa_packet_pool *pool)
{
    static const fa_netif_ops ops = {transmit, receive, arm, close_device};
    if (emac->registers != NULL)
        return FA_EBUSY;
    *emac = (sun4i_emac){
        .netif = {.ops = &ops, .name = "emac", .mtu = MTU, .poll_ns = SUN4I_EMAC_LOOK_NS},
        .registers = registers,
        .pool = pool,
        .phy = {.read = read_phy, .write = write_phy, .address = phy_address},
    };
    memcpy(emac->netif.mac, mac, sizeof emac->netif.mac);
    start(emac);
    const fa_err err = phy_open(&emac->phy);
    if (err != FA_OK) {
        fa_log_error("no PHY answers at any address: is there one, and do the pins lead to it?");
        close_device(&emac->netif);
        return err;
    }
    look_at_link(emac, plat_clock_mono_ns());
    return FA_OK;
}
