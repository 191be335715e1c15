/* SPDX-License-Identifier: ISC */
/* Reading JSON (RFC 8259) in place: a text is checked once as a whole, then values are looked for in it. Nothing is
 * copied but texts, which are unescaped. A value lies in the text's bytes and is valid.
 *
 *     fa_json document, value;
 *     if (fa_json_parse(bytes, len, &document) == FA_OK && fa_json_member(document, "status", &value))
 *         err = fa_json_text(value, text, sizeof text);
 */
#ifndef FATA_ACME_JSON_H
#define FATA_ACME_JSON_H

#include <fata/err.h>

#define FA_JSON_DEPTH_MAX 16u

typedef struct fa_json {
    const char *bytes; /* without white space around them; of objects and arrays, with their brackets */
    size_t len;
} fa_json;

/* FA_EFORMAT: not one JSON value with nothing but white space around it; FA_ELIMIT: too deep. */
FA_MUST_CHECK fa_err fa_json_parse(const char *bytes, size_t len, fa_json *value_out);
/* The value of the first member of that name, which has no escapes; false: there is none, or it is no object. */
bool fa_json_member(fa_json object, const char *name, fa_json *value_out);
/* The elements of an array, one after another: *at_io is 0 at first. False: no more, or it is no array. */
bool fa_json_next(fa_json array, size_t *at_io, fa_json *value_out);
/* With its NUL. FA_EFORMAT: not a text, or one with a NUL or half a surrogate in it; FA_ELIMIT: too long. */
FA_MUST_CHECK fa_err fa_json_text(fa_json value, char *text_out, size_t cap);

#endif
