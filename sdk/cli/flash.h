/* SPDX-License-Identifier: ISC */
/* One run of `fata flash`: what was asked, what was found, what came of it; and how it is told to people and programs. */
#ifndef FATA_CLI_FLASH_H
#define FATA_CLI_FLASH_H

#include "disks.h"
#include "flashends.h"

#include <stdint.h>
#include <time.h>

/* Exit statuses, beside those of all commands (cli.h) and 128 + a signal's number. */
enum { FLASH_REFUSED = 3, FLASH_NOT_CONFIRMED = 4, FLASH_NOT_VERIFIED = 5 };

struct flash {
    const char *root; /* "", or a folder with sys, proc and dev for tests */
    const char *to;
    const char *file;
    const char *map;
    const char *yes;
    bool dry_run;
    bool as_json;
    const char *image_path;

    struct flash_image image;
    bool has_disk;
    struct disk disk;
    const char *target; /* how the disk or the file is called in messages, and how it is confirmed */
    struct flash_card card;
    struct flash_copy copy;
    time_t started_at;
    int64_t started_ms;
    double write_seconds;
    bool is_verified;
    const char *message; /* of what went wrong; NULL: nothing */

    const char *doing; /* of the progress that is shown */
    int64_t doing_since_ms;
    int64_t shown_ms;
    uint64_t doing_bytes;
};

/* Shows how far it is: on a terminal in one line that changes, else now and then a line. */
void flash_progress(struct flash *flash, const char *doing, uint64_t done_bytes, uint64_t all_bytes);

/* Behind the last progress of a step. */
void flash_progress_end(struct flash *flash);

/* What went wrong with the copy, for people. */
const char *flash_explain(const struct flash *flash);

/* The receipt, on standard output: `result` is one word. */
void flash_receipt(const struct flash *flash, const char *result, int status);

#endif
