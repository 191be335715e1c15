/* SPDX-License-Identifier: ISC */
/* A copy of a card with other options: see card_copy.h. */
#include "card_copy.h"

#include "cli.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES 65536u
#define AT_ENTRY_BYTES 28u /* of a file in its folder's entry: its length */

static char *path;

static void remove_copy(void)
{
    (void)unlink(path);
}

static void put(int file, const void *bytes, size_t len, uint64_t at)
{
    if (pwrite(file, bytes, len, (off_t)at) != (ssize_t)len) {
        cli_fail("cannot write %s: %s", path, strerror(errno));
    }
}

/* What is zero stays a hole. */
static void copy_bytes(int file, const struct card *card)
{
    static const uint8_t zeros[PIECE_BYTES];

    if (ftruncate(file, (off_t)card->len) != 0) {
        cli_fail("cannot write %s: %s", path, strerror(errno));
    }
    for (size_t at = 0; at < card->len; at += PIECE_BYTES) {
        size_t len = card->len - at < PIECE_BYTES ? card->len - at : PIECE_BYTES;

        if (memcmp(card->bytes + at, zeros, len) != 0) {
            put(file, card->bytes + at, len, at);
        }
    }
}

/* The line that boot.scr imports: U-Boot's himport_r() takes what stands behind a backslash as it is, and ends at a newline. */
static void add_options(struct text *text, const char *command_line)
{
    text_add(text, "bootargs=");
    for (; *command_line != '\0'; command_line++) {
        text_add(text, *command_line == '\\' || *command_line == '\n' ? "\\" : "");
        text_add_bytes(text, command_line, 1);
    }
    text_add(text, "\n");
}

const char *card_copy(const struct card *card, const char *command_line)
{
    const char *place = getenv("TMPDIR");
    struct text options = {0};
    struct fat_file entry, room;
    uint8_t len[4];
    uint64_t start;
    size_t at;
    int file;

    if (card->files_in == CARD_PARTITION_COUNT || !fat_find(&card->fat, CARD_OPTIONS, &entry)) {
        cli_fail("the guest's arguments cannot be put on the card: it has no file " CARD_OPTIONS);
    }
    room = entry;
    room.bytes = card->fat.cluster_bytes;
    add_options(&options, command_line);
    if (options.len > room.bytes || fat_piece(&card->fat, &room, 0, &at) != room.bytes) {
        cli_usage("the guest's arguments take %zu bytes, quoted; the card's " CARD_OPTIONS " has room for %u", options.len,
                  (unsigned)room.bytes);
    }
    path = text_format("%s/fata-card.XXXXXX", place != NULL && place[0] != '\0' ? place : "/tmp");
    file = mkostemp(path, O_CLOEXEC);
    if (file < 0) {
        cli_fail("cannot make %s: %s", path, strerror(errno));
    }
    (void)atexit(remove_copy);
    copy_bytes(file, card);
    start = card->partitions[card->files_in].start;
    for (size_t i = 0; i < sizeof len; i++) {
        len[i] = (uint8_t)(options.len >> i * 8);
    }
    put(file, options.bytes, options.len, start + at);
    put(file, len, sizeof len, start + entry.entry_at + AT_ENTRY_BYTES);
    if (close(file) != 0) {
        cli_fail("cannot write %s: %s", path, strerror(errno));
    }
    text_free(&options);
    return path;
}
