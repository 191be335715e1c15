/* SPDX-License-Identifier: ISC */
/*
 * The reader of block maps: see bmap.h. Of XML it takes what such files are made of: the declaration, comments, elements
 * with attributes and text, no entities. The map's own checksum is of all its bytes, with the digits of the checksum
 * taken as zeros.
 */
#include "bmap.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS ((size_t)2 * SHA256_BYTES)

struct reader {
    const char *bytes;
    size_t len;
    size_t at;
    const char *why; /* the first thing that was wrong; then all reading ends */
};

/* A piece of the file. */
struct piece {
    const char *bytes;
    size_t len;
};

/* An element's opening tag, and the text up to the next tag. */
struct element {
    struct piece name; /* of a closing one with its slash */
    struct piece attributes;
    struct piece text;
};

static bool refuse(struct reader *reader, const char *why)
{
    if (reader->why == NULL) {
        reader->why = why;
    }
    return false;
}

static bool starts(const struct reader *reader, const char *word)
{
    size_t len = strlen(word);

    return reader->len - reader->at >= len && memcmp(reader->bytes + reader->at, word, len) == 0;
}

static bool skip_behind(struct reader *reader, const char *word)
{
    while (reader->at < reader->len) {
        if (starts(reader, word)) {
            reader->at += strlen(word);
            return true;
        }
        reader->at++;
    }
    return refuse(reader, "it ends in the middle of a comment or a tag");
}

static bool is(struct piece piece, const char *word)
{
    return piece.len == strlen(word) && memcmp(piece.bytes, word, piece.len) == 0;
}

static struct piece trim(struct piece piece)
{
    while (piece.len > 0 && isspace((unsigned char)piece.bytes[0])) {
        piece.bytes++;
        piece.len--;
    }
    while (piece.len > 0 && isspace((unsigned char)piece.bytes[piece.len - 1])) {
        piece.len--;
    }
    return piece;
}

/* The next element; false at the end, or when something is wrong. */
static bool next_element(struct reader *reader, struct element *element_out)
{
    size_t start, end;

    for (;;) {
        while (reader->at < reader->len && reader->bytes[reader->at] != '<') {
            reader->at++;
        }
        if (reader->at == reader->len) {
            return false;
        }
        if (!starts(reader, "<!--") && !starts(reader, "<?")) {
            break;
        }
        if (!skip_behind(reader, starts(reader, "<?") ? "?>" : "-->")) {
            return false;
        }
    }
    start = reader->at + 1;
    if (!skip_behind(reader, ">")) {
        return false;
    }
    end = reader->at - 1;
    element_out->name.bytes = reader->bytes + start;
    element_out->name.len = 0;
    while (start + element_out->name.len < end && !isspace((unsigned char)element_out->name.bytes[element_out->name.len])) {
        element_out->name.len++;
    }
    element_out->attributes = (struct piece){element_out->name.bytes + element_out->name.len,
                                             end - start - element_out->name.len};
    start = reader->at;
    while (reader->at < reader->len && reader->bytes[reader->at] != '<') {
        reader->at++;
    }
    element_out->text = trim((struct piece){reader->bytes + start, reader->at - start});
    return true;
}

/* The value of the attribute `name`, empty if there is none. */
static struct piece attribute(const struct element *element, const char *name)
{
    struct piece rest = trim(element->attributes);

    while (rest.len > 0) {
        const char *equals = memchr(rest.bytes, '=', rest.len);
        const char *open, *close;
        struct piece key;

        if (equals == NULL || equals + 1 == rest.bytes + rest.len || (equals[1] != '"' && equals[1] != '\'')) {
            break;
        }
        key = trim((struct piece){rest.bytes, (size_t)(equals - rest.bytes)});
        open = equals + 2;
        close = memchr(open, equals[1], (size_t)(rest.bytes + rest.len - open));
        if (close == NULL) {
            break;
        }
        if (is(key, name)) {
            return (struct piece){open, (size_t)(close - open)};
        }
        rest = trim((struct piece){close + 1, (size_t)(rest.bytes + rest.len - close - 1)});
    }
    return (struct piece){"", 0};
}

/* Reads the digits at the start of a piece, and takes them off it. */
static bool take_number(struct piece *piece, uint64_t *value_out)
{
    size_t count = 0;

    *value_out = 0;
    for (; count < piece->len && isdigit((unsigned char)piece->bytes[count]); count++) {
        uint64_t digit = (uint64_t)(piece->bytes[count] - '0');

        if (*value_out > (UINT64_MAX - digit) / 10) {
            return false;
        }
        *value_out = *value_out * 10 + digit;
    }
    piece->bytes += count;
    piece->len -= count;
    return count > 0;
}

static bool read_number(struct piece piece, uint64_t *value_out)
{
    return take_number(&piece, value_out) && piece.len == 0;
}

static bool read_digest(struct piece piece, uint8_t digest_out[SHA256_BYTES])
{
    static const char hex[] = "0123456789abcdef";

    if (piece.len != DIGITS) {
        return false;
    }
    for (size_t i = 0; i < DIGITS; i++) {
        const char *digit = memchr(hex, tolower((unsigned char)piece.bytes[i]), 16);

        if (digit == NULL) {
            return false;
        }
        digest_out[i / 2] = (uint8_t)(digest_out[i / 2] << 4 | (digit - hex));
    }
    return true;
}

/* "FIRST-LAST" or "ONLY", blocks of the image, behind those of the range before. */
static bool add_range(struct reader *reader, struct bmap *map, size_t *cap, const struct element *element)
{
    struct bmap_range range;
    struct piece rest = element->text;
    const struct bmap_range *before = map->range_count > 0 ? &map->ranges[map->range_count - 1] : NULL;

    if (!take_number(&rest, &range.first_block)) {
        return refuse(reader, "a Range holds no block numbers");
    }
    range.last_block = range.first_block;
    if (rest.len > 0 && rest.bytes[0] == '-') {
        rest = trim((struct piece){rest.bytes + 1, rest.len - 1});
        if (!take_number(&rest, &range.last_block)) {
            return refuse(reader, "a Range holds no block numbers");
        }
    }
    if (rest.len > 0 || range.last_block < range.first_block || range.last_block >= map->block_count ||
        (before != NULL && range.first_block <= before->last_block)) {
        return refuse(reader, "its ranges are not in order, or lie outside of the image");
    }
    if (!read_digest(attribute(element, "chksum"), range.digest)) {
        return refuse(reader, "a Range has no SHA-256 (chksum)");
    }
    if (map->range_count == *cap) {
        struct bmap_range *more = realloc(map->ranges, (*cap + 256) * sizeof *more);

        if (more == NULL) {
            return refuse(reader, "there is not enough memory for it");
        }
        map->ranges = more;
        *cap += 256;
    }
    map->ranges[map->range_count++] = range;
    return true;
}

/* The numbers must be there before the ranges, as the format has them. */
static bool check_numbers(struct reader *reader, const struct bmap *map)
{
    if (map->image_bytes == 0 || map->block_bytes == 0 || map->block_count == 0) {
        return refuse(reader, "ImageSize, BlockSize or BlocksCount is missing before BlockMap");
    }
    if (map->block_bytes < 512 || map->block_bytes > BMAP_BLOCK_BYTES_MAX ||
        (map->block_bytes & (map->block_bytes - 1)) != 0) {
        return refuse(reader, "its BlockSize is no power of two from 512 to 1048576");
    }
    if (map->image_bytes > INT64_MAX || map->block_count != (map->image_bytes + map->block_bytes - 1) / map->block_bytes) {
        return refuse(reader, "its BlocksCount does not fit its ImageSize");
    }
    return true;
}

static bool check_version(struct reader *reader, const struct element *element)
{
    struct piece version = attribute(element, "version");

    if (version.len < 2 || memcmp(version.bytes, "2.", 2) != 0) {
        return refuse(reader, "it is not of version 2 of the format: make it anew by `bmaptool create`");
    }
    return true;
}

/* Takes one element into the map; *sum is where the map's own checksum stands. */
static bool take(struct reader *reader, struct bmap *map, size_t *cap, const struct element *element, struct piece *sum)
{
    static const char bad_number[] = "a size or a count in it is no number";

    if (is(element->name, "bmap")) {
        return check_version(reader, element);
    }
    if (is(element->name, "ImageSize")) {
        return read_number(element->text, &map->image_bytes) || refuse(reader, bad_number);
    }
    if (is(element->name, "BlockSize")) {
        return read_number(element->text, &map->block_bytes) || refuse(reader, bad_number);
    }
    if (is(element->name, "BlocksCount")) {
        return read_number(element->text, &map->block_count) || refuse(reader, bad_number);
    }
    if (is(element->name, "MappedBlocksCount")) {
        return read_number(element->text, &map->mapped_count) || refuse(reader, bad_number);
    }
    if (is(element->name, "ChecksumType")) {
        return is(element->text, "sha256") || refuse(reader, "its checksums are not SHA-256, which is what this tool knows");
    }
    if (is(element->name, "BmapFileChecksum")) {
        *sum = element->text;
        return true;
    }
    if (is(element->name, "BlockMap")) {
        return check_numbers(reader, map);
    }
    if (is(element->name, "Range")) {
        return check_numbers(reader, map) && add_range(reader, map, cap, element);
    }
    return true;
}

static bool sum_is_right(const struct reader *reader, struct piece sum)
{
    char zeros[DIGITS];
    uint8_t said[SHA256_BYTES], found[SHA256_BYTES];
    struct sha256 hash;

    if (!read_digest(sum, said)) {
        return false;
    }
    memset(zeros, '0', sizeof zeros);
    sha256_start(&hash);
    sha256_add(&hash, reader->bytes, (size_t)(sum.bytes - reader->bytes));
    sha256_add(&hash, zeros, sizeof zeros);
    sha256_add(&hash, sum.bytes + sum.len, reader->len - (size_t)(sum.bytes - reader->bytes) - sum.len);
    sha256_end(&hash, found);
    return memcmp(said, found, sizeof said) == 0;
}

bool bmap_parse(struct bmap *map_out, const char *bytes, size_t len, const char **why_out)
{
    struct reader reader = {.bytes = bytes, .len = len};
    struct element element;
    struct piece sum = {"", 0};
    uint64_t mapped = 0;
    size_t cap = 0;
    bool is_map = false, is_closed = false;

    *map_out = (struct bmap){0};
    if (starts(&reader, "-----BEGIN PGP")) {
        (void)refuse(&reader, "it is signed by PGP around it, which this tool cannot check: give the map without (gpg --decrypt)");
    }
    while (reader.why == NULL && next_element(&reader, &element)) {
        is_map |= is(element.name, "bmap");
        is_closed |= is(element.name, "/bmap");
        if (!is_map) {
            (void)refuse(&reader, "it is no block map");
        } else {
            (void)take(&reader, map_out, &cap, &element, &sum);
        }
    }
    for (size_t i = 0; i < map_out->range_count; i++) {
        mapped += map_out->ranges[i].last_block - map_out->ranges[i].first_block + 1;
    }
    if (reader.why == NULL && !is_map) {
        (void)refuse(&reader, "it is no block map");
    } else if (reader.why == NULL && !is_closed) {
        (void)refuse(&reader, "its end is missing");
    } else if (reader.why == NULL && check_numbers(&reader, map_out)) {
        if (mapped != map_out->mapped_count || mapped == 0 ||
            map_out->ranges[map_out->range_count - 1].last_block >= map_out->block_count) {
            (void)refuse(&reader, "its ranges do not add up to MappedBlocksCount");
        } else if (!sum_is_right(&reader, sum)) {
            (void)refuse(&reader, "its own checksum (BmapFileChecksum) is wrong: the file has been damaged");
        }
    }
    *why_out = reader.why;
    if (reader.why != NULL) {
        free(map_out->ranges);
        *map_out = (struct bmap){0};
    }
    return reader.why == NULL;
}
