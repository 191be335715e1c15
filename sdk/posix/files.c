/* SPDX-License-Identifier: ISC */
/* Files for libc: descriptors 0 to 2 are the console, the others are embedded files, read-only.
 * This is what fopen() stands on. read() of the console suspends the calling fiber until something
 * is typed; nothing else here waits. */
#include "../core/console.h"
#include "input.h"
#include <errno.h>
#include <fata/file.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_MAX_FILES 32
#define FIRST_FILE 3 /* 0 to 2 are the console */

typedef struct open_file {
    const fa_file *file; /* NULL: not open */
    size_t offset;
} open_file;

static open_file files[OPEN_MAX_FILES];

static int fail(int error_number)
{
    errno = error_number;
    return -1;
}

/* The open file behind a descriptor; NULL, and EBADF, when there is none. */
static open_file *file_of(int fd)
{
    const int index = fd - FIRST_FILE;
    if (index < 0 || index >= OPEN_MAX_FILES || files[index].file == NULL) {
        errno = EBADF;
        return NULL;
    }
    return &files[index];
}

int open(const char *path, int flags, ...)
{
    if ((flags & O_ACCMODE) != O_RDONLY)
        return fail(EROFS);
    const fa_file *found = fa_file_find(path);
    if (found == NULL)
        return fail(ENOENT);
    for (int index = 0; index < OPEN_MAX_FILES; index++)
        if (files[index].file == NULL) {
            files[index] = (open_file){found, 0};
            return FIRST_FILE + index;
        }
    return fail(EMFILE);
}

int close(int fd)
{
    open_file *open = file_of(fd);
    if (open == NULL)
        return -1;
    open->file = NULL;
    return 0;
}

ssize_t read(int fd, void *bytes_out, size_t cap)
{
    if (fd == STDIN_FILENO)
        return fa_posix_read_console(bytes_out, cap);
    open_file *open = file_of(fd);
    if (open == NULL)
        return -1;
    size_t len = open->offset < open->file->len ? open->file->len - open->offset : 0;
    len = len < cap ? len : cap;
    if (len == 0)
        return 0;
    memcpy(bytes_out, open->file->bytes + open->offset, len);
    open->offset += len;
    return (ssize_t)len;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
        return file_of(fd) == NULL ? -1 : fail(EROFS);
    fa_console_write(bytes, len);
    return (ssize_t)len;
}

off_t lseek(int fd, off_t offset, int whence)
{
    open_file *open = file_of(fd);
    if (open == NULL)
        return -1;
    off_t base = 0;
    if (whence == SEEK_CUR)
        base = (off_t)open->offset;
    else if (whence == SEEK_END)
        base = (off_t)open->file->len;
    else if (whence != SEEK_SET)
        return fail(EINVAL);
    if (offset < -base)
        return fail(EINVAL);
    open->offset = (size_t)(base + offset);
    return base + offset;
}

int fstat(int fd, struct stat *stat_out)
{
    memset(stat_out, 0, sizeof *stat_out);
    if (fd >= 0 && fd < FIRST_FILE) {
        stat_out->st_mode = S_IFCHR | 0600;
        return 0;
    }
    const open_file *open = file_of(fd);
    if (open == NULL)
        return -1;
    stat_out->st_mode = S_IFREG | 0444;
    stat_out->st_size = (off_t)open->file->len;
    return 0;
}

int stat(const char *restrict path, struct stat *restrict stat_out)
{
    const fa_file *found = fa_file_find(path);
    if (found == NULL)
        return fail(ENOENT);
    memset(stat_out, 0, sizeof *stat_out);
    stat_out->st_mode = S_IFREG | 0444;
    stat_out->st_size = (off_t)found->len;
    return 0;
}

int isatty(int fd)
{
    if (fd >= 0 && fd < FIRST_FILE)
        return 1;
    if (file_of(fd) != NULL)
        errno = ENOTTY;
    return 0;
}

int rename(const char *from, const char *to)
{
    (void)to;
    return fail(fa_file_find(from) == NULL ? ENOENT : EROFS);
}

int unlink(const char *path)
{
    return fail(fa_file_find(path) == NULL ? ENOENT : EROFS);
}
