/* SPDX-License-Identifier: ISC */
/*
 * An SD card that an Allwinner board starts from, as rootfs-free/card writes it, told from an image of it: its partitions;
 * at 8 KiB the SPL, which the boot ROM starts, and behind that U-Boot (linux-sunxi.org: Bootable SD card; U-Boot:
 * include/image.h, its legacy format); the files of its FAT16 partition. The bytes are untrusted and stay the caller's; no
 * input or output happens here, so that it can be fuzzed.
 *
 *     struct card card;
 *     if (card_matches(bytes, len)) {
 *         card_parse(&card, bytes, len);
 *         card_close(&card);
 *     }
 */
#ifndef FATA_CLI_CARD_H
#define FATA_CLI_CARD_H

#include "fat.h"
#include "zimage.h"

#define CARD_PARTITION_COUNT 4
#define CARD_SECTOR_BYTES 512u
#define CARD_SPL_AT 8192u
#define CARD_U_BOOT_AT (CARD_SPL_AT + 32768u) /* where Debian's SPLs look for it */
#define CARD_NAME_CAP 33

#define CARD_TYPE_DATA 0xdau /* of a partition without a file system */

/* The files that matter. */
#define CARD_IMAGE "zImage"
#define CARD_SCRIPT "boot.scr"
#define CARD_OPTIONS "options.txt"
#define CARD_XEN "xen"

struct card_partition {
    uint8_t type; /* 0: there is none */
    bool is_bootable;
    bool is_outside; /* it ends behind the card */
    uint64_t start;  /* bytes */
    uint64_t bytes;
};

/* A file of the card, whole: in its place, or where it lies in pieces a copy. */
struct card_file {
    const uint8_t *bytes; /* NULL: there is none, or it is empty or damaged */
    size_t len;
    uint8_t *copy;
};

struct card {
    const uint8_t *bytes;
    size_t len;
    struct card_partition partitions[CARD_PARTITION_COUNT];
    bool has_spl;
    bool spl_is_whole; /* its checksum is right */
    uint32_t spl_bytes;
    char tree[CARD_NAME_CAP]; /* the device tree that the SPL has for its board; "" when it does not say */
    bool has_u_boot;
    bool u_boot_is_whole;
    uint32_t u_boot_bytes;
    char u_boot[CARD_NAME_CAP]; /* its name and version */
    unsigned files_in; /* the partition with the files; CARD_PARTITION_COUNT: none */
    const char *no_files; /* why there is none */
    struct fat fat;
    struct card_file image_file, script, options;
    bool has_image;
    const char *no_image; /* why there is none */
    struct zimage image;
};

/* True for bytes that begin with an MBR and have partitions or an SPL. */
bool card_matches(const uint8_t *bytes, size_t len);

void card_parse(struct card *card, const uint8_t *bytes, size_t len);

/* True when U-Boot's checksums of a file in its legacy format (boot.scr) are right. */
bool card_is_legacy_whole(const uint8_t *bytes, size_t len);

/* Frees what card_parse() had to copy. */
void card_close(struct card *card);

bool card_has(const struct card *card, const char *name);

/* The line of CARD_OPTIONS that has the program's options, without `bootargs=`, or NULL; its length. */
const char *card_options(const struct card *card, size_t *len_out);

#endif
