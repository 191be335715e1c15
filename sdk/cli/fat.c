/* SPDX-License-Identifier: ISC */
/* The reader of FAT16 file systems: see fat.h. Page numbers are those of the specification. */
#include "fat.h"

#include "little.h"

#include <string.h>
#include <strings.h>

/* The boot sector's fields (page 9). */
enum {
    AT_SECTOR_BYTES = 11,
    AT_CLUSTER_SECTORS = 13,
    AT_RESERVED_SECTORS = 14,
    AT_TABLES = 16,
    AT_ROOT_ENTRIES = 17,
    AT_SECTORS_16 = 19,
    AT_TABLE_SECTORS = 22,
    AT_SECTORS_32 = 32,
    AT_SIGNATURE = 510,
    BOOT_SECTOR_BYTES = 512,
};

/* An entry of a folder (page 23), and its use for a part of a long name (page 28). */
enum {
    ENTRY_BYTES = 32,
    AT_ATTRIBUTES = 11,
    AT_CASE = 12, /* 8: the name is meant in lower case, 16: the extension (Windows NT) */
    AT_FIRST = 26,
    AT_BYTES = 28,
    ATTRIBUTE_VOLUME = 0x08,
    ATTRIBUTE_FOLDER = 0x10,
    ATTRIBUTES_LONG = 0x0f,
    ENTRY_FREE = 0xe5,
    AT_LONG_SUM = 13,
    LONG_LAST = 0x40,
    LONG_CHARACTERS = 13,
    LONG_PARTS_MAX = 20,
};

#define CLUSTERS_MIN 4085u /* fewer are FAT12, more FAT32 (page 14) */
#define CLUSTERS_MAX 65524u
#define CLUSTER_FIRST 2u

bool fat_open(struct fat *fat, const uint8_t *bytes, size_t len, const char **why_out)
{
    size_t sectors, tables, root_sectors, data;

    *why_out = "it has no FAT16 file system";
    if (len < BOOT_SECTOR_BYTES || bytes[AT_SIGNATURE] != 0x55 || bytes[AT_SIGNATURE + 1] != 0xaa ||
        little16(bytes + AT_SECTOR_BYTES) != BOOT_SECTOR_BYTES || bytes[AT_CLUSTER_SECTORS] == 0) {
        return false;
    }
    sectors = little16(bytes + AT_SECTORS_16) != 0 ? little16(bytes + AT_SECTORS_16) : little32(bytes + AT_SECTORS_32);
    tables = (size_t)bytes[AT_TABLES] * little16(bytes + AT_TABLE_SECTORS);
    root_sectors = ((size_t)little16(bytes + AT_ROOT_ENTRIES) * ENTRY_BYTES + BOOT_SECTOR_BYTES - 1) / BOOT_SECTOR_BYTES;
    data = little16(bytes + AT_RESERVED_SECTORS) + tables + root_sectors;
    if (little16(bytes + AT_RESERVED_SECTORS) == 0 || tables == 0 || root_sectors == 0 || data >= sectors) {
        return false;
    }
    *fat = (struct fat){
        .bytes = bytes,
        .len = len,
        .cluster_bytes = bytes[AT_CLUSTER_SECTORS] * (uint32_t)BOOT_SECTOR_BYTES,
        .cluster_count = (uint32_t)((sectors - data) / bytes[AT_CLUSTER_SECTORS]),
        .table_at = (size_t)little16(bytes + AT_RESERVED_SECTORS) * BOOT_SECTOR_BYTES,
        .root_at = (data - root_sectors) * BOOT_SECTOR_BYTES,
        .root_count = little16(bytes + AT_ROOT_ENTRIES),
        .data_at = data * BOOT_SECTOR_BYTES,
    };
    if (fat->cluster_count < CLUSTERS_MIN || fat->cluster_count > CLUSTERS_MAX) {
        return false;
    }
    *why_out = "its FAT16 file system is damaged: its size is not that of its partition, or its tables are too small";
    return sectors * BOOT_SECTOR_BYTES <= len &&
           (size_t)little16(bytes + AT_TABLE_SECTORS) * BOOT_SECTOR_BYTES >= (fat->cluster_count + CLUSTER_FIRST) * 2;
}

/* "NAME    EXT" as NAME.EXT, in the letters that are meant. */
static void take_short_name(const uint8_t *entry, char *name)
{
    size_t len = 0;

    for (size_t i = 0; i < 11; i++) {
        bool is_lower = (entry[AT_CASE] & (i < 8 ? 8 : 16)) != 0;
        uint8_t c = i == 0 && entry[0] == 0x05 ? '?' : entry[i]; /* 0x05 stands for 0xe5 (page 24) */

        if (c == ' ') {
            continue;
        }
        if (i >= 8 && memchr(name, '.', len) == NULL) {
            name[len++] = '.';
        }
        name[len++] = (char)(c < ' ' || c > '~' ? '?' : is_lower && c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
    }
    name[len] = '\0';
}

/* By which the parts of a long name know their entry (page 28). */
static uint8_t short_sum(const uint8_t *entry)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < 11; i++) {
        sum = (uint8_t)((sum << 7 | sum >> 1) + entry[i]);
    }
    return sum;
}

/* Part `number` (from 1) of a long name into its place; what ends the name is a zero there. */
static void take_long_part(const uint8_t *entry, unsigned number, char *name)
{
    static const uint8_t places[LONG_CHARACTERS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};

    for (size_t i = 0; i < LONG_CHARACTERS; i++) {
        size_t at = (number - 1) * LONG_CHARACTERS + i;
        uint16_t c = little16(entry + places[i]);

        if (at < FAT_NAME_CAP - 1) {
            name[at] = (char)(c == 0 || c == 0xffff ? 0 : c < ' ' || c > '~' ? '?' : c);
        }
    }
}

bool fat_next(const struct fat *fat, size_t *at, struct fat_file *file_out)
{
    char long_name[FAT_NAME_CAP] = "";
    unsigned expected = 0; /* the next part of it; 0: it is whole, or there is none */
    uint8_t sum = 0;

    for (; *at < fat->root_count; (*at)++) {
        size_t entry_at = fat->root_at + *at * ENTRY_BYTES;
        const uint8_t *entry = fat->bytes + entry_at;
        uint8_t attributes = entry[AT_ATTRIBUTES];

        if (entry[0] == 0) {
            break;
        }
        if (entry[0] != ENTRY_FREE && (attributes & 0x3f) == ATTRIBUTES_LONG) {
            unsigned number = entry[0] & 0x1fu;

            if ((entry[0] & LONG_LAST) != 0) {
                memset(long_name, 0, sizeof long_name);
                expected = number;
                sum = entry[AT_LONG_SUM];
            }
            if (number == 0 || number > LONG_PARTS_MAX || number != expected || sum != entry[AT_LONG_SUM]) {
                memset(long_name, 0, sizeof long_name);
                expected = 0;
                continue;
            }
            take_long_part(entry, number, long_name);
            expected--;
            continue;
        }
        if (entry[0] != ENTRY_FREE && (attributes & ATTRIBUTE_VOLUME) == 0) {
            *file_out = (struct fat_file){
                .is_folder = (attributes & ATTRIBUTE_FOLDER) != 0,
                .bytes = little32(entry + AT_BYTES),
                .first = little16(entry + AT_FIRST),
                .entry_at = entry_at,
            };
            take_short_name(entry, file_out->name);
            if (expected == 0 && long_name[0] != '\0' && sum == short_sum(entry)) {
                memcpy(file_out->name, long_name, sizeof long_name);
            }
            (*at)++;
            return true;
        }
        memset(long_name, 0, sizeof long_name);
        expected = 0;
    }
    return false;
}

bool fat_find(const struct fat *fat, const char *name, struct fat_file *file_out)
{
    for (size_t at = 0; fat_next(fat, &at, file_out);) {
        if (!file_out->is_folder && strcasecmp(file_out->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_cluster(const struct fat *fat, uint32_t cluster)
{
    return cluster >= CLUSTER_FIRST && cluster - CLUSTER_FIRST < fat->cluster_count;
}

static uint32_t next_cluster(const struct fat *fat, uint32_t cluster)
{
    return little16(fat->bytes + fat->table_at + (size_t)cluster * 2);
}

size_t fat_piece(const struct fat *fat, const struct fat_file *file, uint32_t offset, size_t *at_out)
{
    uint32_t cluster = file->first, left = file->bytes - offset;
    size_t piece;

    if (offset >= file->bytes) {
        return 0;
    }
    for (uint32_t skip = offset / fat->cluster_bytes; skip > 0 && is_cluster(fat, cluster); skip--) {
        cluster = next_cluster(fat, cluster);
    }
    if (!is_cluster(fat, cluster)) {
        return 0;
    }
    *at_out = fat->data_at + (size_t)(cluster - CLUSTER_FIRST) * fat->cluster_bytes + offset % fat->cluster_bytes;
    piece = fat->cluster_bytes - offset % fat->cluster_bytes;
    while (piece < left && next_cluster(fat, cluster) == cluster + 1 && is_cluster(fat, cluster + 1)) {
        cluster++;
        piece += fat->cluster_bytes;
    }
    return piece < left ? piece : left;
}

bool fat_read(const struct fat *fat, const struct fat_file *file, uint8_t *into)
{
    uint32_t done = 0;

    for (unsigned i = 0; i < FAT_PIECES_MAX && done < file->bytes; i++) {
        size_t at, len = fat_piece(fat, file, done, &at);

        if (len == 0) {
            return false;
        }
        memcpy(into + done, fat->bytes + at, len);
        done += (uint32_t)len;
    }
    return done == file->bytes;
}
