/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes the reader of SD cards (sdk/cli/card.c, fat.c) and the boards' verdicts: whatever the bytes, nothing may be read
 * outside of them, and every chain of clusters ends. A card is 3 MiB of zeros, in which the input stands in pieces, where the
 * reader looks: so the inputs stay small.
 */
#include "card.h"
#include "image.h"
#include "verdict.h"

#include "require.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define CARD_BYTES (3u << 20)
#define FILES_AT 65536u /* of the corpus; the partition may be elsewhere */

static const struct {
    size_t at, len;
} pieces[] = {
    {440, 72},                     /* the partitions and what marks an MBR */
    {CARD_SPL_AT, 128},            /* the SPL's header and its names */
    {CARD_U_BOOT_AT, 96},          /* U-Boot's */
    {FILES_AT, 64},                /* the file system's boot sector */
    {FILES_AT + 510, 2},
    {FILES_AT + 512, 64},          /* its table */
    {FILES_AT + 35 * 512, 512},    /* its root folder, with 34 sectors of tables */
    {FILES_AT + 51 * 512, 256},    /* its files */
};

static void check_files(const struct card *card)
{
    struct fat_file file;
    size_t count = 0, place;

    for (size_t at = 0; fat_next(&card->fat, &at, &file); count++) {
        size_t left = file.bytes, got = 1;

        require(strlen(file.name) < FAT_NAME_CAP && count < card->fat.root_count);
        for (uint32_t offset = 0; left > 0 && got > 0 && offset < 1u << 15; offset += (uint32_t)got, left -= got) {
            got = fat_piece(&card->fat, &file, offset, &place);
            require(got == 0 || (got <= left && place <= card->fat.len && got <= card->fat.len - place));
        }
        require(file.is_folder || card_has(card, file.name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static uint8_t disk[CARD_BYTES];
    struct image image;
    const char *why;
    size_t options;

    for (size_t i = 0, from = 0; i < sizeof pieces / sizeof pieces[0] && from < len; i++) {
        size_t count = len - from < pieces[i].len ? len - from : pieces[i].len;

        memcpy(disk + pieces[i].at, bytes + from, count);
        from += count;
    }
    if (image_parse(&image, disk, CARD_BYTES, &why) && image.format == IMAGE_CARD) {
        if (image.card.files_in < CARD_PARTITION_COUNT) {
            check_files(&image.card);
        }
        (void)card_options(&image.card, &options);
        for (const struct verdict *verdict = verdicts_card; verdict->machine != NULL; verdict++) {
            char reason[VERDICT_WHY_CAP] = "";

            require(verdict->boots(&image, reason) || (reason[0] != '\0' && strlen(reason) < VERDICT_WHY_CAP - 1));
        }
        card_close(&image.card);
    }
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        memset(disk + pieces[i].at, 0, pieces[i].len);
    }
    return 0;
}
