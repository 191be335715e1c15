/* SPDX-License-Identifier: ISC */
/* Names of hosts and addresses: see names.h. */
#include "names.h"

#include "cert.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define HOST_BYTES_MAX 253
#define LABEL_BYTES_MAX 63
#define COMMON_NAME_BYTES_MAX 64 /* RFC 5280 appendix A.1, ub-common-name */

/* A host's name, RFC 1123 section 2.1, or one with `*` for its first label. */
static const char *why_no_host(const char *name)
{
    const char *at = strncmp(name, "*.", 2) == 0 ? name + 2 : name;

    if (strlen(name) > HOST_BYTES_MAX) {
        return "it is longer than 253 letters";
    }
    if (at != name && strchr(at, '.') == NULL) {
        return "a `*` needs two labels behind it";
    }
    while (true) {
        size_t len = strcspn(at, ".");

        if (len == 0) {
            return "it has an empty part";
        }
        if (len > LABEL_BYTES_MAX) {
            return "a part of it is longer than 63 letters";
        }
        if (at[0] == '-' || at[len - 1] == '-') {
            return "a part of it begins or ends with `-`";
        }
        for (size_t i = 0; i < len; i++) {
            if ((unsigned char)at[i] >= 0x80) {
                return "it has letters beyond ASCII: write it as the DNS has it, xn--...";
            }
            if (!isalnum((unsigned char)at[i]) && at[i] != '-') {
                return "a host's name has letters, digits, `-` and `.` only";
            }
        }
        if (at[len] == '\0') {
            return NULL;
        }
        at += len + 1;
    }
}

void names_add(struct names *names, const char *given, bool address_only)
{
    char *text = text_format("%s", given);
    size_t len = strlen(text);
    const char *why = NULL;

    if (names->count == NAMES_MAX) {
        cli_usage("more than %d names", NAMES_MAX);
    }
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)tolower((unsigned char)text[i]);
    }
    if (inet_pton(AF_INET, text, names->items[names->count].address) == 1) {
        names->items[names->count].address_len = 4;
    } else if (inet_pton(AF_INET6, text, names->items[names->count].address) == 1) {
        names->items[names->count].address_len = 16;
    } else {
        names->items[names->count].address_len = 0;
        if (len > 1 && text[len - 1] == '.') {
            text[--len] = '\0';
        }
        why = address_only ? "an IP address is wanted" : why_no_host(text);
        if (why == NULL && strspn(text, "0123456789.") == len) {
            why = "it is neither a name nor an address";
        }
    }
    if (why != NULL) {
        cli_usage("%s%s: %s", address_only ? "--ip " : "", given, why);
    }
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].text, text) == 0) {
            return;
        }
    }
    names->items[names->count++].text = text;
}

void names_write(const struct names *names, struct text *der_out)
{
    struct text all = {0};

    for (size_t i = 0; i < names->count; i++) {
        if (names->items[i].address_len > 0) {
            der_add(&all, 0x87, names->items[i].address, names->items[i].address_len);
        } else {
            der_add(&all, 0x82, names->items[i].text, strlen(names->items[i].text));
        }
    }
    der_wrap(der_out, 0x30, &all);
    text_free(&all);
}

const char *names_subject(const char *common_name)
{
    struct text subject = {0};

    if (common_name[0] == '\0' || strlen(common_name) > COMMON_NAME_BYTES_MAX) {
        cli_usage("a certificate's name has 1 to %d bytes: `%s`", COMMON_NAME_BYTES_MAX, common_name);
    }
    text_add(&subject, "CN=");
    for (const char *at = common_name; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            cli_usage("a certificate's name has a control character in it");
        }
        if (strchr(",=+<>#;\"\\", *at) != NULL || (*at == ' ' && (at == common_name || at[1] == '\0'))) {
            text_add(&subject, "\\");
        }
        text_add_bytes(&subject, at, 1);
    }
    return subject.bytes;
}
