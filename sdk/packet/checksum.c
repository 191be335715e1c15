/* SPDX-License-Identifier: ISC */
/* The Internet checksum (RFC 1071). Words are added in the machine's own order, four bytes at a time
 * into 64 bits, and the sum is swapped into the wire's order once, at the end (RFC 1071, 2 (B)). */
#include "packet.h"
#include <fata/bytes.h>
#include <string.h>

/* The two halves of a word, added with the carry coming round: it is what the lower half's sum brings into the upper one. */
static uint16_t fold(uint32_t sum)
{
    return (uint16_t)((sum + (sum >> 16 | sum << 16)) >> 16);
}

/* Not several at a time: compilers keep an array in memory. */
static uint32_t word_at(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

uint32_t fa_checksum_add(uint32_t sum, const void *bytes, size_t len)
{
    const uint8_t *next = bytes;
    uint64_t even = 0, odd = 0; /* two, so that one addition need not wait for the other */
    for (; len >= 32; len -= 32, next += 32) {
        even += word_at(next);
        odd += word_at(next + 4);
        even += word_at(next + 8);
        odd += word_at(next + 12);
        even += word_at(next + 16);
        odd += word_at(next + 20);
        even += word_at(next + 24);
        odd += word_at(next + 28);
    }
    for (; len >= 4; len -= 4, next += 4) /* as of a header */
        even += word_at(next);
    if (len > 0) {
        uint32_t word = 0;
        memcpy(&word, next, len);
        odd += word;
    }
    even = (even >> 32) + (even & UINT32_MAX) + (odd >> 32) + (odd & UINT32_MAX);
    even = (even >> 32) + (even & UINT32_MAX); /* 1 at most is left above, beside a small number */
    const uint16_t own_order = fold((uint32_t)((even >> 32) + (even & UINT32_MAX)));
    fa_be16 wire_order;
    memcpy(&wire_order, &own_order, sizeof wire_order);
    sum += fa_be16_get(wire_order);
    return sum < fa_be16_get(wire_order) ? sum + 1 : sum;
}

uint16_t fa_checksum_fold(uint32_t sum)
{
    return (uint16_t)~fold(sum);
}

uint32_t fa_packet_checksum_add(uint32_t sum, const fa_packet *packet, size_t offset, size_t len)
{
    bool swapped = false;
    for (const fa_packet_segment *segment = packet->segments;
         len > 0 && segment < packet->segments + packet->segment_count; segment++) {
        if (offset >= segment->len) {
            offset -= segment->len;
            continue;
        }
        const size_t here = segment->len - offset < len ? segment->len - offset : len;
        const uint32_t part =
            fold(fa_checksum_add(0, segment->page->bytes + segment->offset + offset, here));
        sum += swapped ? (part << 8 & 0xff00) | part >> 8 : part;
        swapped ^= here % 2 != 0;
        len -= here;
        offset = 0;
    }
    return sum;
}

void fa_packet_finish_checksum(fa_packet *packet)
{
    const size_t field = (size_t)packet->checksum_start + packet->checksum_offset;
    uint8_t *head = fa_packet_head(packet, field + sizeof(fa_be16));
    if (packet->checksum != FA_PACKET_PARTIAL || head == NULL)
        return;
    uint16_t checksum = fa_checksum_fold(fa_packet_checksum_add(
        0, packet, packet->checksum_start, packet->len - packet->checksum_start));
    /* 0 means "none" to UDP (RFC 768); its other form means the same to all. */
    checksum = checksum == 0 ? 0xffff : checksum;
    const fa_be16 wire = fa_be16_of(checksum);
    memcpy(head + field, &wire, sizeof wire);
    packet->checksum = FA_PACKET_UNCHECKED;
}
