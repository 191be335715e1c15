/* SPDX-License-Identifier: ISC */
/* A network device over another one that treats what is sent as a bad network would: it drops,
 * repeats, delays, reorders and damages packets, by a seed, the same in each run. Damage is of one
 * bit behind Ethernet's header of an IPv4 packet: what Ethernet's own checksum would catch is left
 * out. What is held back goes on when the device is used, once its time has come: see
 * fa_faults_next(). */
#ifndef FATA_PACKET_FAULTS_H
#define FATA_PACKET_FAULTS_H

#include "netif.h"
#include <fata/clock.h>

#define FA_FAULTS_HELD_MAX 512u /* packets; who comes then is dropped */

typedef struct fa_faults_options {
    uint64_t seed; /* not 0 */
    unsigned drop_permille, repeat_permille, reorder_permille, damage_permille;
    uint64_t delay_ns;   /* of every packet */
    uint64_t reorder_ns; /* at most so much more for those that are reordered */
} fa_faults_options;

typedef struct fa_faults_held {
    fa_deadline due;
    fa_packet *packet;
} fa_faults_held;

typedef struct fa_faults {
    fa_netif netif;
    fa_netif *below;
    fa_faults_options options;
    uint64_t random;
    uint64_t (*now_ns)(void *user);
    void *user;
    fa_packet_queue ready; /* what the device below had no room for */
    fa_faults_held held[FA_FAULTS_HELD_MAX]; /* sorted; the first is due first */
    unsigned held_count;
    uint64_t dropped, repeated, reordered, damaged;
} fa_faults;

void fa_faults_init(fa_faults *faults, fa_netif *below, const fa_faults_options *options,
                    uint64_t (*now_ns)(void *user), void *user);
/* When receive() or transmit() is to be called, for what is held back; FA_FOREVER. */
fa_deadline fa_faults_next(const fa_faults *faults);

#endif
