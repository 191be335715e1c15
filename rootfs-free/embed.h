/* SPDX-License-Identifier: ISC */
/* What the parts of fata-embed share: folders, files and the assembler's texts. Whatever fails ends the
 * program with a message. */
#ifndef FATA_ROOTFS_FREE_EMBED_H
#define FATA_ROOTFS_FREE_EMBED_H

#include <stdbool.h>
#include <stddef.h>

/* Paths below a folder, with a slash in front, sorted. */
typedef struct embed_names {
    char **name;
    size_t count;
} embed_names;

_Noreturn void embed_fail(const char *what, const char *path);
/* The files below a folder, if there is one; those that `leave_out` says yes to are not among them. */
embed_names embed_walk(const char *folder, bool (*leave_out)(const char *name));
/* The two with a slash between them. */
char *embed_join(const char *left, const char *right);
/* DIRECTIVE "PREFIXTEXT", as the assembler wants it. */
void embed_quoted(const char *directive, const char *prefix, const char *text);

/* Prints the table of a site's files (sdk/http/site.h) and makes their packed variants in `out`. */
void embed_site(const char *folder, const char *out);

#endif
