/* SPDX-License-Identifier: ISC */
/* What `fata inspect` says of an SD card: see inspect_card.h. */
#include "inspect_card.h"

#include "text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MIB UINT64_C(0x100000)
#define FILE_COUNT_MAX 512 /* of those that are listed: FAT16's root folder holds no more, as mkfs.vfat makes it */

static const char *type_name(const struct card *card, unsigned i)
{
    static const struct {
        uint8_t type;
        const char *name;
    } names[] = {{0x01, "FAT12"}, {0x04, "FAT16"}, {0x06, "FAT16"},         {0x0e, "FAT16"},
                 {0x0b, "FAT32"}, {0x0c, "FAT32"}, {CARD_TYPE_DATA, "data"}, {0x83, "Linux"}};

    if (i == card->files_in) {
        return "FAT16";
    }
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        if (names[n].type == card->partitions[i].type) {
            return names[n].name;
        }
    }
    return "other";
}

/* What a checksum, or what stands in for one, says of a file; NULL: nothing does. */
static const char *file_state(const struct card *card, const char *name)
{
    if (strcasecmp(name, CARD_IMAGE) == 0) {
        return card->has_image ? NULL : card->no_image;
    }
    if (strcasecmp(name, CARD_SCRIPT) == 0) {
        return card_is_legacy_whole(card->script.bytes, card->script.len) ? "its checksum is right"
                                                                          : "damaged: its checksum is wrong";
    }
    return NULL;
}

/* A stranger's card: nothing of it may reach the terminal as a command. */
static void print_plain(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        (void)putchar(isascii((unsigned char)bytes[i]) && isprint((unsigned char)bytes[i]) ? bytes[i] : '?');
    }
}

/* The steps, as far as they are there. */
static void print_way(const struct card *card)
{
    printf("  boots     boot ROM");
    if (card->has_spl) {
        printf(", SPL");
    }
    if (card->has_u_boot) {
        printf(", U-Boot");
    }
    if (card_has(card, CARD_SCRIPT)) {
        printf(", " CARD_SCRIPT "%s", card_has(card, CARD_XEN) ? ", Xen" : "");
    }
    printf("%s\n", card->has_image ? ", " CARD_IMAGE : "");
}

static void print_loaders(const struct card *card)
{
    if (card->has_spl) {
        printf("  SPL       at 8 KiB: %" PRIu32 " bytes, checksum %s%s%s\n", card->spl_bytes,
               card->spl_is_whole ? "right" : "wrong", card->tree[0] != '\0' ? ", for " : "", card->tree);
    } else {
        printf("  SPL       none at 8 KiB\n");
    }
    if (card->has_u_boot) { /* of "U-Boot VERSION for BOARD board" its header has 32 letters: the first two words, as a rule */
        size_t name = strcspn(card->u_boot, " ");
        size_t len = name + (card->u_boot[name] == ' ' ? 1 + strcspn(card->u_boot + name + 1, " ") : 0);

        printf("  U-Boot    at %u KiB: %" PRIu32 " bytes, checksums %s: %.*s\n", CARD_U_BOOT_AT / 1024, card->u_boot_bytes,
               card->u_boot_is_whole ? "right" : "wrong", (int)len, card->u_boot);
    } else {
        printf("  U-Boot    none at %u KiB\n", CARD_U_BOOT_AT / 1024);
    }
}

static void print_files(const struct card *card)
{
    struct fat_file file;
    size_t shown = 0;

    if (card->files_in == CARD_PARTITION_COUNT) {
        printf("  files     none: %s\n", card->no_files);
        return;
    }
    for (size_t at = 0; shown < FILE_COUNT_MAX && fat_next(&card->fat, &at, &file);) {
        const char *state = file.is_folder ? "a folder" : file_state(card, file.name);

        printf("%s  %-32s %10" PRIu32 "%s%s\n", shown++ == 0 ? "\n  file                                  bytes\n" : "", file.name,
               file.bytes, state != NULL ? "  " : "", state != NULL ? state : "");
    }
}

void inspect_print_card(const struct card *card, const char *path)
{
    size_t len;
    const char *options = card_options(card, &len);

    printf("%s: SD card%s\n", path, card->tree[0] != '\0' ? text_format(" for %s", card->tree) : "");
    printf("  size      %zu bytes\n", card->len);
    print_loaders(card);
    for (unsigned i = 0; i < CARD_PARTITION_COUNT; i++) {
        const struct card_partition *partition = &card->partitions[i];

        if (partition->type != 0) {
            printf("  part %u    %s, type 0x%02x, %" PRIu64 " KiB from %" PRIu64 " KiB on%s%s\n", i + 1, type_name(card, i),
                   partition->type, partition->bytes / 1024, partition->start / 1024,
                   partition->is_bootable ? ", bootable" : "", partition->is_outside ? ": it ends behind the card" : "");
        }
    }
    print_way(card);
    if (card->has_image) {
        printf("  image     %zu bytes%s\n", card->image.len,
               card->image.end - card->image.start == card->image.len ? ", as its header says" : "");
    } else {
        printf("  image     none: %s\n", card->no_image);
    }
    printf("  options   ");
    print_plain(options != NULL && len > 0 ? options : "none", options != NULL && len > 0 ? len : 4);
    printf("\n");
    print_files(card);
}

static void json_partitions(struct json *json, const struct card *card)
{
    json_open(json, "partitions", '[');
    for (unsigned i = 0; i < CARD_PARTITION_COUNT; i++) {
        const struct card_partition *partition = &card->partitions[i];

        if (partition->type == 0) {
            continue;
        }
        json_open(json, NULL, '{');
        json_number(json, "number", i + 1);
        json_number(json, "type", partition->type);
        json_text(json, "holds", type_name(card, i));
        json_bool(json, "bootable", partition->is_bootable);
        json_number(json, "start_bytes", partition->start);
        json_number(json, "bytes", partition->bytes);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_files(struct json *json, const struct card *card)
{
    struct fat_file file;
    size_t shown = 0;

    json_open(json, "files", '[');
    for (size_t at = 0; card->files_in < CARD_PARTITION_COUNT && shown < FILE_COUNT_MAX && fat_next(&card->fat, &at, &file);
         shown++) {
        json_open(json, NULL, '{');
        json_text(json, "name", file.name);
        json_number(json, "bytes", file.bytes);
        json_text(json, "state", file.is_folder ? "a folder" : file_state(card, file.name));
        json_close(json, '}');
    }
    json_close(json, ']');
}

void inspect_json_card(struct json *json, const struct card *card)
{
    size_t len;
    const char *options = card_options(card, &len);

    json_text(json, "format", "SD card");
    json_number(json, "file_bytes", card->len);
    json_text(json, "device_tree", card->tree[0] != '\0' ? card->tree : NULL);
    json_number(json, "spl_bytes", card->has_spl ? card->spl_bytes : 0);
    json_bool(json, "spl_checksum", card->spl_is_whole);
    json_text(json, "u_boot", card->has_u_boot ? card->u_boot : NULL);
    json_number(json, "u_boot_bytes", card->has_u_boot ? card->u_boot_bytes : 0);
    json_bool(json, "u_boot_checksum", card->u_boot_is_whole);
    json_partitions(json, card);
    json_files(json, card);
    json_number(json, "image_bytes", card->has_image ? card->image.len : 0);
    json_bool(json, "xen", card_has(card, CARD_XEN));
    json_text(json, "options", options != NULL ? text_format("%.*s", (int)len, options) : NULL);
}
