/* SPDX-License-Identifier: ISC */
/*
 * `fata flash`: a card's image to an SD card, so that nothing else can be hit: the disk is judged by what the kernel tells
 * of it (disks.h), confirmed by its name, judged again, opened exclusively, and what was written is read back.
 */
#include "flash.h"

#include "cli.h"
#include "fel.h"
#include "json.h"
#include "process.h"
#include "project.h"
#include "text.h"
#include "zimage.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BSP "cubieboard2" /* the one whose images boot from cards */

enum { OPTION_TO = 1, OPTION_FILE, OPTION_BMAP, OPTION_YES, OPTION_DRY_RUN, OPTION_JSON, OPTION_FEL, OPTION_BOARD };

static const struct cli_option options[] = {
    {OPTION_TO, "--to", "DEVICE", "the disk to write over: sdb, /dev/sdb, /dev/disk/by-id/..."},
    {OPTION_FILE, "--file", "FILE", "a plain file instead: made, or written over"},
    {OPTION_FEL, "--fel", NULL, "no card: start the program over USB, by sunxi-fel"},
    {OPTION_BOARD, "--board", "BOARD", "cubieboard2 or cubieboard (cubieboard2)"},
    {OPTION_BMAP, "--bmap", "MAP", "the image's block map (the one beside it, if there is one)"},
    {OPTION_YES, "--yes", "NAME", "confirms: the name of the disk, as it would be typed"},
    {OPTION_DRY_RUN, "--dry-run", NULL, "check everything, say what would be done, write nothing"},
    {OPTION_JSON, "--json", NULL, "print the list, or a receipt of what was done, as JSON"},
    {0},
};

static const char details[] =
    "Without --to or --file it lists the disks, and which of them may be written: removable disks, SD cards and disks on\n"
    "USB that nothing uses. All others are refused, whoever asks: what is mounted, swap, part of LVM, RAID or an encrypted\n"
    "disk, held by a program, read-only, too small. There is no way around that but the disk's own.\n\n"
    "IMAGE is a card, by itself the one that `make BSP=cubieboard2` has made of the project in the current folder. Of it the\n"
    "ranges are written that its block map names (IMAGE.bmap, or NAME.bmap of a NAME.img; bmap-tools 2), their checksums compared\n"
    "before anything is written. Without a map all is: where IMAGE has holes, zeros, if the card has others there. Then all is\n"
    "read back past the kernel's cache and compared.\n\n"
    "An interrupted run, by Ctrl-C or a card that was pulled out, is gone on with by the same command: what the card already\n"
    "holds is compared and not written again. No file keeps the state: the card itself is it.\n\n"
    "--fel starts a zImage, by itself the project's, on a board in FEL mode, through USB: nothing is kept there. What follows\n"
    "`--` are the program's arguments. --dry-run prints the command of sunxi-fel.\n\n"
    "Exit status: 0 if it was written and read back, or listed; 1 for what went wrong; 2 for wrong usage; 3 if the disk may not\n"
    "be written over, or has become another; 4 if it was not confirmed; 5 if what was read back is not what was written; 128 and a\n"
    "signal's number if one ended it: 130 for Ctrl-C.\n";

static volatile sig_atomic_t stopped_by;

static void stop(int signal)
{
    stopped_by = signal;
}

static void heed_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = stop};

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)sigaction(signals[i], &action, NULL);
    }
    (void)signal(SIGPIPE, SIG_IGN);
}

/* The ends of the copy. */

static int read_image(void *context, uint64_t at, uint8_t *bytes, size_t len)
{
    struct flash *flash = context;
    struct flash_card image = {.file = flash->image.file, .is_direct = true};

    return flash_card_read(&image, at, bytes, len);
}

static int read_card(void *context, uint64_t at, uint8_t *bytes, size_t len)
{
    struct flash *flash = context;

    return flash_card_read(&flash->card, at, bytes, len);
}

static int write_card(void *context, uint64_t at, const uint8_t *bytes, size_t len)
{
    struct flash *flash = context;

    return flash_card_write(&flash->card, at, bytes, len);
}

static int sync_card(void *context)
{
    struct flash *flash = context;

    return flash_card_sync(&flash->card);
}

static bool go_on(void *context, const char *doing, uint64_t done_bytes, uint64_t all_bytes)
{
    flash_progress(context, doing, done_bytes, all_bytes);
    return stopped_by == 0;
}

/* The list. */

static void list_json(const struct disk *disks, size_t count)
{
    struct json json = {0};

    json_open(&json, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&json, NULL, '{');
        json_text(&json, "name", disks[i].name);
        json_text(&json, "path", disks[i].path);
        json_text(&json, "kind", disks[i].kind);
        json_number(&json, "bytes", disks[i].bytes);
        json_text(&json, "model", disks[i].model);
        json_text(&json, "serial", disks[i].serial);
        json_bool(&json, "eligible", disks[i].reason == NULL);
        json_text(&json, "reason", disks[i].reason);
        json_close(&json, '}');
    }
    json_close(&json, ']');
}

static void print_disk(const struct disk *disk)
{
    printf("%-10s %9s  %-14s  %-24s  %-16s  %s%s\n", disk->name, size_text(disk->bytes), disk->kind,
           disk->model[0] != '\0' ? disk->model : "-", disk->serial[0] != '\0' ? disk->serial : "-",
           disk->reason == NULL ? "yes" : "no: ", disk->reason != NULL ? disk->reason : "");
}

static int list(const struct flash *flash)
{
    struct disk *disks;
    size_t count = disks_load(flash->root, flash->image.bytes, &disks);
    size_t eligible = 0;

    if (flash->as_json) {
        list_json(disks, count);
        return cli_flush() ? CLI_OK : CLI_FAILED;
    }
    printf("%-10s %9s  %-14s  %-24s  %-16s  %s\n", "disk", "size", "kind", "model", "serial number", "may be written over");
    for (size_t i = 0; i < count; i++) {
        print_disk(&disks[i]);
        eligible += disks[i].reason == NULL ? 1 : 0;
    }
    if (eligible == 0) {
        printf("\nNone may be written. Put the card in, and unmount what your desktop has mounted of it.\n");
    } else {
        printf("\nfata flash --to DISK IMAGE writes one.\n");
    }
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

/* One run. */

static int finish(struct flash *flash, const char *result, int status)
{
    flash_progress_end(flash);
    if (flash->message != NULL) {
        cli_warn("%s", flash->message);
    }
    if (flash->as_json) {
        flash_receipt(flash, result, status);
    }
    return cli_flush() || status != CLI_OK ? status : CLI_FAILED;
}

static int fail(struct flash *flash, const char *result, int status, const char *message)
{
    flash->message = message;
    return finish(flash, result, status);
}

/* The copy has ended badly. */
static int fail_copy(struct flash *flash)
{
    const char *message = flash_explain(flash);

    if (flash->copy.result == FLASH_STOPPED) {
        return fail(flash, "interrupted", 128 + (int)stopped_by, message);
    }
    if (flash->copy.result == FLASH_MISMATCH) {
        return fail(flash, "mismatch", FLASH_NOT_VERIFIED, message);
    }
    return fail(flash, "failed", CLI_FAILED, message);
}

/* Finds the disk and judges it; 0: it may be written over. */
static int choose_disk(struct flash *flash)
{
    const char *why;

    if (!disk_find(flash->root, flash->to, flash->image.bytes, &flash->disk, &why)) {
        flash->target = flash->to;
        return fail(flash, "refused", FLASH_REFUSED, why);
    }
    flash->has_disk = true;
    flash->target = flash->disk.name;
    if (flash->disk.reason != NULL) {
        return fail(flash, "refused", FLASH_REFUSED, text_format("%s may not be written over: %s", flash->target, flash->disk.reason));
    }
    return CLI_OK;
}

/* What a file is compressed by, or NULL: the first bytes of each format. */
static const char *compressed_by(const uint8_t *head, size_t len)
{
    static const struct {
        const char *name, *magic;
    } formats[] = {{"gzip", "\x1f\x8b\x08"}, {"xz", "\xfd" "7zXZ"}, {"zstd", "\x28\xb5\x2f\xfd"}, {"bzip2", "BZh"}, {"zip", "PK\x03\x04"}, {"7z", "7z\xbc\xaf"}};

    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        size_t magic_len = strlen(formats[i].magic);

        if (len >= magic_len && memcmp(head, formats[i].magic, magic_len) == 0) {
            return formats[i].name;
        }
    }
    return NULL;
}

/* What boots by another loader is no card, nor is one that is packed: written to the start of one, it would only destroy that. */
static int check_kind(struct flash *flash)
{
    uint8_t head[64] = {0};
    size_t len = flash->image.bytes < sizeof head ? (size_t)flash->image.bytes : sizeof head;
    const char *kind;

    if (read_image(flash, 0, head, len) != 0) {
        return CLI_OK; /* the copy will say so */
    }
    kind = compressed_by(head, len);
    if (kind != NULL) {
        return fail(flash, "refused", FLASH_REFUSED,
                    text_format("%s is compressed (%s): unpack it, and give what comes of it", flash->image.path, kind));
    }
    kind = zimage_matches(head, len) ? "a zImage" : memcmp(head, "\177ELF", 4) == 0 ? "an ELF file" : NULL;
    return kind == NULL ? CLI_OK
                        : fail(flash, "refused", FLASH_REFUSED,
                               text_format("%s is %s, which is on a card, but is none: `make BSP=" BSP "` makes %s-" BSP ".img of it",
                                           flash->image.path, kind, flash->image.path));
}

/* A file that is there already is confirmed as a disk is. */
static int choose_file(struct flash *flash, bool *is_there_out)
{
    const char *slash = strrchr(flash->file, '/');
    struct stat status, image;

    flash->target = slash != NULL ? slash + 1 : flash->file;
    *is_there_out = stat(flash->file, &status) == 0;
    if (*is_there_out && !S_ISREG(status.st_mode)) {
        return fail(flash, "refused", FLASH_REFUSED, text_format("%s is no plain file; a disk is written by --to", flash->file));
    }
    if (*is_there_out && fstat(flash->image.file, &image) == 0 && image.st_dev == status.st_dev && image.st_ino == status.st_ino) {
        return fail(flash, "refused", FLASH_REFUSED, text_format("%s is the image itself", flash->file));
    }
    return CLI_OK;
}

/* Waits for a line, or for a signal: one that comes between the question and the wait counts, too. */
static void wait_for_line(void)
{
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    if (stopped_by == 0) {
        (void)ppoll(&wait, 1, NULL, &before);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

static int confirm(struct flash *flash)
{
    char line[256] = "";
    const char *given = flash->yes;

    if (given == NULL) {
        if (flash->has_disk) {
            (void)fprintf(stderr, "%s: %s, %s, %s, serial number %s\n", flash->disk.path, flash->disk.kind, size_text(flash->disk.bytes),
                          flash->disk.model[0] != '\0' ? flash->disk.model : "of no name",
                          flash->disk.serial[0] != '\0' ? flash->disk.serial : "none");
        }
        (void)fprintf(stderr, "All that is on %s will be lost. To go on, type its name: ", flash->target);
        wait_for_line();
        if (stopped_by != 0 || fgets(line, sizeof line, stdin) == NULL) {
            (void)fputs("\n", stderr);
        }
        line[strcspn(line, "\r\n")] = '\0';
        given = line;
    }
    if (stopped_by != 0) {
        return fail(flash, "interrupted", 128 + (int)stopped_by, "interrupted: nothing was written");
    }
    if (strcmp(given, flash->target) == 0 || (flash->has_disk && strcmp(given, flash->disk.path) == 0)) {
        return CLI_OK;
    }
    return fail(flash, "not confirmed", FLASH_NOT_CONFIRMED,
                text_format("nothing was written: it was not confirmed by the name %s%s", flash->target,
                            flash->yes != NULL ? text_format(", but --yes %s", flash->yes) : " (a script gives it by --yes)"));
}

static const char *explain_open(const struct flash *flash, const char *path, int error)
{
    if (error == EBUSY) {
        return text_format("%s is in use: the kernel or another program holds it", flash->target);
    }
    if (error == EACCES || error == EPERM) {
        return text_format("this user may not write to %s: %s", path, flash->has_disk ? "run it as root, by sudo" : strerror(error));
    }
    return text_format("cannot open %s: %s", path, strerror(error));
}

/* Judges the disk once more, opens it exclusively, and looks whether what was opened is what was judged. */
static int open_disk(struct flash *flash)
{
    struct disk before = flash->disk;
    struct flash_card *card = &flash->card;
    const char *why;
    uint64_t sequence = 0;
    int error;

    if (!disk_find(flash->root, flash->disk.path, flash->image.bytes, &flash->disk, &why) ||
        !disk_is_same(&before, &flash->disk)) {
        flash->disk = before;
        return fail(flash, "refused", FLASH_REFUSED, text_format("%s is no longer the disk that was confirmed: nothing was written", flash->target));
    }
    if (flash->disk.reason != NULL) {
        return fail(flash, "refused", FLASH_REFUSED,
                    text_format("%s may not be written over any more: %s", flash->target, flash->disk.reason));
    }
    error = flash->dry_run && access(flash->disk.path, W_OK) != 0 ? errno : flash_disk_open(card, flash->disk.path, !flash->dry_run);
    if (error != 0) {
        return fail(flash, error == EBUSY ? "refused" : "failed", error == EBUSY ? FLASH_REFUSED : CLI_FAILED,
                    explain_open(flash, flash->disk.path, error));
    }
    if (ioctl(card->file, BLKGETDISKSEQ, &sequence) != 0 || flash->disk.sequence == 0) {
        sequence = flash->disk.sequence; /* Linux before 5.15 does not tell */
    }
    if (strcmp(text_format("%u:%u", major(card->number), minor(card->number)), flash->disk.number) != 0 ||
        card->bytes != flash->disk.bytes || sequence != flash->disk.sequence) {
        return fail(flash, "refused", FLASH_REFUSED, text_format("%s is no longer the disk that was confirmed: nothing was written", flash->target));
    }
    return CLI_OK;
}

static int open_target(struct flash *flash)
{
    int error;

    if (flash->has_disk) {
        return open_disk(flash);
    }
    if (flash->dry_run) {
        flash->card.block_bytes = 1;
        return CLI_OK;
    }
    error = flash_file_open(&flash->card, flash->file, flash->image.bytes);
    return error == 0 ? CLI_OK : fail(flash, "failed", CLI_FAILED, explain_open(flash, flash->file, error));
}

/* A disk takes whole sectors alone, and a map may have smaller blocks. */
static int check_ranges(struct flash *flash)
{
    for (size_t i = 0; i < flash->image.count; i++) {
        uint64_t start = flash->image.pieces[i].start;

        if (start % flash->card.block_bytes != 0) {
            return fail(flash, "refused", FLASH_REFUSED,
                        text_format("%s has sectors of %zu bytes, and a range of %s begins within one, at byte %" PRIu64
                                    ": make the map anew with larger blocks, or remove it", flash->target, flash->card.block_bytes,
                                    flash->image.map, start));
        }
    }
    return CLI_OK;
}

static void print_plan(const struct flash *flash)
{
    (void)fprintf(stderr, "would write %s of %s to %s, in %zu ranges %s, and read them back; nothing was written\n",
                  size_text(flash_bytes(flash->image.pieces, flash->image.count)), flash->image.path, flash->target,
                  flash->image.count, flash->image.map != NULL ? text_format("of %s", flash->image.map) : "(there is no block map)");
}

static void print_done(const struct flash *flash)
{
    char digest[2 * SHA256_BYTES + 1];
    const struct flash_copy *copy = &flash->copy;

    sha256_text(copy->digest, digest);
    (void)fprintf(stderr, "%s: %s written in %.1f s", flash->target, size_text(copy->written_bytes), flash->write_seconds);
    if (copy->written_bytes > 0 && flash->write_seconds > 0.01) {
        (void)fprintf(stderr, " (%s/s)", size_text((uint64_t)((double)copy->written_bytes / flash->write_seconds)));
    }
    if (copy->kept_bytes > 0) {
        (void)fprintf(stderr, ", %s were there already", size_text(copy->kept_bytes));
    }
    (void)fprintf(stderr, "; all read back and the same%s\nSHA-256 of the ranges: %s\n",
                  flash->has_disk ? ", so it can be taken out" : "", digest);
}

/* The target is chosen, confirmed and open. */
static int copy(struct flash *flash)
{
    int64_t start_ms = now_ms();

    flash->copy.card_block_bytes = flash->card.block_bytes;
    if (flash_write(&flash->copy) != FLASH_DONE) {
        return fail_copy(flash);
    }
    flash->write_seconds = (double)(now_ms() - start_ms) / 1000;
    if (flash_verify(&flash->copy) != FLASH_DONE) {
        return fail_copy(flash);
    }
    flash->is_verified = true;
    flash_card_changed(&flash->card);
    flash_progress_end(flash);
    print_done(flash);
    return finish(flash, "written", CLI_OK);
}

static int flash_image(struct flash *flash)
{
    struct flash_ends ends = {flash, read_image, read_card, write_card, sync_card, go_on};
    bool must_confirm = true;
    const char *why;
    int status;

    flash->target = flash->to != NULL ? flash->to : flash->file;
    if (!flash_image_open(&flash->image, flash->image_path, flash->map, &why)) {
        return fail(flash, "failed", CLI_FAILED, why);
    }
    status = check_kind(flash);
    if (status == CLI_OK) {
        status = flash->to != NULL ? choose_disk(flash) : choose_file(flash, &must_confirm);
    }
    if (status != CLI_OK) {
        return status;
    }
    heed_signals();
    flash->copy = (struct flash_copy){
        .ends = &ends, .pieces = flash->image.pieces, .count = flash->image.count, .card_block_bytes = 1};
    if (flash_check_image(&flash->copy) != FLASH_DONE) {
        return fail_copy(flash);
    }
    flash_progress_end(flash);
    status = must_confirm && !flash->dry_run ? confirm(flash) : CLI_OK;
    if (status == CLI_OK) {
        status = open_target(flash);
    }
    if (status == CLI_OK) {
        status = check_ranges(flash);
    }
    if (status != CLI_OK) {
        return status;
    }
    if (flash->dry_run) {
        print_plan(flash);
        return finish(flash, "dry run", CLI_OK);
    }
    return copy(flash);
}

/* What the project in the current folder has been built to: its card for the board, or its zImage. */
static const char *built(const char *board, bool is_card)
{
    const char *image, *path;

    project_require();
    image = project_image(BSP, false);
    path = is_card ? text_format("%s-%s.img", image, board) : image;
    if (access(path, F_OK) != 0) {
        cli_fail("there is no %s: `make BSP=" BSP "` makes it", path);
    }
    return path;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    const char *root = getenv("FATA_TEST_ROOT");
    struct flash flash = {.root = root != NULL ? root : "", .started_at = time(NULL), .started_ms = now_ms()};
    struct fel_request fel = {.board = "cubieboard2"};
    const char **values[] = {[OPTION_TO] = &flash.to, [OPTION_FILE] = &flash.file, [OPTION_BMAP] = &flash.map, [OPTION_YES] = &flash.yes,
                             [OPTION_BOARD] = &fel.board};
    bool *flags[] = {[OPTION_DRY_RUN] = &flash.dry_run, [OPTION_JSON] = &flash.as_json, [OPTION_FEL] = &fel.is_asked};
    const char *why;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        if (id == OPTION_DRY_RUN || id == OPTION_JSON || id == OPTION_FEL) {
            *flags[id] = true;
        } else if (id > 0) {
            *values[id] = walk.value;
        } else if (id == CLI_POSITIONAL && flash.image_path == NULL) {
            flash.image_path = walk.value;
        } else if (id == CLI_REST && fel.is_asked) {
            for (; walk.next < argc; walk.next++) {
                words_add(&fel.arguments, argv[walk.next]);
            }
        } else {
            cli_unexpected(&walk);
        }
    }
    if ((flash.to != NULL ? 1 : 0) + (flash.file != NULL ? 1 : 0) + (fel.is_asked ? 1 : 0) > 1) {
        cli_usage("--to, --file and --fel: one of them");
    }
    fel_require_board(fel.board);
    if (fel.is_asked) {
        fel.image = flash.image_path != NULL ? flash.image_path : built(fel.board, false);
        fel.dry_run = flash.dry_run;
        return fel_start(&fel);
    }
    if (flash.to != NULL || flash.file != NULL) {
        flash.image_path = flash.image_path != NULL ? flash.image_path : built(fel.board, true);
        return flash_image(&flash);
    }
    if (flash.image_path != NULL && !flash_image_open(&flash.image, flash.image_path, flash.map, &why)) {
        cli_fail("%s", why);
    }
    return list(&flash);
}

const struct cli_command command_flash = {
    .name = "flash",
    .synopsis = "[--to DEVICE | --file FILE | --fel] [IMAGE] [-- ARGUMENT...]",
    .summary = "Writes a card's image to an SD card, safely, and lists the disks that may be written",
    .details = details,
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};
