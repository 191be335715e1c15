/* SPDX-License-Identifier: ISC */
/* Names of hosts and addresses, as certificates hold them in the extension subjectAltName. */
#ifndef FATA_CLI_CERT_NAMES_H
#define FATA_CLI_CERT_NAMES_H

#include "../text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_MAX 32

struct names {
    struct {
        const char *text;    /* as it was given, in small letters */
        uint8_t address[16]; /* of an address, 4 or 16 bytes */
        size_t address_len;  /* 0: it is a name */
    } items[NAMES_MAX];
    size_t count;
};

/* Adds a host's name, or an address; ends the program when it is neither, or `address_only` and no address. */
void names_add(struct names *names, const char *given, bool address_only);
/* The extension's value: RFC 5280 section 4.2.1.6. */
void names_write(const struct names *names, struct text *der_out);
/* "CN=..." with what mbedTLS's reader of names gives a meaning escaped. */
const char *names_subject(const char *common_name);

#endif
