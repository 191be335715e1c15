/* SPDX-License-Identifier: ISC */
/* Ethernet addresses out of the chip's number, as U-Boot makes them (board/sunxi/board.c), so that a
 * board has the same one whoever boots it: locally administered, bytes of the first word and the last. */
#include "soc.h"

#define STATION 0xffffffu /* of the last word: what tells boards apart, never nothing at all */
#define STATION_OTHERWISE 0x800000u
#define LOCAL 0x02u

void sunxi_mac_of_serial(const uint32_t serial[4], unsigned number, uint8_t mac_out[6])
{
    const uint32_t last = (serial[3] & STATION) == 0 ? serial[3] | STATION_OTHERWISE : serial[3];
    mac_out[0] = (uint8_t)(number << 4 | LOCAL);
    mac_out[1] = (uint8_t)serial[0];
    mac_out[2] = (uint8_t)(last >> 24);
    mac_out[3] = (uint8_t)(last >> 16);
    mac_out[4] = (uint8_t)(last >> 8);
    mac_out[5] = (uint8_t)last;
}
