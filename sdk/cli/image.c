/* SPDX-License-Identifier: ISC */
/* The formats of images: see image.h. */
#include "image.h"

#include <string.h>

bool image_parse(struct image *image, const uint8_t *bytes, size_t len, const char **why_out)
{
    if (len >= 4 && memcmp(bytes, "\177ELF", 4) == 0) {
        image->format = IMAGE_ELF;
        return elf_parse(&image->elf, bytes, len, why_out);
    }
    if (zimage_matches(bytes, len)) {
        image->format = IMAGE_ZIMAGE;
        return zimage_parse(&image->zimage, bytes, len, why_out);
    }
    if (card_matches(bytes, len)) {
        image->format = IMAGE_CARD;
        card_parse(&image->card, bytes, len);
        *why_out = NULL;
        return true;
    }
    image->format = IMAGE_UNKNOWN;
    *why_out = "it is not an ELF file, nor a zImage, nor an SD card";
    return false;
}

bool image_has_vif(const uint8_t *bytes, size_t len)
{
    static const char folder[] = "device/vif"; /* where in Xenstore the driver looks for devices */

    return memmem(bytes, len, folder, sizeof folder - 1) != NULL;
}
