/* SPDX-License-Identifier: ISC */
/* For the tests of ACME: base64url without padding (RFC 4648 section 5), decoded. */
#ifndef FATA_TESTS_UNIT_BASE64URL_H
#define FATA_TESTS_UNIT_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

static size_t base64url_decode(const char *text, size_t len, uint8_t *out)
{
    uint32_t word = 0, bits = 0;
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        const char c = text[i];
        word = word << 6 | (uint32_t)(c >= 'a' ? c - 'a' + 26 : c == '_' ? 63 : c >= 'A' ? c - 'A' : c == '-' ? 62 : c - '0' + 52);
        bits += 6;
        if (bits >= 8)
            out[count++] = (uint8_t)(word >> (bits -= 8));
    }
    return count;
}

#endif
