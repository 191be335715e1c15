/* SPDX-License-Identifier: ISC */
/* What `fata flash` tells of its work: progress, errors, the receipt. See flash.h. */
#include "flash.h"

#include "cli.h"
#include "json.h"
#include "process.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOW_TERMINAL_MS 100
#define SHOW_LOG_MS 10000

static const char *speed_text(uint64_t bytes, int64_t ms)
{
    return ms > 0 ? text_format(", %s/s", size_text(bytes * 1000 / (uint64_t)ms)) : "";
}

void flash_progress(struct flash *flash, const char *doing, uint64_t done_bytes, uint64_t all_bytes)
{
    bool on_terminal = isatty(STDERR_FILENO) == 1;
    int64_t now = now_ms();

    if (flash->doing == NULL || strcmp(flash->doing, doing) != 0) {
        flash_progress_end(flash);
        flash->doing = doing;
        flash->doing_since_ms = flash->shown_ms = now;
        flash->doing_bytes = done_bytes;
    } else if (now - flash->shown_ms < (on_terminal ? SHOW_TERMINAL_MS : SHOW_LOG_MS)) {
        return;
    } else {
        flash->shown_ms = now;
    }
    if (on_terminal || flash->shown_ms != flash->doing_since_ms) {
        (void)fprintf(stderr, "%s%s: %3" PRIu64 "%% of %s%s%s", on_terminal ? "\r" : "", doing,
                      all_bytes > 0 ? done_bytes * 100 / all_bytes : 100, size_text(all_bytes),
                      speed_text(done_bytes - flash->doing_bytes, now - flash->doing_since_ms), on_terminal ? "\033[K" : "\n");
    }
}

void flash_progress_end(struct flash *flash)
{
    if (flash->doing != NULL && isatty(STDERR_FILENO) == 1) {
        (void)fputs("\r\033[K", stderr);
    }
    flash->doing = NULL;
}

/* Whether the disk that was to be written is still the one in its place. A reader without its card is: the kernel looks whether
 * it has one when its file is opened, and not exclusively, as we hold it. */
static bool is_still_there(const struct flash *flash)
{
    int error = flash->copy.error, file;
    struct disk now;
    const char *why;

    if (error == ENOMEDIUM || error == ENXIO || error == ENODEV) {
        return false;
    }
    file = open(flash->disk.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file >= 0) {
        (void)close(file);
    }
    return disk_find(flash->root, flash->disk.path, 0, &now, &why) && disk_is_same(&now, &flash->disk);
}

static const char *explain_sync(const struct flash *flash)
{
    const char *error = strerror(flash->copy.error);

    if (!flash->has_disk) {
        return text_format("cannot write %s out: %s", flash->target, error);
    }
    if (!is_still_there(flash)) {
        return text_format("%s is gone: it was pulled out, or its reader has lost it. Put it in again; the same command goes on from "
                           "where it was", flash->target);
    }
    return text_format("%s could not write out all that it was given: %s. The card or its reader is worn out or broken: try another",
                       flash->target, error);
}

static const char *explain_access(const struct flash *flash, const char *what)
{
    const struct flash_copy *copy = &flash->copy;
    uint64_t sector = copy->at / DISK_SECTOR_BYTES;

    if (!flash->has_disk) {
        return text_format("cannot %s %s at byte %" PRIu64 ": %s", what, flash->target, copy->at,
                           copy->error == FLASH_AT_END ? "it has become shorter" : strerror(copy->error));
    }
    if (!is_still_there(flash)) {
        return text_format("%s is gone, at sector %" PRIu64 ": it was pulled out, or its reader has lost it. Put it in again; the "
                           "same command goes on from where it was", flash->target, sector);
    }
    if (copy->error == FLASH_AT_END || copy->error == ENOSPC) {
        return text_format("%s ends at sector %" PRIu64 " although it says that it has %" PRIu64 ": its size is not true (there are "
                           "cards that are sold as larger than they are)", flash->target, sector,
                           flash->disk.bytes / DISK_SECTOR_BYTES);
    }
    return text_format("cannot %s sector %" PRIu64 " of %s: %s. The card or its reader is worn out or broken: try another", what,
                       sector, flash->target, strerror(copy->error));
}

static const char *explain_mismatch(const struct flash *flash)
{
    const struct flash_copy *copy = &flash->copy;
    uint64_t sector = copy->at / DISK_SECTOR_BYTES;

    if (copy->wraps_to != 0) {
        return text_format("sector %" PRIu64 " of %s reads back as sector %" PRIu64 ", which was written later: it has fewer sectors "
                           "than it says, and writes the one over the other (there are cards that are sold as larger than they are)",
                           sector, flash->target, copy->wraps_to / DISK_SECTOR_BYTES);
    }
    return text_format("sector %" PRIu64 " of %s (from byte %" PRIu64 " on) reads back other than it was written: the card or its reader "
                       "is worn out or broken, or somebody else has written to it", sector, flash->target, copy->at);
}

static const char *explain_stop(const struct flash *flash)
{
    uint64_t all = flash_bytes(flash->image.pieces, flash->image.count);
    uint64_t done = flash->copy.kept_bytes + flash->copy.written_bytes;

    if (done == 0) {
        return "interrupted: nothing was written";
    }
    if (done == all) {
        return text_format("interrupted while %s was read back: all is written, but it is not known whether it can be read. The same "
                           "command reads it again", flash->target);
    }
    return text_format("interrupted: %s of %s are on %s, which does not boot like this. The same command compares what is there and "
                       "goes on behind it", size_text(done), size_text(all), flash->target);
}

const char *flash_explain(const struct flash *flash)
{
    switch (flash->copy.result) {
    case FLASH_STOPPED:
        return explain_stop(flash);
    case FLASH_IMAGE_ERROR:
        return text_format("cannot read %s at byte %" PRIu64 ": %s", flash->image.path, flash->copy.at,
                           flash->copy.error == FLASH_AT_END ? "it has become shorter" : strerror(flash->copy.error));
    case FLASH_IMAGE_WRONG:
        return text_format("%s is not what %s says: the range from byte %" PRIu64 " on has another checksum. Build or fetch both anew; "
                           "nothing was written", flash->image.path, flash->image.map, flash->copy.at);
    case FLASH_IMAGE_CHANGED:
        return text_format("%s was changed while it was being flashed: do it again", flash->image.path);
    case FLASH_READ_ERROR:
        return explain_access(flash, "read back");
    case FLASH_WRITE_ERROR:
        return explain_access(flash, "write");
    case FLASH_SYNC_ERROR:
        return explain_sync(flash);
    case FLASH_MISMATCH:
        return explain_mismatch(flash);
    default:
        return NULL;
    }
}

static void json_target(struct json *json, const struct flash *flash)
{
    json_open(json, "target", '{');
    json_text(json, "name", flash->target);
    json_text(json, "kind", flash->has_disk ? flash->disk.kind : "file");
    json_text(json, "path", flash->has_disk ? flash->disk.path : flash->file);
    if (flash->has_disk) {
        json_text(json, "device", flash->disk.number);
        json_number(json, "bytes", flash->disk.bytes);
        json_text(json, "model", flash->disk.model);
        json_text(json, "serial", flash->disk.serial);
    }
    json_close(json, '}');
}

static void json_image(struct json *json, const struct flash *flash)
{
    char digest[2 * SHA256_BYTES + 1];

    sha256_text(flash->copy.digest, digest);
    json_open(json, "image", '{');
    json_text(json, "path", flash->image_path);
    json_text(json, "block_map", flash->image.map);
    json_number(json, "bytes", flash->image.bytes);
    json_number(json, "ranges", flash->image.count);
    json_number(json, "range_bytes", flash_bytes(flash->image.pieces, flash->image.count));
    json_text(json, "range_sha256", flash->copy.has_digest ? digest : NULL);
    json_close(json, '}');
}

void flash_receipt(const struct flash *flash, const char *result, int status)
{
    enum flash_result copied = flash->copy.result;
    struct json json = {0};
    char when[32] = "";
    struct tm parts;

    if (gmtime_r(&flash->started_at, &parts) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    json_open(&json, NULL, '{');
    json_text(&json, "tool", "fata " FATA_VERSION);
    json_text(&json, "started", when);
    json_number(&json, "milliseconds", (uint64_t)(now_ms() - flash->started_ms));
    json_text(&json, "result", result);
    json_number(&json, "status", (uint64_t)status);
    json_text(&json, "message", flash->message);
    json_target(&json, flash);
    json_image(&json, flash);
    json_number(&json, "kept_bytes", flash->copy.kept_bytes);
    json_number(&json, "written_bytes", flash->copy.written_bytes);
    json_bool(&json, "verified", flash->is_verified);
    if (copied == FLASH_MISMATCH || copied == FLASH_READ_ERROR || copied == FLASH_WRITE_ERROR) {
        json_number(&json, "sector", flash->copy.at / DISK_SECTOR_BYTES);
    }
    json_close(&json, '}');
}
