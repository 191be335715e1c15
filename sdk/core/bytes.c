/* SPDX-License-Identifier: ISC */
/* Readers and writers over bytes: every bound is checked in the two functions that take or reserve
 * a run of bytes; all others go through them. */
#include <fata/bytes.h>
#include <string.h>

const uint8_t *fa_read_bytes(fa_reader *reader, size_t len)
{
    if (reader->failed || len > reader->left_bytes) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->next;
    if (len > 0)
        reader->next += len;
    reader->left_bytes -= len;
    return bytes;
}

uint8_t *fa_write_reserve(fa_writer *writer, size_t len)
{
    if (writer->failed || len > writer->cap - writer->len) {
        writer->failed = true;
        return NULL;
    }
    /* (Adding even 0 to NULL, which a writer without room may have, is undefined.) */
    uint8_t *room = writer->bytes == NULL ? NULL : writer->bytes + writer->len;
    writer->len += len;
    return room;
}

void fa_write_bytes(fa_writer *writer, const void *bytes, size_t len)
{
    uint8_t *room = fa_write_reserve(writer, len);
    if (room != NULL && len > 0)
        memcpy(room, bytes, len);
}

uint8_t fa_read_u8(fa_reader *reader)
{
    const uint8_t *byte = fa_read_bytes(reader, 1);
    return byte == NULL ? 0 : *byte;
}

void fa_write_u8(fa_writer *writer, uint8_t n)
{
    fa_write_bytes(writer, &n, 1);
}

/* The same pair for each width and order. */
#define READ_WRITE(order, width)                                                                   \
    uint##width##_t fa_read_##order##width(fa_reader *reader)                                      \
    {                                                                                              \
        fa_##order##width wire = {{0}};                                                            \
        const uint8_t *bytes = fa_read_bytes(reader, sizeof wire);                                 \
        if (bytes != NULL)                                                                         \
            memcpy(&wire, bytes, sizeof wire);                                                     \
        return fa_##order##width##_get(wire);                                                      \
    }                                                                                              \
    void fa_write_##order##width(fa_writer *writer, uint##width##_t n)                             \
    {                                                                                              \
        fa_##order##width wire = fa_##order##width##_of(n);                                        \
        fa_write_bytes(writer, &wire, sizeof wire);                                                \
    }

READ_WRITE(be, 16)
READ_WRITE(be, 32)
READ_WRITE(be, 64)
READ_WRITE(le, 16)
READ_WRITE(le, 32)
READ_WRITE(le, 64)
