/* SPDX-License-Identifier: ISC */
/* Writing cpio archives: see cpio.h. */
#include "cpio.h"

#include <string.h>

#define REGULAR_FILE 0100000u

/* Both the header with the path and the data are padded to a multiple of four bytes. */
static void pad(struct text *archive)
{
    text_add_bytes(archive, "\0\0\0", -archive->len & 3);
}

void cpio_add(struct text *archive, const char *path, unsigned mode, const char *bytes, size_t len)
{
    /* magic, then ino, mode, uid, gid, nlink, mtime, filesize, dev major, minor, rdev major, minor, namesize, check */
    text_addf(archive, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 0u, REGULAR_FILE | mode, 0u, 0u,
              1u, 0u, len, 0u, 0u, 0u, 0u, strlen(path) + 1, 0u);
    text_add_bytes(archive, path, strlen(path) + 1);
    pad(archive);
    text_add_bytes(archive, bytes, len);
    pad(archive);
}

void cpio_end(struct text *archive)
{
    cpio_add(archive, "TRAILER!!!", 0, "", 0);
}
