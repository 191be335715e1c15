/* SPDX-License-Identifier: ISC */
/* A cpio archive in the format "newc" (Linux's Documentation/driver-api/early-userspace/buffer-format.rst), as text that
 * grows. No input or output happens here. */
#ifndef FATA_CLI_CPIO_H
#define FATA_CLI_CPIO_H

#include "text.h"

void cpio_add(struct text *archive, const char *path, unsigned mode, const char *bytes, size_t len);
void cpio_end(struct text *archive);

#endif
