/* SPDX-License-Identifier: ISC */
/* Fuzzes readers and writers: the input says which operations, on the rest of itself and on a buffer
 * of some size. A reader never has more left than there is, and once failed, gives zeroes; what is
 * read is written again, and is the same then. */
#include "require.h"
#include <fata/bytes.h>
#include <string.h>

#define OPERATIONS 8u

/* Reads by one reader, writes the same by one writer. */
static void step(fa_reader *r, fa_writer *w, uint8_t operation)
{
    switch (operation % OPERATIONS) {
    case 0: fa_write_u8(w, fa_read_u8(r)); break;
    case 1: fa_write_be16(w, fa_read_be16(r)); break;
    case 2: fa_write_be32(w, fa_read_be32(r)); break;
    case 3: fa_write_be64(w, fa_read_be64(r)); break;
    case 4: fa_write_le16(w, fa_read_le16(r)); break;
    case 5: fa_write_le32(w, fa_read_le32(r)); break;
    case 6: fa_write_le64(w, fa_read_le64(r)); break;
    default: {
        const size_t len = operation / OPERATIONS;
        const uint8_t *bytes = fa_read_bytes(r, len);
        if (bytes != NULL)
            fa_write_bytes(w, bytes, len);
        break;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    size_t count = bytes[0] % 32u, cap = bytes[1];
    count = count < len - 2 ? count : len - 2;
    const uint8_t *operations = bytes + 2, *body = operations + count;
    const size_t body_len = len - 2 - count;
    uint8_t *room = cap == 0 ? NULL : malloc(cap);
    fa_reader r = fa_reader_of(body, body_len);
    fa_writer w = fa_writer_of(room, cap);
    for (size_t i = 0; i < count; i++) {
        const bool failed = r.failed;
        const size_t left_bytes = r.left_bytes;
        step(&r, &w, operations[i]);
        require(r.left_bytes <= left_bytes && w.len <= cap);
        require(!failed || (r.failed && r.left_bytes == left_bytes));
        require(r.next == body + (body_len - r.left_bytes));
    }
    if (!r.failed && !w.failed && w.len > 0)
        require(w.len == body_len - r.left_bytes && memcmp(room, body, w.len) == 0);
    free(room);
    return 0;
}
