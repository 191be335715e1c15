/* SPDX-License-Identifier: ISC */
/* The reader of cards: see card.h. */
#include "card.h"

#include "little.h"

#include <stdlib.h>
#include <string.h>

/* The MBR. */
enum { AT_PARTITIONS = 446, PARTITION_BYTES = 16, AT_TYPE = 4, AT_START = 8, AT_SECTORS = 12, AT_SIGNATURE = 510 };

/* The SPL's header (U-Boot: include/sunxi_image.h). */
enum {
    AT_SPL_MAGIC = 4,
    AT_SPL_SUM = 12,
    AT_SPL_BYTES = 16,
    AT_SPL_VERSION = 20, /* "SPL" and a number: from 2 on, there is a name */
    AT_SPL_TREE = 32,    /* where the tree's name is */
    SPL_HEADER_BYTES = 96,
};
#define SPL_MAGIC "eGON.BT0"
#define SPL_SUM_SEED UINT32_C(0x5f0a6c39) /* what stands in the sum's place while it is made */

/* U-Boot's legacy header; its numbers are big-endian. */
enum { AT_HEADER_CRC = 4, AT_DATA_BYTES = 12, AT_DATA_CRC = 24, AT_NAME = 32, LEGACY_BYTES = 64 };
#define LEGACY_MAGIC UINT32_C(0x27051956)

#define BOOTARGS "bootargs="

static uint32_t big32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* IEEE 802.3's, as zlib and U-Boot have it: `crc` is 0, or what came before. */
static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0xedb88320) : 0);
        }
    }
    return ~crc;
}

static bool has_spl_magic(const uint8_t *bytes, size_t len)
{
    return len >= CARD_SPL_AT + SPL_HEADER_BYTES &&
           memcmp(bytes + CARD_SPL_AT + AT_SPL_MAGIC, SPL_MAGIC, sizeof SPL_MAGIC - 1) == 0;
}

bool card_matches(const uint8_t *bytes, size_t len)
{
    if (len < CARD_SPL_AT + SPL_HEADER_BYTES || bytes[AT_SIGNATURE] != 0x55 || bytes[AT_SIGNATURE + 1] != 0xaa) {
        return false;
    }
    for (size_t i = 0; i < CARD_PARTITION_COUNT; i++) {
        const uint8_t *entry = bytes + AT_PARTITIONS + i * PARTITION_BYTES;

        if ((entry[0] & 0x7f) != 0) { /* 0x80 or 0: else it is no MBR */
            return false;
        }
        if (entry[AT_TYPE] != 0) {
            return true;
        }
    }
    return has_spl_magic(bytes, len);
}

static void take_partitions(struct card *card)
{
    for (size_t i = 0; i < CARD_PARTITION_COUNT; i++) {
        const uint8_t *entry = card->bytes + AT_PARTITIONS + i * PARTITION_BYTES;
        struct card_partition *partition = &card->partitions[i];

        *partition = (struct card_partition){
            .type = entry[AT_TYPE],
            .is_bootable = (entry[0] & 0x80) != 0,
            .start = (uint64_t)little32(entry + AT_START) * CARD_SECTOR_BYTES,
            .bytes = (uint64_t)little32(entry + AT_SECTORS) * CARD_SECTOR_BYTES,
        };
        partition->is_outside = partition->start > card->len || partition->bytes > card->len - partition->start;
    }
}

/* A name that ends at a zero, or with its room; nothing of it may reach a terminal as a command. */
static void take_name(const uint8_t *bytes, size_t room, char *name)
{
    size_t len = 0;

    for (; len < room && len < CARD_NAME_CAP - 1 && bytes[len] != 0; len++) {
        name[len] = (char)(bytes[len] < ' ' || bytes[len] > '~' ? '?' : bytes[len]);
    }
    name[len] = '\0';
}

static void take_spl(struct card *card)
{
    const uint8_t *spl = card->bytes + CARD_SPL_AT;
    size_t room = card->len - CARD_SPL_AT;
    uint32_t sum = SPL_SUM_SEED, tree_at;

    card->has_spl = has_spl_magic(card->bytes, card->len);
    if (!card->has_spl) {
        return;
    }
    card->spl_bytes = little32(spl + AT_SPL_BYTES);
    if (card->spl_bytes < SPL_HEADER_BYTES || card->spl_bytes > room || card->spl_bytes > CARD_U_BOOT_AT - CARD_SPL_AT ||
        card->spl_bytes % 4 != 0) {
        return;
    }
    for (uint32_t at = 0; at < card->spl_bytes; at += 4) {
        sum += at == AT_SPL_SUM ? 0 : little32(spl + at);
    }
    card->spl_is_whole = sum == little32(spl + AT_SPL_SUM);
    tree_at = little32(spl + AT_SPL_TREE);
    if (memcmp(spl + AT_SPL_VERSION, "SPL", 3) == 0 && spl[AT_SPL_VERSION + 3] >= 2 && tree_at > AT_SPL_TREE &&
        tree_at < card->spl_bytes) {
        take_name(spl + tree_at, card->spl_bytes - tree_at, card->tree);
    }
}

bool card_is_legacy_whole(const uint8_t *bytes, size_t len)
{
    static const uint8_t zeros[4] = {0};
    uint32_t crc;

    if (len < LEGACY_BYTES || big32(bytes) != LEGACY_MAGIC || big32(bytes + AT_DATA_BYTES) > len - LEGACY_BYTES) {
        return false;
    }
    crc = crc32(0, bytes, AT_HEADER_CRC);
    crc = crc32(crc, zeros, sizeof zeros);
    crc = crc32(crc, bytes + AT_HEADER_CRC + 4, LEGACY_BYTES - AT_HEADER_CRC - 4);
    return crc == big32(bytes + AT_HEADER_CRC) &&
           crc32(0, bytes + LEGACY_BYTES, big32(bytes + AT_DATA_BYTES)) == big32(bytes + AT_DATA_CRC);
}

static void take_u_boot(struct card *card)
{
    const uint8_t *u_boot = card->bytes + CARD_U_BOOT_AT;

    card->has_u_boot = card->len >= CARD_U_BOOT_AT + LEGACY_BYTES && big32(u_boot) == LEGACY_MAGIC;
    if (card->has_u_boot) {
        card->u_boot_bytes = big32(u_boot + AT_DATA_BYTES);
        take_name(u_boot + AT_NAME, LEGACY_BYTES - AT_NAME, card->u_boot);
        card->u_boot_is_whole = card_is_legacy_whole(u_boot, card->len - CARD_U_BOOT_AT);
    }
}

/* U-Boot takes the first bootable partition, and the first of all where none is. */
static void find_files(struct card *card)
{
    unsigned found = CARD_PARTITION_COUNT;

    for (unsigned i = CARD_PARTITION_COUNT; i-- > 0;) {
        found = card->partitions[i].type != 0 && card->partitions[i].is_bootable ? i : found;
    }
    found = found == CARD_PARTITION_COUNT && card->partitions[0].type != 0 ? 0 : found;
    card->files_in = CARD_PARTITION_COUNT;
    if (found == CARD_PARTITION_COUNT) {
        card->no_files = "there is no partition to boot from";
    } else if (card->partitions[found].is_outside) {
        card->no_files = "the partition to boot from ends behind the card: is the file cut off?";
    } else if (fat_open(&card->fat, card->bytes + card->partitions[found].start, (size_t)card->partitions[found].bytes,
                        &card->no_files)) {
        card->files_in = found;
    }
}

bool card_has(const struct card *card, const char *name)
{
    struct fat_file file;

    return card->files_in < CARD_PARTITION_COUNT && fat_find(&card->fat, name, &file);
}

static struct card_file take_file(const struct card *card, const char *name)
{
    struct card_file taken = {0};
    struct fat_file file;
    size_t at;

    if (card->files_in == CARD_PARTITION_COUNT || !fat_find(&card->fat, name, &file) || file.bytes == 0 ||
        file.bytes > card->fat.len) {
        return taken;
    }
    if (fat_piece(&card->fat, &file, 0, &at) == file.bytes) {
        taken.bytes = card->fat.bytes + at;
        taken.len = file.bytes;
        return taken;
    }
    taken.copy = malloc(file.bytes);
    if (taken.copy != NULL && fat_read(&card->fat, &file, taken.copy)) {
        taken.bytes = taken.copy;
        taken.len = file.bytes;
    }
    return taken;
}

static void take_image(struct card *card)
{
    card->image_file = take_file(card, CARD_IMAGE);
    if (card->files_in == CARD_PARTITION_COUNT) {
        card->no_image = card->no_files;
    } else if (card->image_file.bytes == NULL) {
        card->no_image = card_has(card, CARD_IMAGE) ? "its file " CARD_IMAGE " is empty or damaged" : "it has no file " CARD_IMAGE;
    } else {
        card->has_image = zimage_parse(&card->image, card->image_file.bytes, card->image_file.len, &card->no_image);
    }
}

void card_parse(struct card *card, const uint8_t *bytes, size_t len)
{
    *card = (struct card){.bytes = bytes, .len = len};
    take_partitions(card);
    take_spl(card);
    take_u_boot(card);
    find_files(card);
    take_image(card);
    card->script = take_file(card, CARD_SCRIPT);
    card->options = take_file(card, CARD_OPTIONS);
}

void card_close(struct card *card)
{
    free(card->image_file.copy);
    free(card->script.copy);
    free(card->options.copy);
}

const char *card_options(const struct card *card, size_t *len_out)
{
    const char *text = (const char *)card->options.bytes;
    size_t line_len;

    for (const char *end = text != NULL ? text + card->options.len : NULL; text < end; text += line_len + (text + line_len < end ? 1 : 0)) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));

        line_len = (size_t)((line_end != NULL ? line_end : end) - text);
        if (line_len >= sizeof BOOTARGS - 1 && memcmp(text, BOOTARGS, sizeof BOOTARGS - 1) == 0) {
            *len_out = line_len - (sizeof BOOTARGS - 1);
            *len_out -= text[line_len - 1] == '\r' ? 1 : 0; /* as an owner's editor may leave it, and U-Boot takes it */
            return text + sizeof BOOTARGS - 1;
        }
        if (line_end == NULL) {
            break;
        }
    }
    return NULL;
}
