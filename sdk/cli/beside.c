/* SPDX-License-Identifier: ISC */
/* The two files of a build: see beside.h. */
#include "beside.h"

#include "files.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".elf"

const char *beside_debug_elf(const struct image *image, const char *path)
{
    char *debug_elf = text_format("%s" SUFFIX, path);

    if (access(debug_elf, R_OK) == 0) {
        return debug_elf;
    }
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
