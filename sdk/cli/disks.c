/* SPDX-License-Identifier: ISC */
/*
 * What this machine's disks are: see disks.h. The kernel's documentation of the files: Documentation/ABI/stable/sysfs-block,
 * Documentation/ABI/testing/sysfs-block, proc(5) for mountinfo. What uses a disk is judged in diskuse.c.
 */
#include "disks.h"

#include "cli.h"
#include "diskuse.h"
#include "files.h"
#include "text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ATTRIBUTE_BYTES_MAX 4096
#define PARENTS_MAX 16 /* folders between a disk and its USB device */
#define SCSI_OPTICAL "5" /* SPC: the peripheral device type of CD and DVD drives */

/* A file of sysfs in one line, without blanks around it; "" if there is none. A stranger's device chose some: nothing of
 * them may reach the terminal as a command. */
static const char *attribute(const char *folder, const char *name)
{
    struct text value = {0};
    const char *why;
    char *start, *end;

    if (!file_read(text_format("%s/%s", folder, name), ATTRIBUTE_BYTES_MAX, &value, &why)) {
        return "";
    }
    for (start = value.bytes; isspace((unsigned char)*start); start++) {
    }
    for (end = start + strlen(start); end > start && isspace((unsigned char)end[-1]); end--) {
    }
    *end = '\0';
    for (char *at = start; *at != '\0'; at++) {
        *at = isascii((unsigned char)*at) && isprint((unsigned char)*at) ? *at : '?';
    }
    return start;
}

static uint64_t attribute_number(const char *folder, const char *name)
{
    return strtoull(attribute(folder, name), NULL, 10);
}

/* The folder of the USB device above a disk's folder, or NULL: the disk is not on USB. */
static const char *usb_above(const char *device)
{
    char *folder = text_format("%s", device);

    for (unsigned i = 0; i < PARENTS_MAX; i++) {
        char *slash;

        if (attribute(folder, "idVendor")[0] != '\0') {
            return folder;
        }
        slash = strrchr(folder, '/');
        if (slash == NULL || slash == folder) {
            return NULL;
        }
        *slash = '\0';
    }
    return NULL;
}

/* What kind of disk it is and how it is named; adds why that kind is not for cards. */
static void describe(const char *folder, const char *real, struct disk *disk, struct text *reasons)
{
    const char *device = text_format("%s/device", real);
    const char *usb = usb_above(real);
    const char *type = attribute(device, "type");
    const char *vendor = attribute(device, "vendor");
    bool removable = attribute_number(folder, "removable") == 1;

    disk->model = attribute(device, "model");
    if (vendor[0] != '\0' && strncmp(vendor, "0x", 2) != 0) {
        disk->model = text_format("%s%s%s", vendor, disk->model[0] != '\0' ? " " : "", disk->model);
    }
    disk->serial = attribute(device, "serial");
    if (disk->serial[0] == '\0') {
        disk->serial = attribute(folder, "serial");
    }
    if (strstr(real, "/devices/virtual/") != NULL) {
        disk->kind = "virtual disk";
        use_add(reasons, "a virtual disk of this machine");
    } else if (strcmp(type, "SD") == 0 || strcmp(type, "MMC") == 0) {
        disk->kind = type[0] == 'S' ? "SD card" : "eMMC";
        disk->model = disk->model[0] != '\0' ? disk->model : attribute(device, "name");
        if (type[0] == 'M') {
            use_add(reasons, "an eMMC chip, which is built in");
        }
    } else if (strcmp(type, SCSI_OPTICAL) == 0) {
        disk->kind = "optical drive";
        use_add(reasons, "an optical drive");
    } else if (usb != NULL) {
        disk->kind = "USB disk";
        disk->serial = attribute(usb, "serial")[0] != '\0' ? attribute(usb, "serial") : disk->serial;
    } else {
        disk->kind = removable ? "removable disk" : "fixed disk";
        if (!removable) {
            use_add(reasons, "neither removable, nor an SD card, nor on USB");
        } else if (strstr(real, "/ata") != NULL) {
            /* Linux up to 6.9 calls each disk removable whose SATA port can be hot-plugged. */
            use_add(reasons, "on SATA: it may well be built in");
        }
    }
}

/* Whether another holds it: a mount, or a program, in whatever namespace. (open(2): O_EXCL without O_CREAT.) The opening
 * also has the kernel look whether there is another medium than it remembers. */
static bool is_held(const struct disk *disk)
{
    struct stat status;
    int file;

    if (stat(disk->path, &status) != 0 || !S_ISBLK(status.st_mode)) {
        return false;
    }
    file = open(disk->path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return errno == EBUSY;
    }
    (void)close(file);
    return false;
}

static bool load(const char *root, const char *name, uint64_t need_bytes, struct disk *disk_out)
{
    const char *folder = text_format("%s/sys/block/%s", root, name);
    struct text reasons = {0};
    char real[PATH_MAX];
    char *path;
    bool held;

    if (realpath(folder, real) == NULL) {
        return false;
    }
    path = text_format("%s/dev/%s", root, name);
    for (char *at = path + strlen(path) - strlen(name); *at != '\0'; at++) {
        *at = *at == '!' ? '/' : *at; /* as sysfs writes a slash */
    }
    *disk_out = (struct disk){.name = text_format("%s", name), .path = path};
    held = is_held(disk_out);
    disk_out->number = attribute(folder, "dev");
    disk_out->sequence = attribute_number(folder, "diskseq");
    disk_out->bytes = attribute_number(folder, "size") * DISK_SECTOR_BYTES;
    describe(folder, real, disk_out, &reasons);
    if (disk_out->bytes == 0) {
        use_add(&reasons, "no medium in it");
    } else if (disk_out->bytes < need_bytes) {
        use_add(&reasons, "too small: %s, and %s are needed", size_text(disk_out->bytes), size_text(need_bytes));
    }
    if (attribute_number(folder, "ro") == 1) {
        use_add(&reasons, "read-only: look at the card's switch");
    }
    use_of_disk(root, folder, name, &reasons);
    if (held && reasons.len == 0) {
        use_add(&reasons, "in use: the kernel or another program holds it");
    }
    disk_out->reason = reasons.len > 0 ? reasons.bytes : NULL;
    return true;
}

size_t disks_load(const char *root, uint64_t need_bytes, struct disk **disks_out)
{
    const char *all = text_format("%s/sys/block", root);
    struct words names = {0};
    size_t count = 0;

    folder_list(all, &names);
    *disks_out = calloc(names.count + 1, sizeof **disks_out);
    if (*disks_out == NULL) {
        cli_fail("not enough memory");
    }
    for (size_t i = 0; i < names.count; i++) {
        struct disk *disk = &(*disks_out)[count];

        if (load(root, names.items[i], need_bytes, disk) &&
            (disk->bytes > 0 || strcmp(disk->kind, "virtual disk") != 0)) {
            count++;
        }
    }
    return count;
}

/* The disk whose device or whose partition has this number; *partition_out is the partition's name, or NULL. */
static const char *find_number(const char *root, const char *number, const char **partition_out)
{
    struct words names = {0};

    folder_list(text_format("%s/sys/block", root), &names);
    *partition_out = NULL;
    for (size_t i = 0; i < names.count; i++) {
        const char *folder = text_format("%s/sys/block/%s", root, names.items[i]);
        struct words inside = {0};

        if (strcmp(attribute(folder, "dev"), number) == 0) {
            return names.items[i];
        }
        folder_list(folder, &inside);
        for (size_t j = 0; j < inside.count; j++) {
            const char *part = text_format("%s/%s", folder, inside.items[j]);

            if (attribute(part, "partition")[0] != '\0' && strcmp(attribute(part, "dev"), number) == 0) {
                *partition_out = inside.items[j];
                return names.items[i];
            }
        }
    }
    return NULL;
}

bool disk_find(const char *root, const char *given, uint64_t need_bytes, struct disk *disk_out, const char **why_out)
{
    const char *path = strchr(given, '/') == NULL ? text_format("%s/dev/%s", root, given)
                       : strncmp(given, "/dev/", 5) == 0 ? text_format("%s%s", root, given) : given;
    const char *partition;
    const char *name;
    struct stat status;

    *disk_out = (struct disk){0};
    if (stat(path, &status) != 0) {
        *why_out = text_format("there is no %s: `fata flash` alone lists the disks", path);
    } else if (!S_ISBLK(status.st_mode)) {
        *why_out = text_format("%s is no disk; a plain file is written by --file", path);
    } else {
        name = find_number(root, text_format("%u:%u", major(status.st_rdev), minor(status.st_rdev)), &partition);
        if (name == NULL || !load(root, name, need_bytes, disk_out)) {
            *why_out = text_format("%s is no disk that the kernel knows", path);
        } else if (partition != NULL) {
            *why_out = text_format("%s is a partition: a card has its own table of them, so name the whole disk, %s", path, name);
        } else {
            return true;
        }
    }
    return false;
}

bool disk_is_same(const struct disk *a, const struct disk *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->number, b->number) == 0 && strcmp(a->serial, b->serial) == 0 &&
           strcmp(a->model, b->model) == 0 && a->bytes == b->bytes && a->sequence == b->sequence;
}

const char *size_text(uint64_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 1000 && unit + 1 < sizeof units / sizeof units[0]; unit++) {
        value /= 1000;
    }
    return text_format(unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}
