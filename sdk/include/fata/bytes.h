/* SPDX-License-Identifier: ISC */
/* Bytes on the wire. Integers of a fixed byte order are byte-array types, so that a forgotten swap
 * is a type error and any alignment is right; input is read through a cursor that checks every
 * bound once, and output is written through one that cannot overrun.
 *
 * A reader or writer that hits its end becomes `failed`, stays so, and yields zeroes or drops what
 * it is given: check once, at the end. They own nothing; the bytes belong to the caller.
 *
 *     fa_reader r = fa_reader_of(bytes, len);
 *     uint16_t type = fa_read_be16(&r);
 *     const uint8_t *body = fa_read_bytes(&r, fa_read_be32(&r));
 *     if (r.failed)
 *         return FA_ETRUNCATED;
 */
#ifndef FATA_BYTES_H
#define FATA_BYTES_H

#include <fata/base.h>

typedef struct fa_be16 { uint8_t byte[2]; } fa_be16;
typedef struct fa_be32 { uint8_t byte[4]; } fa_be32;
typedef struct fa_be64 { uint8_t byte[8]; } fa_be64;
typedef struct fa_le16 { uint8_t byte[2]; } fa_le16;
typedef struct fa_le32 { uint8_t byte[4]; } fa_le32;
typedef struct fa_le64 { uint8_t byte[8]; } fa_le64;

static inline uint16_t fa_be16_get(fa_be16 v)
{
    return (uint16_t)((unsigned)v.byte[0] << 8 | v.byte[1]);
}
static inline uint32_t fa_be32_get(fa_be32 v)
{
    return (uint32_t)v.byte[0] << 24 | (uint32_t)v.byte[1] << 16 | (uint32_t)v.byte[2] << 8 |
           v.byte[3];
}
static inline uint64_t fa_be64_get(fa_be64 v)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < 8; i++)
        n = n << 8 | v.byte[i];
    return n;
}
static inline uint16_t fa_le16_get(fa_le16 v)
{
    return (uint16_t)((unsigned)v.byte[1] << 8 | v.byte[0]);
}
static inline uint32_t fa_le32_get(fa_le32 v)
{
    return (uint32_t)v.byte[3] << 24 | (uint32_t)v.byte[2] << 16 | (uint32_t)v.byte[1] << 8 |
           v.byte[0];
}
static inline uint64_t fa_le64_get(fa_le64 v)
{
    uint64_t n = 0;
    for (unsigned i = 8; i-- > 0;)
        n = n << 8 | v.byte[i];
    return n;
}
static inline fa_be16 fa_be16_of(uint16_t n)
{
    return (fa_be16){{(uint8_t)(n >> 8), (uint8_t)n}};
}
static inline fa_be32 fa_be32_of(uint32_t n)
{
    return (fa_be32){{(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}
static inline fa_be64 fa_be64_of(uint64_t n)
{
    fa_be64 v;
    for (unsigned i = 8; i-- > 0; n >>= 8)
        v.byte[i] = (uint8_t)n;
    return v;
}
static inline fa_le16 fa_le16_of(uint16_t n)
{
    return (fa_le16){{(uint8_t)n, (uint8_t)(n >> 8)}};
}
static inline fa_le32 fa_le32_of(uint32_t n)
{
    return (fa_le32){{(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)}};
}
static inline fa_le64 fa_le64_of(uint64_t n)
{
    fa_le64 v;
    for (unsigned i = 0; i < 8; i++, n >>= 8)
        v.byte[i] = (uint8_t)n;
    return v;
}

typedef struct fa_reader {
    const uint8_t *next;
    size_t left_bytes;
    bool failed;
} fa_reader;

static inline fa_reader fa_reader_of(const void *bytes, size_t len)
{
    return (fa_reader){bytes, len, false};
}
/* The next `len` bytes, still owned by the input; NULL, and failed, when fewer are left (a read of
 * 0 bytes never fails). */
const uint8_t *fa_read_bytes(fa_reader *reader, size_t len);
uint8_t fa_read_u8(fa_reader *reader);
uint16_t fa_read_be16(fa_reader *reader);
uint32_t fa_read_be32(fa_reader *reader);
uint64_t fa_read_be64(fa_reader *reader);
uint16_t fa_read_le16(fa_reader *reader);
uint32_t fa_read_le32(fa_reader *reader);
uint64_t fa_read_le64(fa_reader *reader);

typedef struct fa_writer {
    uint8_t *bytes;
    size_t len; /* written so far */
    size_t cap;
    bool failed;
} fa_writer;

static inline fa_writer fa_writer_of(void *bytes, size_t cap)
{
    return (fa_writer){bytes, 0, cap, false};
}
/* Room for `len` bytes that the caller fills in; NULL, and failed, when there is less. */
uint8_t *fa_write_reserve(fa_writer *writer, size_t len);
void fa_write_bytes(fa_writer *writer, const void *bytes, size_t len);
void fa_write_u8(fa_writer *writer, uint8_t n);
void fa_write_be16(fa_writer *writer, uint16_t n);
void fa_write_be32(fa_writer *writer, uint32_t n);
void fa_write_be64(fa_writer *writer, uint64_t n);
void fa_write_le16(fa_writer *writer, uint16_t n);
void fa_write_le32(fa_writer *writer, uint32_t n);
void fa_write_le64(fa_writer *writer, uint64_t n);

#endif
