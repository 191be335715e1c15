/* SPDX-License-Identifier: ISC */
/* Images, disks and files of `fata flash`: see flashends.h. */
#include "flashends.h"

#include "bmap.h"
#include "cli.h"
#include "files.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOLE_ALIGN 4096u

static struct flash_piece *add_piece(struct flash_image *image, uint64_t start, uint64_t end, bool is_zero)
{
    struct flash_piece *more = realloc(image->pieces, (image->count + 1) * sizeof *more);

    if (more == NULL) {
        cli_fail("not enough memory");
    }
    image->pieces = more;
    more[image->count] = (struct flash_piece){.start = start, .len = end - start, .is_zero = is_zero};
    return &more[image->count++];
}

static bool take_map(struct flash_image *image, const char **why_out)
{
    struct text bytes = {0};
    struct bmap map;
    const char *why;

    if (!file_read(image->map, BMAP_BYTES_MAX, &bytes, &why)) {
        *why_out = text_format("cannot read %s: %s", image->map, why);
        return false;
    }
    if (!bmap_parse(&map, bytes.bytes, bytes.len, &why)) {
        *why_out = text_format("%s: %s", image->map, why);
        return false;
    }
    if (map.image_bytes != image->bytes) {
        *why_out = text_format("%s is of an image of %llu bytes, and %s has %llu: they do not belong together", image->map,
                               (unsigned long long)map.image_bytes, image->path, (unsigned long long)image->bytes);
        return false;
    }
    for (size_t i = 0; i < map.range_count; i++) {
        uint64_t end = (map.ranges[i].last_block + 1) * map.block_bytes;
        struct flash_piece *piece = add_piece(image, map.ranges[i].first_block * map.block_bytes,
                                              end < image->bytes ? end : image->bytes, false);

        piece->has_digest = true;
        memcpy(piece->digest, map.ranges[i].digest, sizeof piece->digest);
    }
    free(map.ranges);
    text_free(&bytes);
    return true;
}

/* Data and holes by turns (lseek(2)); a file system without holes tells of one piece of data. */
static void take_holes(struct flash_image *image)
{
    uint64_t at = 0;

    while (at < image->bytes) {
        off_t data = lseek(image->file, (off_t)at, SEEK_DATA);
        uint64_t start = data < 0 ? image->bytes : (uint64_t)data / HOLE_ALIGN * HOLE_ALIGN;
        off_t hole;
        uint64_t end;

        if (data < 0 && errno != ENXIO) {
            start = at; /* it cannot tell: all is data */
        }
        if (start > at) {
            (void)add_piece(image, at, start, true);
        }
        if (start >= image->bytes) {
            break;
        }
        hole = lseek(image->file, (off_t)start, SEEK_HOLE);
        end = hole <= (off_t)start ? image->bytes : ((uint64_t)hole + HOLE_ALIGN - 1) / HOLE_ALIGN * HOLE_ALIGN;
        end = end < image->bytes ? end : image->bytes;
        (void)add_piece(image, start, end, false);
        at = end;
    }
}

/* As bmaptool looks: with .bmap behind the name, or in the place of what follows its last dot. */
static const char *map_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');
    const char *map = text_format("%s.bmap", path);

    if (access(map, F_OK) != 0 && dot != NULL) {
        map = text_format("%.*s.bmap", (int)(dot - path), path);
    }
    return access(map, F_OK) == 0 ? map : NULL;
}

bool flash_image_open(struct flash_image *image_out, const char *path, const char *map, const char **why_out)
{
    struct stat status;

    *image_out = (struct flash_image){.path = path, .map = map};
    image_out->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (image_out->file < 0 || fstat(image_out->file, &status) != 0) {
        *why_out = text_format("cannot read %s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode) || status.st_size == 0) {
        *why_out = text_format("%s is %s", path, S_ISREG(status.st_mode) ? "empty" : "not a regular file");
        return false;
    }
    image_out->bytes = (uint64_t)status.st_size;
    if (map == NULL) {
        image_out->map = map_beside(path);
    }
    if (image_out->map != NULL) {
        return take_map(image_out, why_out);
    }
    take_holes(image_out);
    return true;
}

int flash_disk_open(struct flash_card *card_out, const char *path, bool to_write)
{
    int flags = (to_write ? O_RDWR : O_RDONLY) | O_EXCL | O_CLOEXEC | O_NONBLOCK;
    struct stat status;
    int block = 0;

    *card_out = (struct flash_card){.path = path, .is_disk = true, .is_direct = true};
    card_out->file = open(path, flags | O_DIRECT);
    if (card_out->file < 0 && errno == EINVAL) {
        card_out->is_direct = false;
        card_out->file = open(path, flags);
    }
    if (card_out->file < 0) {
        return errno;
    }
    if (fstat(card_out->file, &status) != 0 || !S_ISBLK(status.st_mode)) {
        return ENOTBLK;
    }
    if (ioctl(card_out->file, BLKGETSIZE64, &card_out->bytes) != 0 || ioctl(card_out->file, BLKSSZGET, &block) != 0) {
        return errno;
    }
    if (block < 512 || block > (int)FLASH_ALIGN_BYTES) {
        return EMEDIUMTYPE;
    }
    card_out->block_bytes = (size_t)block;
    card_out->number = status.st_rdev;
    return 0;
}

int flash_file_open(struct flash_card *card_out, const char *path, uint64_t bytes)
{
    struct stat status;

    *card_out = (struct flash_card){.path = path, .block_bytes = 1};
    card_out->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (card_out->file < 0 || fstat(card_out->file, &status) != 0) {
        return errno;
    }
    if (!S_ISREG(status.st_mode)) {
        return EMEDIUMTYPE;
    }
    card_out->bytes = (uint64_t)status.st_size;
    if (card_out->bytes < bytes) {
        card_out->bytes = bytes;
        return ftruncate(card_out->file, (off_t)bytes) == 0 ? 0 : errno;
    }
    return 0;
}

/* All bytes one way or the other; `put` is NULL to read. */
static int move(int file, uint64_t at, uint8_t *get, const uint8_t *put, size_t len)
{
    for (size_t done = 0; done < len;) {
        off_t place = (off_t)(at + done);
        ssize_t moved = put != NULL ? pwrite(file, put + done, len - done, place) : pread(file, get + done, len - done, place);

        if (moved == 0) {
            return FLASH_AT_END;
        }
        if (moved < 0 && errno != EINTR) {
            return errno;
        }
        done += moved > 0 ? (size_t)moved : 0;
    }
    return 0;
}

int flash_card_read(struct flash_card *card, uint64_t at, uint8_t *bytes, size_t len)
{
    if (!card->is_direct) {
        (void)posix_fadvise(card->file, (off_t)at, (off_t)len, POSIX_FADV_DONTNEED);
    }
    return move(card->file, at, bytes, NULL, len);
}

int flash_card_write(struct flash_card *card, uint64_t at, const uint8_t *bytes, size_t len)
{
    int error = move(card->file, at, NULL, bytes, len);

    return error == 0 && card->is_disk && !card->is_direct && fdatasync(card->file) != 0 ? errno : error;
}

int flash_card_sync(struct flash_card *card)
{
    if (fsync(card->file) != 0) {
        return errno;
    }
    if (card->is_disk) {
        (void)ioctl(card->file, BLKFLSBUF, 0); /* for root alone; unbuffered reads pass it by anyway */
    }
    return 0;
}

void flash_card_changed(struct flash_card *card)
{
    if (card->is_disk) {
        (void)ioctl(card->file, BLKRRPART, 0);
    }
}
