/* SPDX-License-Identifier: ISC */
/* A file of the host as a disk: its size is the file's, its sectors have 512 bytes. Each request is
 * carried out at once, and the whole process waits for it; requests are bounded, a flush takes as long
 * as the host's disk does. */
#ifndef FATA_DRIVERS_HOST_DISK_H
#define FATA_DRIVERS_HOST_DISK_H

#include "../../block/blockdev.h"

#define FA_DISK_TRANSFER_BYTES_MAX ((uint32_t)(256 * FA_KIB))
#define FA_DISK_DISCARD_BYTES_MAX (1024u * (uint32_t)FA_MIB)

typedef struct fa_disk {
    fa_blockdev device;
    int descriptor;
    bool is_open;
} fa_disk;

/* FA_ENOENT: there is no such file; FA_EPERM: it is not this user's, or of a read-only file system;
 * FA_ENOTSUP: no regular file, or its size is no multiple of 512 bytes, or 0; FA_EBUSY: another
 * process writes to it, or this one has it open; FA_EIO. */
FA_MUST_CHECK fa_err fa_disk_open(fa_disk *disk, const char *path, bool read_only);

#endif
