/* SPDX-License-Identifier: ISC */
/* Fuzzes the reader of the rings of the template `sensor` (templates/sensor/ring.c): what a disk holds. Of what is accepted
 * all numbers are in their bounds, and a record that is made of one that was read is the same. Checksums would keep the
 * fuzzer out, so good ones are written in. */
#include "../../templates/sensor/ring.h"
#include "require.h"
#include <string.h>

#define SECTORS_MAX 20u
#define HEAD_CRC_AT 20u
#define RECORD_CRC_AT (RING_SECTOR_BYTES - 4)

static void fill_in(uint8_t *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        bytes[len + i] = (uint8_t)(~crc >> i * 8);
    }
}

static void check_record(const sample_ring *ring, uint32_t slot, const uint8_t *sector)
{
    uint8_t made[RING_SECTOR_BYTES];
    ring_record record, again;

    if (!ring_record_read(ring, slot, sector, &record)) {
        return;
    }
    memset(&again, 0, sizeof again);
    require(record.count >= 1 && record.count <= RING_SAMPLES_MAX && record.kind < SAMPLE_KINDS);
    require(record.number > 0 && ring_slot(ring, record.number) == slot);
    require(record.number < ring->next && ring->next < UINT64_MAX / 2);
    ring_record_make(ring, &record, made);
    require(ring_record_read(ring, slot, made, &again));
    require(again.number == record.number && again.boot == record.boot && again.count == record.count);
    require(memcmp(again.samples, record.samples, record.count * sizeof *record.samples) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static uint8_t disk[SECTORS_MAX * RING_SECTOR_BYTES];
    sample_ring ring;
    const uint32_t slots = SECTORS_MAX - RING_HEADS;

    memset(disk, 0, sizeof disk);
    memcpy(disk, bytes, len < sizeof disk ? len : sizeof disk);
    for (size_t i = 0; i < SECTORS_MAX && i * RING_SECTOR_BYTES < len; i++) {
        fill_in(disk + i * RING_SECTOR_BYTES, i < RING_HEADS ? HEAD_CRC_AT : RECORD_CRC_AT);
    }
    if (ring_head_read(&ring, disk, SECTORS_MAX) != RING_HERE) {
        return 0;
    }
    require(ring.slots >= RING_SLOTS_MIN && ring.slots <= slots && ring.next == 1);
    for (uint32_t slot = 0; slot < ring.slots; slot++) {
        ring_look(&ring, slot, disk + (RING_HEADS + slot) * RING_SECTOR_BYTES);
    }
    ring_looked(&ring);
    require(ring_oldest(&ring) >= 1 && ring_oldest(&ring) <= ring.next && ring.missing <= ring.slots);
    for (uint32_t slot = 0; slot < ring.slots; slot++) {
        check_record(&ring, slot, disk + (RING_HEADS + slot) * RING_SECTOR_BYTES);
    }
    return 0;
}
