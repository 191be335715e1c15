/* SPDX-License-Identifier: ISC */
/*
 * Reads the root folder of a FAT16 file system, as SD cards have it (Microsoft's FAT specification 1.03). The bytes are
 * untrusted and stay the caller's; no input or output happens here, so that it can be fuzzed.
 *
 *     struct fat fat;
 *     struct fat_file file;
 *     const char *why;
 *     if (fat_open(&fat, bytes, len, &why))
 *         for (size_t at = 0; fat_next(&fat, &at, &file);)
 *             printf("%s: %u bytes\n", file.name, file.bytes);
 */
#ifndef FATA_CLI_FAT_H
#define FATA_CLI_FAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAT_NAME_CAP 256 /* 255 characters, of which those that are not ASCII stand as '?' */

struct fat {
    const uint8_t *bytes; /* from the boot sector on */
    size_t len;
    uint32_t cluster_bytes;
    uint32_t cluster_count;
    size_t table_at;
    size_t root_at;
    size_t root_count; /* of entries that it has room for */
    size_t data_at;    /* cluster 2 */
};

struct fat_file {
    char name[FAT_NAME_CAP];
    bool is_folder;
    uint32_t bytes;
    uint32_t first;  /* its first cluster */
    size_t entry_at; /* in the file system */
};

/* False: *why_out says what is wrong. */
bool fat_open(struct fat *fat, const uint8_t *bytes, size_t len, const char **why_out);

/* The next file of the root folder, from 0 on; *at_out is where to go on. False: there is none. */
bool fat_next(const struct fat *fat, size_t *at, struct fat_file *file_out);

/* The file of that name, upper and lower case being the same. */
bool fat_find(const struct fat *fat, const char *name, struct fat_file *file_out);

/* Where the file's byte at `offset` stands in the file system, and how many are there in one piece; 0: its chain of clusters
 * is broken. */
size_t fat_piece(const struct fat *fat, const struct fat_file *file, uint32_t offset, size_t *at_out);

/* All of the file into memory with room for it. False: its chain is broken, or it lies in more than FAT_PIECES_MAX pieces. */
#define FAT_PIECES_MAX 1024
bool fat_read(const struct fat *fat, const struct fat_file *file, uint8_t *into);

#endif
