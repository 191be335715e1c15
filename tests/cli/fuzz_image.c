/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes the readers of images and the loaders' verdicts: whatever the bytes, nothing may be read outside of them, and
 * what image_parse() accepts must be usable through the accessors. libFuzzer starts from the tiny files in
 * corpus-image/; tests/fuzz/run runs it for a while, and for a long search:
 *
 *     make -f tests/fuzz/Makefile
 *     build/tests/fuzz/image -max_total_time=60 NEW-FOLDER tests/cli/corpus-image
 */
#include "image.h"
#include "verdict.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_tables(const struct elf *elf)
{
    const char *start = (const char *)elf->bytes;

    for (size_t i = 0; i < elf->segment_count; i++) {
        struct elf_segment s = elf_segment(elf, i);

        require(s.file_bytes == 0 || (s.offset <= elf->len && s.file_bytes <= elf->len - s.offset));
        if (s.type == ELF_SEGMENT_LOAD && s.memory_bytes > 0) {
            require(s.physical_address >= elf->load_start);
            require(s.physical_address + s.memory_bytes <= elf->load_end);
            require(elf_find_physical(elf, s.physical_address) <= i);
            require(elf_find_virtual(elf, s.virtual_address) <= i);
        }
    }
    for (size_t i = 0; i < elf->section_count; i++) {
        struct elf_section s = elf_section(elf, i);
        size_t name_len = strlen(s.name);

        require(name_len == 0 || (s.name >= start && name_len < elf->len));
    }
}

static void check_zimage(const struct zimage *zimage, size_t len)
{
    require(zimage->len == len && zimage->end > zimage->start && zimage->end - zimage->start <= len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct image image;
    const char *why = NULL;

    if (!image_parse(&image, bytes, len, &why)) {
        require(why != NULL && why[0] != '\0');
        return 0;
    }
    require(image.format != IMAGE_UNKNOWN);
    if (image.format == IMAGE_ELF) {
        check_tables(&image.elf);
    } else if (image.format == IMAGE_ZIMAGE) {
        check_zimage(&image.zimage, len);
    }
    for (const struct verdict *verdict = verdicts; verdict->machine != NULL; verdict++) {
        char reason[VERDICT_WHY_CAP] = "";

        require(verdict->boots(&image, reason) || (reason[0] != '\0' && strlen(reason) < VERDICT_WHY_CAP - 1));
    }
    return 0;
}
