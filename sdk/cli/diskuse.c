/* SPDX-License-Identifier: ISC */
/*
 * Who uses a disk: see diskuse.h. A mount names the device's number, but that of btrfs is one of its own: so the path it was
 * mounted from counts as well. What has been built on a partition stands in its folder `holders`, and is followed upwards;
 * loop devices do not stand there, nor do they hold a disk exclusively: they are asked what they are made of.
 */
#include "diskuse.h"

#include "files.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define TABLE_BYTES_MAX (1u << 20)
#define HOLDERS_DEPTH_MAX 8
#define NUMBER_CAP 32

void use_add(struct text *reasons, const char *format, ...)
{
    va_list arguments;

    text_add(reasons, reasons->len > 0 ? "; " : "");
    va_start(arguments, format);
    text_addv(reasons, format, arguments);
    va_end(arguments);
}

/* A small file's first line; "" if there is none. */
static const char *first_line(const char *path)
{
    struct text value = {0};
    const char *why;

    if (!file_read(path, TABLE_BYTES_MAX, &value, &why)) {
        return "";
    }
    value.bytes[strcspn(value.bytes, "\n")] = '\0';
    return value.bytes;
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* Undoes \040 and the like (proc(5)), in place; what a terminal must not see becomes a question mark. */
static void unescape(char *word)
{
    char *to = word;

    for (const char *from = word; *from != '\0'; from++, to++) {
        if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3])) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 3;
        } else {
            *to = *from;
        }
        if (iscntrl((unsigned char)*to)) {
            *to = '?';
        }
    }
    *to = '\0';
}

/* Whether the device file at `path` is the device: by its number, or, where there is no file, by its name. */
static bool is_device(const char *root, const char *path, const char *number, const char *name)
{
    struct stat status;
    char found[NUMBER_CAP];

    if (strncmp(path, "/dev/", 5) != 0) {
        return false;
    }
    if (stat(text_format("%s%s", root, path), &status) == 0 && S_ISBLK(status.st_mode)) {
        (void)snprintf(found, sizeof found, "%u:%u", major(status.st_rdev), minor(status.st_rdev));
        if (strcmp(found, number) == 0) {
            return true;
        }
    }
    return strcmp(path + 5, name) == 0;
}

/* Without these the machine that runs now loses its feet. */
static bool is_of_the_system(const char *place)
{
    static const char *const places[] = {"/", "/boot", "/boot/efi", "/boot/firmware", "/efi", "/usr", "/var", "/home", "/nix"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strcmp(place, places[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A line of mountinfo is "ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS [TAGS...] - TYPE SOURCE OPTIONS". */
static void add_mounts(const char *root, const char *number, const char *name, struct text *reasons)
{
    struct text table = {0};
    struct text places = {0};
    bool system = false;
    const char *why;

    if (!file_read(text_format("%s/proc/self/mountinfo", root), TABLE_BYTES_MAX, &table, &why)) {
        use_add(reasons, "it cannot be told whether %s is mounted (/proc/self/mountinfo: %s)", name, why);
    }
    for (char *rest = table.bytes, *line; (line = strsep(&rest, "\n")) != NULL;) {
        char device[NUMBER_CAP], place[4096], source[4096] = "";
        const char *tail = strstr(line, " - ");

        if (sscanf(line, "%*u %*u %31s %*s %4095s", device, place) != 2) {
            continue;
        }
        if (tail != NULL) {
            (void)sscanf(tail, " - %*s %4095s", source);
        }
        unescape(place);
        unescape(source);
        if (strcmp(device, number) == 0 || is_device(root, source, number, name)) {
            text_addf(&places, "%s%s", places.len > 0 ? ", " : "", place);
            system |= is_of_the_system(place);
        }
    }
    if (places.len > 0) {
        use_add(reasons, "%s%s is mounted at %s", system ? "it holds the system that runs now: " : "", name, places.bytes);
    }
    text_free(&table);
    text_free(&places);
}

/* Lines of /proc/swaps begin with a path. */
static void add_swap(const char *root, const char *number, const char *name, struct text *reasons)
{
    struct text table = {0};
    const char *why;

    (void)file_read(text_format("%s/proc/swaps", root), TABLE_BYTES_MAX, &table, &why);
    for (char *rest = table.bytes, *line; (line = strsep(&rest, "\n")) != NULL;) {
        line[strcspn(line, " \t")] = '\0';
        unescape(line);
        if (is_device(root, line, number, name)) {
            use_add(reasons, "%s is swap space of the system that runs now", name);
            break;
        }
    }
    text_free(&table);
}

/* What the kernel has built: "md0 (RAID)", "dm-0 (LVM vg-root)". */
static const char *holder_text(const char *folder, const char *name)
{
    const char *uuid = first_line(text_format("%s/dm/uuid", folder));
    const char *title = first_line(text_format("%s/dm/name", folder));

    if (strncmp(uuid, "LVM-", 4) == 0) {
        return text_format("%s (LVM %s)", name, title);
    }
    if (strncmp(uuid, "CRYPT-", 6) == 0) {
        return text_format("%s (encrypted, %s)", name, title);
    }
    if (first_line(text_format("%s/md/level", folder))[0] != '\0') {
        return text_format("%s (RAID)", name);
    }
    return title[0] != '\0' ? text_format("%s (%s)", name, title) : name;
}

/* Adds loop devices whose file is the device (Documentation/ABI/testing/sysfs-block, loop/backing_file). */
static void list_loops(const char *root, const char *number, const char *name, struct words *holders)
{
    struct words all = {0};

    folder_list(text_format("%s/sys/block", root), &all);
    for (size_t i = 0; i < all.count; i++) {
        const char *file = first_line(text_format("%s/sys/block/%s/loop/backing_file", root, all.items[i]));

        if (is_device(root, file, number, name)) {
            words_add(holders, all.items[i]);
        }
    }
    words_free(&all);
}

static void add_use(const char *root, const char *folder, const char *name, unsigned depth, struct text *reasons)
{
    const char *number = first_line(text_format("%s/dev", folder));
    struct words holders = {0};

    add_mounts(root, number, name, reasons);
    add_swap(root, number, name, reasons);
    folder_list(text_format("%s/holders", folder), &holders);
    list_loops(root, number, name, &holders);
    for (size_t i = 0; i < holders.count; i++) {
        const char *above = text_format("%s/sys/block/%s", root, holders.items[i]);

        use_add(reasons, "%s is part of %s", name, holder_text(above, holders.items[i]));
        if (depth < HOLDERS_DEPTH_MAX) {
            add_use(root, above, holders.items[i], depth + 1, reasons);
        }
    }
}

void use_of_disk(const char *root, const char *folder, const char *name, struct text *reasons)
{
    struct words inside = {0};

    add_use(root, folder, name, 0, reasons);
    folder_list(folder, &inside);
    for (size_t i = 0; i < inside.count; i++) {
        const char *part = text_format("%s/%s", folder, inside.items[i]);

        if (first_line(text_format("%s/partition", part))[0] != '\0') {
            add_use(root, part, inside.items[i], 0, reasons);
        }
    }
}
