/* SPDX-License-Identifier: ISC */
/*
 * The two ends of a flash: the image, as pieces that its block map or its file's holes give, and the card: a disk held
 * exclusively, read and written past the kernel's cache, or a plain file.
 */
#ifndef FATA_CLI_FLASHENDS_H
#define FATA_CLI_FLASHENDS_H

#include "flashcopy.h"

struct flash_image {
    const char *path;
    const char *map; /* the block map's path; NULL: the file's holes */
    int file;
    uint64_t bytes;
    struct flash_piece *pieces;
    size_t count;
};

/* `map` is a block map's path, or NULL: then the one beside it is taken, if there is one. False: *why_out says in whole
 * words what is wrong. */
bool flash_image_open(struct flash_image *image_out, const char *path, const char *map, const char **why_out);

struct flash_card {
    const char *path;
    int file;
    bool is_disk;
    bool is_direct; /* past the kernel's cache; else the cache is emptied before reading back */
    size_t block_bytes;
    uint64_t bytes;
    uint64_t number; /* st_rdev */
};

/* Each returns 0 or an errno. A disk is opened exclusively, for reading alone when nothing shall be written. */
int flash_disk_open(struct flash_card *card_out, const char *path, bool to_write);

/* A plain file, made if there is none, and made `bytes` long if it is shorter. */
int flash_file_open(struct flash_card *card_out, const char *path, uint64_t bytes);

int flash_card_read(struct flash_card *card, uint64_t at, uint8_t *bytes, size_t len);
int flash_card_write(struct flash_card *card, uint64_t at, const uint8_t *bytes, size_t len);
int flash_card_sync(struct flash_card *card);

/* Has the kernel read the new table of partitions. */
void flash_card_changed(struct flash_card *card);

#endif
