/* SPDX-License-Identifier: ISC */
/* The unix board's disks: files of the host, by --disk, which may be given several times. */
#include "../../sdk/drivers/host/disk.h"
#include "../plat.h"
#include <fata/log.h>
#include <fata/param.h>
#include <string.h>

FA_LOG_MODULE("block");

#define DISKS_MAX 8u
#define PATH_BYTES_MAX 4096u
#define READ_ONLY ",ro" /* behind the name */

static const char *names[DISKS_MAX];
static unsigned name_count;

/* Each one that is given counts. */
static const char *add_name(const char *text)
{
    if (text[0] == '\0' || strlen(text) >= PATH_BYTES_MAX)
        return "not the name of a file";
    if (name_count == DISKS_MAX)
        return "too many disks";
    names[name_count++] = text;
    return NULL;
}

static const char *disk = "none";
FA_PARAM_DEFINE(disk, "disk", "a file that is a disk; FILE,ro: only to be read; may be repeated",
                FA_PARAM_KIND_STRING, &disk, 0, 0, add_name);

fa_err plat_block_open(unsigned number, struct fa_blockdev **device_out, fa_deadline deadline)
{
    (void)deadline; /* it does not wait */
    static fa_disk disks[DISKS_MAX];
    static char path[PATH_BYTES_MAX];
    if (number >= name_count)
        return FA_ENOENT;
    if (disks[number].is_open)
        return FA_EBUSY;
    strcpy(path, names[number]); /* it fits: see add_name() */
    const size_t len = strlen(path), end_len = sizeof READ_ONLY - 1;
    const bool read_only = len > end_len && strcmp(path + len - end_len, READ_ONLY) == 0;
    if (read_only)
        path[len - end_len] = '\0';
    const fa_err err = fa_disk_open(&disks[number], path, read_only);
    if (err == FA_OK)
        *device_out = &disks[number].device;
    else
        fa_log_error("the disk %s: %s%s", path, fa_err_text(err),
                     err == FA_EBUSY     ? ", another process has it"
                     : err == FA_ENOTSUP ? ": it is no file of a multiple of 512 bytes"
                                         : "");
    return err;
}
