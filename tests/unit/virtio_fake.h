/* SPDX-License-Identifier: ISC */
/* A virtio device, of the network unless a test says otherwise, that does what the test says, in the
 * memory of the process: what it is given by address it finds at that address. It can be as wrong as the
 * test likes. */
#ifndef FATA_TESTS_UNIT_VIRTIO_FAKE_H
#define FATA_TESTS_UNIT_VIRTIO_FAKE_H

#include "../../sdk/drivers/virtio/virtio.h"

#define FAKE_QUEUES 2u
#define FAKE_PARTS_MAX 256u
enum { FAKE_RECEIVE, FAKE_TRANSMIT };

typedef struct fake {
    virtio_device device;
    uint64_t offered, accepted;
    uint8_t status;
    bool refuses_features, never_resets;
    uint16_t size_max;
    uint16_t chosen;
    virtio_queue_place places[FAKE_QUEUES];
    uint16_t seen[FAKE_QUEUES]; /* of the available ring */
    unsigned notified[FAKE_QUEUES];
    unsigned interrupt; /* what take_interrupt() says */
    uint8_t config[64];
    uint32_t generation, generation_steps; /* so many changes while it is read */
} fake;

typedef struct fake_part {
    uint8_t *bytes;
    uint32_t len;
    bool writes;
} fake_part;

void fake_init(fake *f, uint64_t offered, bool is_legacy);
/* The next message that is available: how many parts; 0: none. */
unsigned fake_take(fake *f, unsigned queue, uint16_t *head_out, fake_part parts_out[FAKE_PARTS_MAX]);
/* Is done with a message, or claims so. */
void fake_use(fake *f, unsigned queue, uint32_t id, uint32_t len);
/* The used ring's index, and what the device asks of notifications. */
void fake_set_used_index(fake *f, unsigned queue, uint16_t index);
uint16_t fake_used_index(const fake *f, unsigned queue);
void fake_set_no_notify(fake *f, unsigned queue, bool no_notify);
void fake_set_available_event(fake *f, unsigned queue, uint16_t index);
/* What the driver asks of interrupts. */
bool fake_no_interrupt(const fake *f, unsigned queue);
uint16_t fake_used_event(const fake *f, unsigned queue);

#endif
