/* SPDX-License-Identifier: ISC */
/* Requests and answers of a block device, in the words of Xen's public header io/blkif.h, as 64-bit x86
 * and 32-bit ARM lay them out ("x86_64-abi", "arm-abi"). All places and lengths are in units of 512
 * bytes, whatever the sector's size: so do Linux' and QEMU's back ends unless they are asked for
 * another way (feature-large-sector-size). */
#ifndef FATA_DRIVERS_XEN_BLKIF_ABI_H
#define FATA_DRIVERS_XEN_BLKIF_ABI_H

#include <fata/base.h>

#define BLKIF_UNIT_BYTES 512u
#define BLKIF_SEGMENTS_MAX 11u /* of a request that holds them itself */

enum { BLKIF_READ = 0, BLKIF_WRITE = 1, BLKIF_FLUSH = 3, BLKIF_DISCARD = 5, BLKIF_INDIRECT = 6 };

/* A part of a page, `last` included. */
typedef struct blkif_segment {
    uint32_t ref;
    uint8_t first, last;
    uint16_t pad;
} blkif_segment;
_Static_assert(sizeof(blkif_segment) == 8, "struct blkif_request_segment");

typedef struct blkif_request {
    uint8_t operation;
    uint8_t segment_count;
    uint16_t handle;
    uint32_t pad;
    uint64_t id;
    uint64_t unit;
    blkif_segment segments[BLKIF_SEGMENTS_MAX];
} blkif_request;
_Static_assert(sizeof(blkif_request) == 112, "struct blkif_request");

typedef struct blkif_discard {
    uint8_t operation;
    uint8_t flags;
    uint16_t handle;
    uint32_t pad;
    uint64_t id;
    uint64_t unit;
    uint64_t unit_count;
} blkif_discard;
_Static_assert(sizeof(blkif_discard) == 32, "struct blkif_request_discard");

/* Its segments stand in pages of their own. */
#define BLKIF_INDIRECT_PAGES_MAX 8u
typedef struct blkif_indirect {
    uint8_t operation; /* BLKIF_INDIRECT */
    uint8_t indirect_operation;
    uint16_t segment_count;
    uint32_t pad;
    uint64_t id;
    uint64_t unit;
    uint16_t handle;
    uint16_t pad_handle;
    uint32_t refs[BLKIF_INDIRECT_PAGES_MAX];
    uint32_t pad_end;
} blkif_indirect;
_Static_assert(sizeof(blkif_indirect) == 64, "struct blkif_request_indirect");

typedef struct blkif_answer {
    uint64_t id;
    uint8_t operation;
    uint8_t pad;
    int16_t status;
    uint32_t pad_end;
} blkif_answer;
_Static_assert(sizeof(blkif_answer) == 16, "struct blkif_response");
enum { BLKIF_OKAY = 0, BLKIF_ERROR = -1, BLKIF_NOT_SUPPORTED = -2 };

/* Bits of the back end's "info". */
#define BLKIF_INFO_READ_ONLY 4u

#endif
