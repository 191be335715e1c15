/* SPDX-License-Identifier: ISC */
/* A file as a disk: see disk.h. */
#include "disk.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR_BYTES 512u

static fa_disk *disk_of(fa_blockdev *device)
{
    return (fa_disk *)(void *)device; /* its first member */
}

static fa_err err_of(int error)
{
    switch (error) {
    case ENOENT: return FA_ENOENT;
    case EPERM:
    case EACCES:
    case EROFS: return FA_EPERM;
    case EAGAIN: return FA_EBUSY;
    case ENOMEM: return FA_ENOMEM;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return FA_ENOSPC;
    case EOPNOTSUPP: return FA_ENOTSUP;
    default: return FA_EIO;
    }
}

/* All of it: a system call may do less at a time. */
static fa_err transfer(const fa_disk *disk, const fa_block_request *request)
{
    struct iovec pieces[FA_BLOCK_PARTS_MAX];
    unsigned first = 0;
    off_t at = (off_t)request->sector * SECTOR_BYTES;
    for (unsigned i = 0; i < request->part_count; i++)
        pieces[i] = (struct iovec){request->parts[i].bytes, request->parts[i].len};
    while (first < request->part_count) {
        const int count = (int)(request->part_count - first);
        const ssize_t done = request->kind == FA_BLOCK_READ
                                 ? preadv(disk->descriptor, pieces + first, count, at)
                                 : pwritev(disk->descriptor, pieces + first, count, at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) /* 0: somebody has made the file shorter */
            return done < 0 ? err_of(errno) : FA_EIO;
        at += done;
        size_t left = (size_t)done;
        while (first < request->part_count && left >= pieces[first].iov_len)
            left -= pieces[first++].iov_len;
        if (left > 0) {
            pieces[first].iov_base = (uint8_t *)pieces[first].iov_base + left;
            pieces[first].iov_len -= left;
        }
    }
    return FA_OK;
}

static fa_err discard(const fa_disk *disk, const fa_block_request *request)
{
    const int result = fallocate(disk->descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                 (off_t)request->sector * SECTOR_BYTES,
                                 (off_t)request->count * SECTOR_BYTES);
    return result == 0 ? FA_OK : err_of(errno);
}

static fa_err submit(fa_blockdev *device, fa_block_request *request)
{
    const fa_disk *disk = disk_of(device);
    if (device->is_stopped)
        return FA_EIO;
    switch (request->kind) {
    case FA_BLOCK_READ:
    case FA_BLOCK_WRITE: request->err = transfer(disk, request); break;
    case FA_BLOCK_FLUSH:
        request->err = fdatasync(disk->descriptor) == 0 ? FA_OK : err_of(errno);
        break;
    case FA_BLOCK_DISCARD: request->err = discard(disk, request); break;
    }
    request->done(request);
    return FA_OK;
}

static void close_disk(fa_blockdev *device)
{
    fa_disk *disk = disk_of(device);
    close(disk->descriptor);
    disk->is_open = false;
}

/* flock() keeps two processes of ours apart, or one that opens a file twice; QEMU's locks are others. */
static fa_err check_file(int descriptor, bool read_only, off_t *size_out)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return err_of(errno);
    if (!S_ISREG(status.st_mode) || status.st_size == 0 || status.st_size % SECTOR_BYTES != 0)
        return FA_ENOTSUP;
    if (flock(descriptor, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0)
        return err_of(errno);
    *size_out = status.st_size;
    return FA_OK;
}

fa_err fa_disk_open(fa_disk *disk, const char *path, bool read_only)
{
    static const fa_blockdev_ops ops = {submit, fa_blockdev_poll_none, fa_blockdev_arm_none,
                                        fa_blockdev_stop_none, close_disk, NULL};
    off_t size = 0;
    if (disk->is_open)
        return FA_EBUSY;
    const int descriptor = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (descriptor < 0)
        return err_of(errno);
    const fa_err err = check_file(descriptor, read_only, &size);
    if (err != FA_OK) {
        close(descriptor);
        return err;
    }
    *disk = (fa_disk){
        .device = {.ops = &ops,
                   .name = "file",
                   .sector_bytes = SECTOR_BYTES,
                   .sector_count = (uint64_t)size / SECTOR_BYTES,
                   .read_only = read_only,
                   .is_present = true,
                   .has_cache = true,
                   .transfer_sectors_max = FA_DISK_TRANSFER_BYTES_MAX / SECTOR_BYTES,
                   .discard_sectors_max = FA_DISK_DISCARD_BYTES_MAX / SECTOR_BYTES,
                   .parts_max = FA_BLOCK_PARTS_MAX,
                   .read_align_bytes = 1,
                   .write_align_bytes = 1,
                   .poll_by = FA_FOREVER},
        .descriptor = descriptor,
        .is_open = true,
    };
    return FA_OK;
}
