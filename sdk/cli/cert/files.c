/* SPDX-License-Identifier: ISC */
/*
 * Writing and finding files: see cert.h. A new file is written beside its place under another name and then linked to its own:
 * nobody sees half of it, and a file that is there already is not touched, not even in a race. Keys are only their owner's.
 */
#include "cert.h"

#include "../files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cert_exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

/* The file's bytes under a name of this process's own; false: errno says why. */
static bool write_aside(const struct cert_file *file, const char *aside)
{
    int out = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)file->mode);
    size_t done = 0;
    bool good = out >= 0;

    while (good && done < file->len) {
        ssize_t put = write(out, file->contents + done, file->len - done);

        good = put >= 0 || errno == EINTR;
        done += put > 0 ? (size_t)put : 0;
    }
    good = good && fsync(out) == 0;
    if (out >= 0) {
        int err = errno;

        good = close(out) == 0 && good;
        if (!good) {
            errno = err;
            (void)unlink(aside);
            errno = err;
        }
    }
    return good;
}

static char *aside_of(const char *path)
{
    return text_format("%s.new.%ld", path, (long)getpid());
}

void cert_write_new(const struct cert_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *aside = aside_of(files[i].path);
        bool good = write_aside(&files[i], aside);
        bool there = false;
        int err = errno;

        if (good) {
            good = link(aside, files[i].path) == 0;
            err = errno;
            there = !good && err == EEXIST;
            (void)unlink(aside);
        }
        if (good) {
            continue;
        }
        for (size_t made = 0; made < i; made++) {
            (void)unlink(files[made].path);
        }
        if (there) {
            cli_fail("%s exists: nothing is overwritten; remove it, or choose another name", files[i].path);
        }
        cli_fail("cannot write %s: %s; nothing was changed", files[i].path, strerror(err));
    }
}

bool cert_write_over(const struct cert_file *file)
{
    char *aside = aside_of(file->path);
    struct text before = {0};
    const char *why;
    bool same = file_read(file->path, CERT_FILE_BYTES_MAX, &before, &why) && before.len == file->len &&
                memcmp(before.bytes, file->contents, file->len) == 0;

    explicit_bzero(before.bytes, before.len);
    text_free(&before);
    if (same) {
        return false;
    }
    if (!write_aside(file, aside)) {
        cli_fail("cannot write %s: %s; it is as it was", file->path, strerror(errno));
    }
    if (rename(aside, file->path) != 0) {
        int err = errno;

        (void)unlink(aside);
        cli_fail("cannot write %s: %s; it is as it was", file->path, strerror(err));
    }
    return true;
}

void cert_make_folder(const char *folder)
{
    static const char ignored[] = "# Keys stay out of repositories.\n*\n";
    struct cert_file ignore = {text_format("%s/.gitignore", folder), ignored, sizeof ignored - 1, 0644};

    if (mkdir(folder, 0700) == 0) {
        cert_write_new(&ignore, 1);
    } else if (errno != EEXIST) {
        cli_fail("cannot make the folder %s: %s", folder, strerror(errno));
    }
}

struct text cert_read(const char *path)
{
    struct text bytes = {0};
    const char *why;

    if (!file_read(path, CERT_FILE_BYTES_MAX, &bytes, &why)) {
        cli_fail("cannot read %s: %s", path, why);
    }
    return bytes;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct words cert_list(const char *folder, const char *ending)
{
    struct words names = {0};
    DIR *dir = opendir(folder);
    size_t len = strlen(ending);

    if (dir == NULL && errno != ENOENT) {
        cli_fail("cannot read the folder %s: %s", folder, strerror(errno));
    }
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        size_t name_len = strlen(entry->d_name);

        if (entry->d_name[0] != '.' && name_len > len && strcmp(entry->d_name + name_len - len, ending) == 0) {
            words_add(&names, entry->d_name);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    if (names.count > 1) {
        qsort(names.items, names.count, sizeof names.items[0], by_name);
    }
    return names;
}
