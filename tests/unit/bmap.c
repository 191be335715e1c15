/* SPDX-License-Identifier: ISC */
/* sdk/cli's SHA-256, by the examples of FIPS 180-4, and its reader of block maps, by a map and what can be wrong with one. */
#include "../../sdk/cli/bmap.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

static void expect_digest(const char *bytes, size_t piece, const char *want)
{
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];

    sha256_start(&hash);
    for (size_t len = strlen(bytes), at = 0; at < len; at += piece) {
        sha256_add(&hash, bytes + at, len - at < piece ? len - at : piece);
    }
    sha256_end(&hash, digest);
    sha256_text(digest, text);
    assert_string_equal(text, want);
}

static void test_sha256(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 70; piece++) {
        expect_digest("", piece, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        expect_digest("abc", piece, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        expect_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", piece,
                      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        /* One byte less than what its length has room beside, and a whole block. */
        expect_digest("0123456789012345678901234567890123456789012345678901234", piece,
                      "f34d5a0f80c0cbf84c8c0b90218c22637abd199965249da736a20143c8c9c9d9");
        expect_digest("0123456789012345678901234567890123456789012345678901234567890123", piece,
                      "9674d9e078535b7cec43284387a6ee39956188e735a85452b0050b55341cda56");
    }
}

#define SUM_A "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD                                                                                                           \
    "<?xml version=\"1.0\" ?>\n<!-- <Range> of no account -->\n<bmap version=\"2.0\">\n"                               \
    "<ImageSize> 20001 </ImageSize>\n<BlockSize> 4096 </BlockSize>\n<BlocksCount> 5 </BlocksCount>\n"
#define KIND "<MappedBlocksCount> 3 </MappedBlocksCount>\n<ChecksumType> sha256 </ChecksumType>\n"
#define SUM "<BmapFileChecksum> " ZEROS " </BmapFileChecksum>\n"
#define RANGE(numbers) "<Range chksum=\"" SUM_A "\"> " numbers " </Range>\n"
#define TAIL "</BlockMap></bmap>\n"

/* With the map's own checksum filled in. */
static bool parse(struct bmap *map, const char *source, const char **why)
{
    size_t len = strlen(source);
    char *bytes = malloc(len + 1); /* exactly: a byte behind it is an error */
    char *place;
    char text[2 * SHA256_BYTES + 1];
    uint8_t digest[SHA256_BYTES];
    struct sha256 hash;
    bool good;

    assert_non_null(bytes);
    memcpy(bytes, source, len + 1);
    place = strstr(bytes, ZEROS);
    if (place != NULL) {
        sha256_start(&hash);
        sha256_add(&hash, bytes, len);
        sha256_end(&hash, digest);
        sha256_text(digest, text);
        memcpy(place, text, 2 * SHA256_BYTES);
    }
    bytes = realloc(bytes, len > 0 ? len : 1);
    good = bmap_parse(map, bytes, len, why);
    free(bytes);
    return good;
}

static void refuse(const char *source, const char *want)
{
    struct bmap map;
    const char *why = NULL;

    assert_false(parse(&map, source, &why));
    assert_non_null(why);
    if (strstr(why, want) == NULL) {
        fail_msg("`%s` instead of `%s`", why, want);
    }
    assert_null(map.ranges);
}

static void test_map(void **state)
{
    struct bmap map;
    const char *why = NULL;

    (void)state;
    if (!parse(&map, HEAD KIND SUM "<BlockMap>\n" RANGE("0") RANGE("3-4") TAIL, &why)) {
        fail_msg("%s", why);
    }
    assert_int_equal(map.image_bytes, 20001);
    assert_int_equal(map.block_bytes, 4096);
    assert_int_equal(map.range_count, 2);
    assert_int_equal(map.ranges[0].first_block, 0);
    assert_int_equal(map.ranges[0].last_block, 0);
    assert_int_equal(map.ranges[1].first_block, 3);
    assert_int_equal(map.ranges[1].last_block, 4);
    assert_int_equal(map.ranges[1].digest[0], 0x9f);
    assert_int_equal(map.ranges[1].digest[31], 0x08);
    free(map.ranges);
}

static void test_bad_maps(void **state)
{
    (void)state;
    refuse("", "no block map");
    refuse("<html></html>", "no block map");
    refuse("-----BEGIN PGP SIGNED MESSAGE-----\n", "signed by PGP");
    refuse("<!-- no end", "in the middle of a comment");
    refuse("<bmap version=\"1.3\">", "not of version 2");
    refuse("<bmap>", "not of version 2");
    refuse("<bmap version=\"2.0\"><BlockMap>", "ImageSize, BlockSize or BlocksCount is missing");
    refuse(HEAD "<ChecksumType> sha1 </ChecksumType>", "not SHA-256");
    refuse("<bmap version=\"2.0\"><ImageSize>1x</ImageSize>", "is no number");
    refuse("<bmap version=\"2.0\"><ImageSize>18446744073709551616</ImageSize>", "is no number");
    refuse("<bmap version=\"2.0\"><ImageSize>1</ImageSize><BlockSize>1000</BlockSize><BlocksCount>1</BlocksCount><BlockMap>",
           "no power of two");
    refuse("<bmap version=\"2.0\"><ImageSize>5000</ImageSize><BlockSize>4096</BlockSize><BlocksCount>1</BlocksCount><BlockMap>",
           "does not fit its ImageSize");
    refuse(HEAD KIND SUM "<BlockMap>" RANGE("0-2"), "its end is missing");
    refuse(HEAD KIND SUM "<BlockMap>" RANGE("") TAIL, "no block numbers");
    refuse(HEAD KIND SUM "<BlockMap>" RANGE("1-") TAIL, "no block numbers");
    refuse(HEAD KIND SUM "<BlockMap>" RANGE("2-1") TAIL, "not in order");
    refuse(HEAD KIND SUM "<BlockMap>" RANGE("3-5") TAIL, "outside of the image");
    refuse(HEAD KIND SUM "<BlockMap>" RANGE("1-2") RANGE("2") TAIL, "not in order");
    refuse(HEAD KIND SUM "<BlockMap>" RANGE("3-4") RANGE("0") TAIL, "not in order");
    refuse(HEAD KIND SUM "<BlockMap>" RANGE("0") TAIL, "do not add up");
    refuse(HEAD KIND SUM "<BlockMap>" TAIL, "do not add up");
    refuse(HEAD KIND SUM "<BlockMap>" RANGE("0") RANGE("3-4") "<ImageSize>9</ImageSize><BlocksCount>1</BlocksCount>" TAIL, "do not add up");
    refuse(HEAD KIND SUM "<BlockMap><Range chksum=\"12\">0-2</Range>" TAIL, "has no SHA-256");
    refuse(HEAD KIND SUM "<BlockMap><Range sha1=\"12\">0-2</Range>" TAIL, "has no SHA-256");
    refuse(HEAD KIND SUM "<BlockMap><Range chksum=>0-2</Range>" TAIL, "has no SHA-256");
    refuse(HEAD KIND SUM "<BlockMap><Range chksum=\"" SUM_A ">0-2</Range>" TAIL, "has no SHA-256");
    refuse(HEAD KIND "<BlockMap>" RANGE("0-2") TAIL, "its own checksum");
    refuse(HEAD KIND "<BmapFileChecksum> " SUM_A " </BmapFileChecksum>\n<BlockMap>" RANGE("0-2") TAIL, "its own checksum");
}

/* Whatever byte of a good map is another: it is refused, or is the same map. */
static void test_damage(void **state)
{
    static const char source[] = HEAD KIND SUM "<BlockMap>\n" RANGE("0") RANGE("3-4") TAIL;
    struct bmap map;
    const char *why = NULL;
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];
    char bytes[sizeof source];

    (void)state;
    memcpy(bytes, source, sizeof source);
    sha256_start(&hash);
    sha256_add(&hash, bytes, sizeof source - 1);
    sha256_end(&hash, digest);
    sha256_text(digest, text);
    memcpy(strstr(bytes, ZEROS), text, 2 * SHA256_BYTES);
    for (size_t i = 0; i < sizeof source - 1; i++) {
        char kept = bytes[i];

        bytes[i] = (char)(kept ^ 1);
        assert_false(bmap_parse(&map, bytes, sizeof source - 1, &why));
        bytes[i] = kept;
        assert_false(bmap_parse(&map, bytes, i, &why)); /* cut off */
    }
    assert_true(bmap_parse(&map, bytes, sizeof source - 1, &why));
    free(map.ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_bad_maps),
        cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
