/* SPDX-License-Identifier: ISC */
/*
 * SHA-256 (FIPS 180-4), by which block maps and the tool itself tell whether bytes are the same. No I/O happens here.
 *
 *     struct sha256 hash;
 *     sha256_start(&hash);
 *     sha256_add(&hash, bytes, len);
 *     sha256_end(&hash, digest);
 */
#ifndef FATA_CLI_SHA256_H
#define FATA_CLI_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_BLOCK_BYTES 64

struct sha256 {
    uint32_t state[8];
    uint64_t len;
    uint8_t block[SHA256_BLOCK_BYTES];
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t len);
void sha256_end(struct sha256 *hash, uint8_t digest_out[SHA256_BYTES]);

/* As people and block maps write it: 64 small hexadecimal digits. */
void sha256_text(const uint8_t digest[SHA256_BYTES], char text_out[2 * SHA256_BYTES + 1]);

#endif
