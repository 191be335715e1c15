/* SPDX-License-Identifier: ISC */
/* The two files of a build: see beside.h. */
#include "beside.h"

#include "cli.h"
#include "files.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define SUFFIX ".elf"
#define ELF_HEADER_BYTES 64 /* the larger one, of 64-bit files */

/* Where the image has the bytes that its ELF file loads from `segment`, or NULL. */
static const uint8_t *same_place(const struct image *image, const struct elf *elf, const struct elf_segment *segment)
{
    if (image->format == IMAGE_ZIMAGE) {
        uint64_t at = segment->physical_address - elf->load_start;

        return at <= image->zimage.len && segment->file_bytes <= image->zimage.len - at ? image->zimage.bytes + at : NULL;
    }
    for (size_t i = 0; i < image->elf.segment_count; i++) {
        struct elf_segment own = elf_segment(&image->elf, i);

        if (own.type == ELF_SEGMENT_LOAD && own.virtual_address == segment->virtual_address &&
            own.offset == segment->offset && own.file_bytes == segment->file_bytes) {
            return image->elf.bytes + own.offset;
        }
    }
    return NULL;
}

/* Whether both load the same bytes. The ELF header may be among them: what strips a file changes that. */
static bool is_made_of(const struct image *image, const struct elf *elf)
{
    for (size_t i = 0; i < elf->segment_count; i++) {
        struct elf_segment segment = elf_segment(elf, i);
        uint64_t skip = segment.offset < ELF_HEADER_BYTES ? ELF_HEADER_BYTES - segment.offset : 0;
        const uint8_t *here;

        if (segment.type != ELF_SEGMENT_LOAD || segment.file_bytes <= skip) {
            continue;
        }
        here = same_place(image, elf, &segment);
        if (here == NULL || memcmp(here + skip, elf->bytes + segment.offset + skip, segment.file_bytes - skip) != 0) {
            return false;
        }
    }
    return true;
}

/* NAME-BOARD.img is a card with the image NAME. */
static const char *beside_card(const struct card *card, const char *path)
{
    const struct image image = {.format = IMAGE_ZIMAGE, .zimage = card->image};
    const char *dash = strrchr(path, '-');

    return card->has_image && dash != NULL ? beside_debug_elf(&image, text_format("%.*s", (int)(dash - path), path)) : NULL;
}

const char *beside_debug_elf(const struct image *image, const char *path)
{
    char *debug_elf = text_format("%s" SUFFIX, path);
    struct text bytes = {0};
    struct elf elf;
    const char *why;
    bool is_there;

    if (image->format == IMAGE_CARD) {
        return beside_card(&image->card, path);
    }
    is_there = file_read(debug_elf, IMAGE_BYTES_MAX, &bytes, &why);
    if (is_there && elf_parse(&elf, (const uint8_t *)bytes.bytes, bytes.len, &why) && is_made_of(image, &elf)) {
        text_free(&bytes);
        return debug_elf;
    }
    if (is_there) {
        cli_warn("%s is of another build than %s, and not used: it would name wrong lines", debug_elf, path);
    }
    text_free(&bytes);
    free(debug_elf);
    return image->format == IMAGE_ELF && image->elf.has_symbols ? path : NULL;
}

const char *beside_zimage(const struct image *image, const char *path)
{
    size_t len = strlen(path);
    struct text bytes = {0};
    char *name = NULL;
    const char *why;

    if (image->format != IMAGE_ELF || image->elf.machine != ELF_MACHINE_ARM || len <= strlen(SUFFIX) ||
        strcmp(path + len - strlen(SUFFIX), SUFFIX) != 0) {
        return NULL;
    }
    name = text_format("%.*s", (int)(len - strlen(SUFFIX)), path);
    if (!file_read(name, IMAGE_BYTES_MAX, &bytes, &why) ||
        !zimage_matches((const uint8_t *)bytes.bytes, bytes.len)) {
        free(name);
        name = NULL;
    }
    text_free(&bytes);
    return name;
}
