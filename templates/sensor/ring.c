/* SPDX-License-Identifier: ISC */
/* The ring's sectors: see ring.h. All integers are little-endian. */
#include "ring.h"
#include <fata/bytes.h>
#include <string.h>

#define VERSION 1u
#define NUMBER_MAX (UINT64_C(1) << 62)

typedef struct wire_head {
    uint8_t magic[8];
    fa_le32 version, id, slots, crc; /* of all before it */
} wire_head;

typedef struct wire_sample {
    fa_le64 wall_ms;
    fa_le32 uptime_s, milli;
} wire_sample;

typedef struct wire_record {
    uint8_t magic[4];
    fa_le32 ring_id;
    fa_le64 number;
    fa_le32 boot;
    uint8_t kind, count, zero[2];
    wire_sample samples[RING_SAMPLES_MAX];
    uint8_t unused[4];
    fa_le32 crc;
} wire_record;

_Static_assert(sizeof(wire_record) == RING_SECTOR_BYTES, "a record is a sector");

static const uint8_t head_magic[8] = {'F', 'A', 'T', 'A', 'R', 'I', 'N', 'G'};
static const uint8_t record_magic[4] = {'F', 'S', 'M', 'P'};

/* CRC-32 as in IEEE 802.3, four bits at a time. */
static uint32_t crc32(const void *bytes, size_t len)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    const uint8_t *at = bytes;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc = crc >> 4 ^ table[(crc ^ at[i]) & 15];
        crc = crc >> 4 ^ table[(crc ^ at[i] >> 4) & 15];
    }
    return ~crc;
}

void ring_begin(sample_ring *ring, uint32_t id, uint32_t slots)
{
    *ring = (struct sample_ring){.id = id, .slots = slots, .boot = 1, .next = 1};
}

void ring_head_make(const sample_ring *ring, uint8_t sector_out[RING_SECTOR_BYTES])
{
    wire_head head = {.version = fa_le32_of(VERSION), .id = fa_le32_of(ring->id), .slots = fa_le32_of(ring->slots)};
    memcpy(head.magic, head_magic, sizeof head_magic);
    head.crc = fa_le32_of(crc32(&head, offsetof(wire_head, crc)));
    memset(sector_out, 0, RING_SECTOR_BYTES);
    memcpy(sector_out, &head, sizeof head);
}

static bool read_one_head(sample_ring *ring, const uint8_t *sector, uint64_t room)
{
    wire_head head;
    memcpy(&head, sector, sizeof head);
    const uint32_t slots = fa_le32_get(head.slots);
    if (memcmp(head.magic, head_magic, sizeof head_magic) != 0 || fa_le32_get(head.version) != VERSION ||
        fa_le32_get(head.crc) != crc32(&head, offsetof(wire_head, crc)) || slots < RING_SLOTS_MIN ||
        slots > RING_SLOTS_MAX || room < RING_HEADS || slots > room - RING_HEADS)
        return false;
    ring_begin(ring, fa_le32_get(head.id), slots);
    return true;
}

bool ring_is_blank(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return true;
    if (bytes[0] != 0x00 && bytes[0] != 0xff)
        return false;
    return memcmp(bytes, bytes + 1, len - 1) == 0;
}

ring_head ring_head_read(sample_ring *ring, const uint8_t heads[RING_HEADS * RING_SECTOR_BYTES], uint64_t room)
{
    for (unsigned i = 0; i < RING_HEADS; i++)
        if (read_one_head(ring, heads + i * RING_SECTOR_BYTES, room))
            return RING_HERE;
    /* The second is written when the first is safe. So one that was cut off has nothing in the second. */
    const bool begun = memcmp(heads, head_magic, sizeof head_magic) == 0 || ring_is_blank(heads, RING_SECTOR_BYTES);
    return begun && ring_is_blank(heads + RING_SECTOR_BYTES, RING_SECTOR_BYTES) ? RING_UNMADE : RING_FOREIGN;
}

uint32_t ring_slot(const sample_ring *ring, uint64_t number)
{
    return (uint32_t)(number % ring->slots);
}

uint64_t ring_oldest(const sample_ring *ring)
{
    return ring->next > ring->slots ? ring->next - ring->slots : 1;
}

void ring_record_make(const sample_ring *ring, const ring_record *record, uint8_t sector_out[RING_SECTOR_BYTES])
{
    wire_record wire = {.ring_id = fa_le32_of(ring->id),
                        .number = fa_le64_of(record->number),
                        .boot = fa_le32_of(record->boot),
                        .kind = (uint8_t)record->kind,
                        .count = (uint8_t)record->count};
    memcpy(wire.magic, record_magic, sizeof record_magic);
    for (uint32_t i = 0; i < record->count; i++) {
        const sample *from = &record->samples[i];
        wire.samples[i] = (wire_sample){fa_le64_of(from->wall_ms), fa_le32_of(from->uptime_s),
                                        fa_le32_of((uint32_t)from->milli)};
    }
    wire.crc = fa_le32_of(crc32(&wire, offsetof(wire_record, crc)));
    memcpy(sector_out, &wire, sizeof wire);
}

bool ring_record_read(const sample_ring *ring, uint32_t slot, const uint8_t sector[RING_SECTOR_BYTES],
                      ring_record *record_out)
{
    wire_record wire;
    memcpy(&wire, sector, sizeof wire);
    const uint64_t number = fa_le64_get(wire.number);
    if (memcmp(wire.magic, record_magic, sizeof record_magic) != 0 || fa_le32_get(wire.ring_id) != ring->id ||
        fa_le32_get(wire.crc) != crc32(&wire, offsetof(wire_record, crc)) || wire.kind >= SAMPLE_KINDS ||
        wire.count == 0 || wire.count > RING_SAMPLES_MAX || number == 0 || number > NUMBER_MAX ||
        ring_slot(ring, number) != slot)
        return false;
    *record_out = (ring_record){.number = number, .boot = fa_le32_get(wire.boot), .kind = wire.kind, .count = wire.count};
    for (uint32_t i = 0; i < record_out->count; i++) {
        const wire_sample *from = &wire.samples[i];
        record_out->samples[i] = (sample){fa_le64_get(from->wall_ms), fa_le32_get(from->uptime_s),
                                          (int32_t)fa_le32_get(from->milli)};
    }
    return true;
}

void ring_look(sample_ring *ring, uint32_t slot, const uint8_t sector[RING_SECTOR_BYTES])
{
    ring_record record;
    if (!ring_record_read(ring, slot, sector, &record))
        return;
    ring->valid++;
    if (record.number >= ring->next) {
        ring->next = record.number + 1;
        ring->boot = record.boot;
    }
}

void ring_looked(sample_ring *ring)
{
    const uint64_t expected = ring->next - ring_oldest(ring);
    if (ring->next > 1)
        ring->boot++;
    if (ring->valid < expected)
        ring->missing = (uint32_t)expected - ring->valid;
}
