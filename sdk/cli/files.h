/* SPDX-License-Identifier: ISC */
/* Where things are: the SDK's folder, programs on the PATH, whole files in memory, whether one path lies in another. */
#ifndef FATA_CLI_FILES_H
#define FATA_CLI_FILES_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* The SDK's folder, absolute and without symbolic links; ends the program when there is none. */
const char *sdk_root(void);

/* Reads a regular file of at most `max` bytes. False: *why_out says what is wrong. */
bool file_read(const char *path, size_t max, struct text *out, const char **why_out);

/* The same of a file of any size, or a disk, without reading it: its bytes come as they are looked at. */
bool file_map(const char *path, struct text *out, const char **why_out);

/* The sorted names of the folders in `folder` that do not start with a dot; none if it cannot be read. */
void folder_list(const char *folder, struct words *names_out);

/* The part of `path` below `folder`, or NULL if it does not lie in it; "" for the folder itself. Both are absolute. */
const char *path_below(const char *path, const char *folder);

bool program_found(const char *name);

#endif
