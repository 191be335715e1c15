/* SPDX-License-Identifier: ISC */
/*
 * What the boards want of an SD card, in the order in which they come to it: the boot ROM the SPL, that U-Boot, that its
 * script, that the image and the board's device tree. QEMU's cubieboard plays the boot ROM (hw/arm/allwinner-a10.c) and takes
 * cards of a power of two (hw/sd/sd.c).
 */
#include "verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TREE_A10 "sun4i-a10-cubieboard"
#define TREE_A20 "sun7i-a20-cubieboard2"

/* What stands at fixed places. */
static bool has_loaders(const struct card *card, const char *tree, char *why)
{
    if (!card->has_spl) {
        (void)snprintf(why, VERDICT_WHY_CAP, "there is no SPL at 8 KiB: the boot ROM has nothing to start");
    } else if (!card->spl_is_whole) {
        (void)snprintf(why, VERDICT_WHY_CAP, "its SPL's checksum is wrong: the boot ROM does not start it");
    } else if (strcmp(card->tree, tree) != 0) {
        (void)snprintf(why, VERDICT_WHY_CAP, "its SPL is for %s", card->tree[0] != '\0' ? card->tree : "another board");
    } else if (!card->has_u_boot || !card->u_boot_is_whole) {
        (void)snprintf(why, VERDICT_WHY_CAP, "%s",
                       card->has_u_boot ? "its U-Boot's checksum is wrong" : "there is no U-Boot behind its SPL");
    } else {
        return true;
    }
    return false;
}

static bool starts(const struct image *image, const char *tree, char *why)
{
    const struct card *card = &image->card;
    char tree_file[CARD_NAME_CAP + 8];

    if (image->format != IMAGE_CARD) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it is no SD card");
        return false;
    }
    if (!has_loaders(card, tree, why)) {
        return false;
    }
    (void)snprintf(tree_file, sizeof tree_file, "%s.dtb", tree);
    if (card->files_in == CARD_PARTITION_COUNT) {
        (void)snprintf(why, VERDICT_WHY_CAP, "%s", card->no_files);
    } else if (!card_has(card, CARD_SCRIPT)) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it has no file " CARD_SCRIPT);
    } else if (!card_is_legacy_whole(card->script.bytes, card->script.len)) {
        (void)snprintf(why, VERDICT_WHY_CAP, "the checksum of its " CARD_SCRIPT " is wrong");
    } else if (!card_has(card, tree_file)) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it has no file %s", tree_file);
    } else if (!card->has_image) {
        (void)snprintf(why, VERDICT_WHY_CAP, "%s", card->no_image);
    } else {
        return verdict_bootz(&(struct image){.format = IMAGE_ZIMAGE, .zimage = card->image}, why);
    }
    return false;
}

bool verdict_card_a10(const struct image *image, char *why)
{
    return starts(image, TREE_A10, why);
}

bool verdict_card_a20(const struct image *image, char *why)
{
    return starts(image, TREE_A20, why);
}

bool verdict_qemu_cubieboard(const struct image *image, char *why)
{
    if (image->format != IMAGE_CARD) {
        return verdict_qemu_arm(image, why);
    }
    if (!starts(image, TREE_A10, why)) {
        return false;
    }
    if ((image->card.len & (image->card.len - 1)) != 0) {
        (void)snprintf(why, VERDICT_WHY_CAP, "it has %zu bytes: QEMU's cards have a power of two", image->card.len);
        return false;
    }
    return true;
}

const struct verdict verdicts_card[] = {
    {"Cubieboard2", verdict_card_a20},
    {"Cubieboard", verdict_card_a10},
    {"QEMU cubieboard", verdict_qemu_cubieboard},
    {0},
};
