/* SPDX-License-Identifier: ISC */
/* A GMAC and a PHY of the tests' own, behind fake_device.h and gmac_dma.h. It does what the driver asks
 * for at once, but for what the test has made it do. */
#ifndef FATA_TESTS_UNIT_GMAC_FAKE_H
#define FATA_TESTS_UNIT_GMAC_FAKE_H

#include "../../sdk/drivers/sunxi/sunxi_gmac.h"

#define GMAC_FAKE_DEVICE 0x1000u /* any number but 0 */
#define GMAC_FAKE_PAGES 200u

enum { CONFIG = 0x00, FILTER = 0x04, MDIO_ADDRESS = 0x10, MDIO_DATA = 0x14, FLOW = 0x18, MAC_HIGH = 0x40,
       MAC_LOW = 0x44, BUS_MODE = 0x1000, SEND_DEMAND = 0x1004, RECEIVE_DEMAND = 0x1008, RECEIVE_RING = 0x100c,
       SEND_RING = 0x1010, STATUS = 0x1014, CONTROL = 0x1018, INT_ENABLE = 0x101c, MISSED = 0x1020,
       FEATURES = 0x1058 };
#define OWN 0x80000000u
#define END_OF_RING (1u << 25)
#define FIRST 0x200u
#define LAST 0x100u
#define ERROR 0x8000u
#define RECEIVED 0x40u
#define NO_PAGE 0x80u
#define BUS_ERROR 0x2000u

typedef struct gmac_fake {
    uint32_t registers[SUNXI_GMAC_REGISTERS_BYTES / 4];
    unsigned receive_at, send_at, reset_count, demand_count;
    bool is_rgmii, is_absent, mdio_hangs, sends_late, sends_badly, reset_hangs;
    uint64_t reset_ends_ns;
    unsigned sent_count, checksum_count;
    uint8_t sent[4096];
    size_t sent_len;
    void (*frame_was_sent)(void); /* it is in `sent` */
    uint16_t phy[32][16];
} gmac_fake;
extern gmac_fake device;

/* A register. */
uint32_t *at(size_t offset);
/* All that it was given, in the case of sends_late. */
void run_sending(void);
/* A frame of `len` bytes with the CRC, of the value `value` and up; its last descriptor says `status`.
 * False: there was no page for it. */
bool arrive(size_t len, uint8_t value, uint32_t status);
bool has_interrupt(void);
/* A PHY at this address, of up to 100 Mbit/s, that has negotiated with such a partner; 0: no link. */
void plug(unsigned address, uint16_t partner);
/* It can do 1000 Mbit/s, and so can its partner, as far as these bits of theirs say. */
void plug_gigabit(unsigned address, uint16_t offered, uint16_t partner);

/* The driver, its pool, and how often it has woken who waits. */
extern sunxi_gmac gmac;
extern fa_packet_pool pool;
extern unsigned wake_count;
extern fa_err sleep_result; /* of fa_sleep() */
extern const uint8_t station[6];

int setup_pages(uint32_t pages);
int teardown(void **state); /* fails if anything has not come back */
fa_err try_open(void);
fa_err try_open_until(bool takes_1000, fa_deadline deadline);
fa_packet_queue receive(unsigned max);
unsigned receive_and_free(unsigned max); /* how many there were */
void pass_time(uint64_t ns);
/* Of two segments, the bytes 0, 1, 2 and so on. */
fa_packet *packet_of(size_t first, size_t second);
/* How many of so many packets, of two segments each, are left over. */
unsigned transmit(unsigned count);

#endif
