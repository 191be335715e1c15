/* SPDX-License-Identifier: ISC */
/*
 * Writes JSON to standard output, indented by two blanks. Values inside an object are given their key, values inside an
 * array NULL. Strings may hold any bytes: what is not UTF-8 comes out as U+FFFD.
 *
 *     struct json json = {0};
 *     json_open(&json, NULL, '[');
 *     json_text(&json, NULL, "a value");
 *     json_close(&json, ']');
 */
#ifndef FATA_CLI_JSON_H
#define FATA_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct json {
    unsigned depth;
    bool follows; /* a value stands before the next one on this level */
};

void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_text(struct json *json, const char *key, const char *value); /* NULL is null */
void json_number(struct json *json, const char *key, uint64_t value);
void json_bool(struct json *json, const char *key, bool value);
void json_address(struct json *json, const char *key, uint64_t value); /* "0x...": beyond what JSON numbers hold */

#endif
