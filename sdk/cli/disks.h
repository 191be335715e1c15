/* SPDX-License-Identifier: ISC */
/*
 * The disks of this machine, from /sys/block, /proc/self/mountinfo and /proc/swaps, and whether `fata flash` may write
 * over them, or why not. Nothing is written here, and a disk is opened only to see whether somebody else holds it.
 *
 *     struct disk *disks;
 *     size_t count = disks_load(root, need_bytes, &disks);
 *     if (disks[0].reason == NULL) ...                     // may be written
 */
#ifndef FATA_CLI_DISKS_H
#define FATA_CLI_DISKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_SECTOR_BYTES 512u /* what /sys/block and this tool count in, whatever the disk has */

struct disk {
    const char *name;   /* the kernel's: sdb */
    const char *path;   /* of its device file */
    const char *model;  /* "" if it tells none, likewise the next */
    const char *serial;
    const char *kind;   /* "USB disk", "SD card", ... */
    const char *number; /* of the device: "8:16" */
    const char *reason; /* why it may not be written over; NULL: it may */
    uint64_t bytes;
    uint64_t sequence; /* the kernel's count of media put in anywhere; 0: it does not tell */
};

/* All disks but unused virtual ones, sorted by name. `root` is "", or a folder with sys, proc and dev for tests. A disk of
 * fewer than `need_bytes` is too small. */
size_t disks_load(const char *root, uint64_t need_bytes, struct disk **disks_out);

/* The disk that `given` names: a name of the kernel's or the path of a device file or of a link to one. False: *why_out says
 * in whole words what is wrong. */
bool disk_find(const char *root, const char *given, uint64_t need_bytes, struct disk *disk_out, const char **why_out);

/* Whether both are the same medium in the same place. */
bool disk_is_same(const struct disk *a, const struct disk *b);

/* "15.9 GB" */
const char *size_text(uint64_t bytes);

#endif
