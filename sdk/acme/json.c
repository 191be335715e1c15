/* SPDX-License-Identifier: ISC */
/* Reading JSON: see json.h. The check follows the grammar of RFC 8259; what looks for values relies on it. */
#include "json.h"
#include <string.h>

typedef struct cursor {
    const char *at, *end;
    unsigned depth;
} cursor;

static bool next_is(const cursor *c, char what)
{
    return c->at < c->end && *c->at == what;
}

static bool take(cursor *c, char what)
{
    const bool is = next_is(c, what);
    c->at += is;
    return is;
}

static void skip_blanks(cursor *c)
{
    while (next_is(c, ' ') || next_is(c, '\t') || next_is(c, '\n') || next_is(c, '\r'))
        c->at++;
}

static size_t skip_digits(cursor *c)
{
    const char *start = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return (size_t)(c->at - start);
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* The unit behind \u; -1: it is none. */
static int take_unit(cursor *c)
{
    int unit = 0;
    for (unsigned i = 0; i < 4; i++, c->at++) {
        const int digit = c->at < c->end ? hex_value(*c->at) : -1;
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static bool check_text(cursor *c)
{
    if (!take(c, '"'))
        return false;
    while (c->at < c->end && *c->at != '"') {
        const char byte = *c->at++;
        if ((uint8_t)byte < 0x20)
            return false;
        if (byte != '\\')
            continue;
        if (take(c, 'u')) {
            if (take_unit(c) < 0)
                return false;
        } else if (c->at == c->end || *c->at == '\0' || strchr("\"\\/bfnrt", *c->at++) == NULL) {
            return false;
        }
    }
    return take(c, '"');
}

static bool check_number(cursor *c)
{
    take(c, '-');
    if (!take(c, '0') && skip_digits(c) == 0)
        return false;
    if (take(c, '.') && skip_digits(c) == 0)
        return false;
    if (take(c, 'e') || take(c, 'E')) {
        if (!take(c, '+'))
            take(c, '-');
        return skip_digits(c) > 0;
    }
    return true;
}

static bool check_word(cursor *c, const char *word)
{
    const size_t len = strlen(word);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
        return false;
    c->at += len;
    return true;
}

static fa_err check_value(cursor *c);

/* An object's members or an array's elements. */
static fa_err check_many(cursor *c, bool is_object)
{
    const char end = is_object ? '}' : ']';
    c->at++;
    skip_blanks(c);
    if (take(c, end))
        return FA_OK;
    do {
        skip_blanks(c);
        if (is_object) {
            if (!check_text(c))
                return FA_EFORMAT;
            skip_blanks(c);
            if (!take(c, ':'))
                return FA_EFORMAT;
            skip_blanks(c);
        }
        const fa_err err = check_value(c);
        if (err != FA_OK)
            return err;
        skip_blanks(c);
    } while (take(c, ','));
    return take(c, end) ? FA_OK : FA_EFORMAT;
}

static fa_err check_value(cursor *c)
{
    bool good = false;
    if (c->at == c->end)
        return FA_EFORMAT;
    switch (*c->at) {
    case '{':
    case '[':
        if (c->depth == FA_JSON_DEPTH_MAX)
            return FA_ELIMIT;
        c->depth++;
        const fa_err err = check_many(c, *c->at == '{');
        c->depth--;
        return err;
    case '"':
        good = check_text(c);
        break;
    case 't':
        good = check_word(c, "true");
        break;
    case 'f':
        good = check_word(c, "false");
        break;
    case 'n':
        good = check_word(c, "null");
        break;
    default:
        good = check_number(c);
        break;
    }
    return good ? FA_OK : FA_EFORMAT;
}

fa_err fa_json_parse(const char *bytes, size_t len, fa_json *value_out)
{
    cursor c = {bytes, bytes + len, 0};
    skip_blanks(&c);
    const char *start = c.at;
    const fa_err err = check_value(&c);
    if (err != FA_OK)
        return err;
    *value_out = (fa_json){start, (size_t)(c.at - start)};
    skip_blanks(&c);
    return c.at == c.end ? FA_OK : FA_EFORMAT;
}

/* Over one value, which is valid. */
static fa_json take_value(cursor *c)
{
    const char *start = c->at;
    const fa_err err = check_value(c);
    (void)err; /* as it was before, and not as deep */
    return (fa_json){start, (size_t)(c->at - start)};
}

bool fa_json_member(fa_json object, const char *name, fa_json *value_out)
{
    cursor c = {object.bytes, object.bytes + object.len, 0};
    const size_t name_len = strlen(name);
    if (!take(&c, '{'))
        return false;
    for (skip_blanks(&c); !next_is(&c, '}'); skip_blanks(&c)) {
        const fa_json key = take_value(&c);
        skip_blanks(&c);
        take(&c, ':');
        skip_blanks(&c);
        const fa_json value = take_value(&c);
        if (key.len == name_len + 2 && memcmp(key.bytes + 1, name, name_len) == 0) {
            *value_out = value;
            return true;
        }
        skip_blanks(&c);
        take(&c, ',');
    }
    return false;
}

bool fa_json_next(fa_json array, size_t *at_io, fa_json *value_out)
{
    cursor c = {array.bytes + *at_io, array.bytes + array.len, 0};
    if (*at_io == 0 && !take(&c, '['))
        return false;
    skip_blanks(&c);
    take(&c, ',');
    skip_blanks(&c);
    if (c.at == c.end || next_is(&c, ']'))
        return false;
    *value_out = take_value(&c);
    *at_io = (size_t)(c.at - array.bytes);
    return true;
}

/* A code point as UTF-8; how many bytes. */
static size_t utf8_of(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    const size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t firsts[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len; i-- > 1; point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)(firsts[len] | point);
    return len;
}

/* The point behind \u, with its second half if it has one (RFC 8259 section 7); 0: it is no character for a text. */
static uint32_t take_point(cursor *c)
{
    const int unit = take_unit(c);
    if (unit < 0xd800 || unit > 0xdfff)
        return (uint32_t)unit;
    if (unit > 0xdbff || !take(c, '\\') || !take(c, 'u'))
        return 0;
    const int low = take_unit(c);
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    return 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
}

fa_err fa_json_text(fa_json value, char *text_out, size_t cap)
{
    cursor c = {value.bytes, value.bytes + value.len, 0};
    size_t len = 0;
    if (!take(&c, '"'))
        return FA_EFORMAT;
    while (!next_is(&c, '"')) {
        char bytes[4] = {*c.at++};
        size_t count = 1;
        if (bytes[0] == '\\' && take(&c, 'u')) {
            const uint32_t point = take_point(&c);
            if (point == 0)
                return FA_EFORMAT;
            count = utf8_of(point, bytes);
        } else if (bytes[0] == '\\') {
            static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
            const char *letter = strchr(letters, *c.at);
            bytes[0] = letter == NULL ? *c.at : meant[letter - letters];
            c.at++;
        }
        if (len + count >= cap)
            return FA_ELIMIT;
        memcpy(text_out + len, bytes, count);
        len += count;
    }
    if (cap == 0)
        return FA_ELIMIT;
    text_out[len] = '\0';
    return FA_OK;
}
