/* SPDX-License-Identifier: ISC */
/* IPv4 addresses and endpoints as text. */
#include <fata/net.h>
#include <stdio.h>

/* A number of 0 to 255 without leading zeros, which some read as octal; what follows it, or NULL. */
static const char *parse_part(const char *text, uint8_t *part_out)
{
    unsigned number = 0, digits = 0;
    for (; *text >= '0' && *text <= '9' && digits < 3; text++, digits++) {
        if (digits > 0 && number == 0)
            return NULL;
        number = number * 10 + (unsigned)(*text - '0');
    }
    *part_out = (uint8_t)number;
    return digits > 0 && number <= 255 ? text : NULL;
}

fa_err fa_ip4_parse(const char *text, fa_ip4 *address_out)
{
    fa_ip4 address;
    for (size_t i = 0; i < sizeof address.byte; i++) {
        text = parse_part(text, &address.byte[i]);
        if (text == NULL || *text != (i < 3 ? '.' : '\0'))
            return FA_EFORMAT;
        text++;
    }
    *address_out = address;
    return FA_OK;
}

const char *fa_endpoint_text(fa_endpoint endpoint, char text_out[FA_ENDPOINT_TEXT_BYTES])
{
    const uint8_t *byte = endpoint.address.byte;
    snprintf(text_out, FA_ENDPOINT_TEXT_BYTES, "%u.%u.%u.%u:%u", byte[0], byte[1], byte[2], byte[3],
             endpoint.port);
    return text_out;
}
