/* SPDX-License-Identifier: ISC */
/* What a disk and its partitions are used for: mounted, swap, or below what the kernel has built on them (LVM, RAID, crypt). */
#ifndef FATA_CLI_DISKUSE_H
#define FATA_CLI_DISKUSE_H

#include "text.h"

/* Adds a reason against writing, behind those that are there. */
void use_add(struct text *reasons, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds what uses the disk `name`, whose folder in sysfs is `folder`, and its partitions; nothing if it is free. */
void use_of_disk(const char *root, const char *folder, const char *name, struct text *reasons);

#endif
