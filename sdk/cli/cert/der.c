/* SPDX-License-Identifier: ISC */
/* Writing DER (X.690 section 8.1: a tag, a length, the contents) and PEM (RFC 7468). */
#include "cert.h"

#include <mbedtls/base64.h>
#include <stdlib.h>
#include <string.h>

#define PEM_LINE 64

void der_add(struct text *out, unsigned tag, const void *inner, size_t len)
{
    char head[6] = {(char)tag};
    size_t used = 1;
    unsigned count = len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;

    if (count == 0) {
        head[used++] = (char)len;
    } else {
        head[used++] = (char)(0x80 | count);
        for (unsigned i = count; i-- > 0;) {
            head[used++] = (char)(len >> (8 * i));
        }
    }
    text_add_bytes(out, head, used);
    text_add_bytes(out, inner, len);
}

void der_wrap(struct text *out, unsigned tag, const struct text *inner)
{
    der_add(out, tag, inner->bytes != NULL ? inner->bytes : "", inner->len);
}

void pem_add(struct text *out, const char *label, const void *der, size_t len)
{
    size_t cap = len / 3 * 4 + 8;
    unsigned char *base64 = malloc(cap);
    size_t made = 0;

    if (base64 == NULL || mbedtls_base64_encode(base64, cap, &made, der, len) != 0) {
        cli_fail("out of memory");
    }
    text_addf(out, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < made; at += PEM_LINE) {
        text_add_bytes(out, (const char *)base64 + at, made - at < PEM_LINE ? made - at : PEM_LINE);
        text_add(out, "\n");
    }
    text_addf(out, "-----END %s-----\n", label);
    free(base64);
}
