/* SPDX-License-Identifier: ISC */
/* Little-endian numbers in untrusted bytes; the caller has made sure that they lie in the file. */
#ifndef FATA_CLI_LITTLE_H
#define FATA_CLI_LITTLE_H

#include <stdint.h>

static inline uint16_t little16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t little32(const uint8_t *bytes)
{
    return little16(bytes) | (uint32_t)little16(bytes + 2) << 16;
}

#endif
