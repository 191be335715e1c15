/* SPDX-License-Identifier: ISC */
/*
 * `fata flash --fel`: see fel.h. sunxi-fel runs U-Boot's SPL, which makes the DRAM work; then it writes the image, the
 * device tree and an environment there, and starts U-Boot, which takes the environment in before it does anything else
 * (U-Boot, arch/arm/mach-sunxi/board.c and board/sunxi/board.c: fel_script_address, fel_uEnv_length). Written from these and
 * from sunxi-fel's help: no emulator has a boot ROM with FEL. That U-Boot imports this text and starts the image by it is tested.
 */
#include "fel.h"

#include "cli.h"
#include "files.h"
#include "machines.h"
#include "process.h"
#include "zimage.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "sunxi-fel"
#define ANSWER_BYTES_MAX 65536

/* Addresses of U-Boot's own for these boards (bsp/cubieboard2/uboot.env); nothing lies behind the image. */
#define TREE_ADDRESS "0x43000000"
#define ENVIRONMENT_ADDRESS "0x43100000"
#define IMAGE_ADDRESS "0x43400000"
#define FEL_IMAGE_BYTES_MAX ((size_t)64 << 20)

static const struct {
    const char *name;
    const char *tree;
} boards[] = {{"cubieboard2", "sun7i-a20-cubieboard2"}, {"cubieboard", "sun4i-a10-cubieboard"}};

static const char *tree_of(const char *board)
{
    for (size_t i = 0; i < sizeof boards / sizeof boards[0]; i++) {
        if (strcmp(board, boards[i].name) == 0) {
            return boards[i].tree;
        }
    }
    cli_usage("--board %s: the boards are cubieboard2, cubieboard", board);
}

void fel_require_board(const char *board)
{
    (void)tree_of(board);
}

/* SPL and U-Boot for the board; fetched at the first time. */
static const char *u_boot(const char *board)
{
    char *argv[] = {text_format("%s/toolchain/u-boot", sdk_root()), "sunxi", NULL};
    struct text answer = {0};

    if (process_capture(argv, -1, false, ANSWER_BYTES_MAX, &answer) != 0 || answer.len == 0) {
        cli_fail("there is no U-Boot for %s", board);
    }
    answer.bytes[strcspn(answer.bytes, "\n")] = '\0';
    return text_format("%s/%s.bin", answer.bytes, board);
}

/* An image that would only hang there is refused here. */
static void check_image(const char *path)
{
    struct text bytes = {0};
    struct zimage zimage;
    const char *why;

    if (!file_read(path, FEL_IMAGE_BYTES_MAX, &bytes, &why)) {
        cli_fail("cannot read %s: %s", path, why);
    }
    if (!zimage_matches((const uint8_t *)bytes.bytes, bytes.len)) {
        cli_fail("%s is no zImage, which is what starts over USB: not the card, but what `make BSP=cubieboard2` names by `make "
                 "print-image`", path);
    }
    if (!zimage_parse(&zimage, (const uint8_t *)bytes.bytes, bytes.len, &why)) {
        cli_fail("%s: %s", path, why);
    }
    text_free(&bytes);
}

/* The first line tells sunxi-fel what this is. In a value of U-Boot's text, a backslash takes the next character as it is
 * (lib/hashtable.c, himport_r); an empty one removes the variable. */
static struct text environment(const struct words *arguments)
{
    const char *line = arguments->count > 0 ? machine_command_line(arguments->items) : "";
    struct text text = {0};

    text_add(&text, "#=uEnv\nbootdelay=0\npreboot=\nbootargs=");
    for (const char *at = line; *at != '\0'; at++) {
        if (*at == '\\' || *at == '\n') {
            text_add(&text, "\\");
        }
        text_add_bytes(&text, at, 1);
    }
    /* In secure state, as boot.cmd has it. */
    text_add(&text, "\nbootcmd=setenv bootm_boot_mode sec; bootz " IMAGE_ADDRESS " - " TREE_ADDRESS "\n");
    return text;
}

static const char *write_environment(const struct text *text)
{
    const char *parent = getenv("TMPDIR");
    char *path = text_format("%s/fata-fel.XXXXXX", parent != NULL && parent[0] == '/' ? parent : "/tmp");
    int file = mkstemp(path);

    if (file < 0 || write(file, text->bytes, text->len) != (ssize_t)text->len || close(file) != 0) {
        cli_fail("cannot write %s: %s", path, strerror(errno));
    }
    return path;
}

static void add_writes(struct words *argv, const char *address, const char *path)
{
    words_add(argv, "write");
    words_add(argv, address);
    words_add(argv, path);
}

static void print_plan(const struct words *argv, const struct text *text)
{
    struct text line = {0};

    for (size_t i = 0; i < argv->count; i++) {
        text_add(&line, i > 0 ? " " : "");
        text_add_quoted(&line, argv->items[i]);
    }
    printf("%s\n\nuEnv.txt is:\n%s", line.bytes, text->bytes);
}

int fel_start(const struct fel_request *request)
{
    const char *tree = text_format("%s/build/dtb/%s.dtb", sdk_root(), tree_of(request->board));
    struct process_plan plan = {.output = -1, .error = -1, .death_signal = SIGTERM};
    struct text text = environment(&request->arguments);
    struct words argv = {0};
    const char *written;
    int status;

    check_image(request->image);
    if (!program_found(PROGRAM)) {
        cli_fail(PROGRAM " is not installed; on Debian: apt-get install sunxi-tools");
    }
    written = request->dry_run ? "uEnv.txt" : write_environment(&text);
    words_add(&argv, PROGRAM);
    words_add(&argv, "--progress");
    words_add(&argv, "uboot");
    words_add(&argv, u_boot(request->board));
    add_writes(&argv, TREE_ADDRESS, tree);
    add_writes(&argv, IMAGE_ADDRESS, request->image);
    add_writes(&argv, ENVIRONMENT_ADDRESS, written);
    if (request->dry_run) {
        print_plan(&argv, &text);
        return cli_flush() ? CLI_OK : CLI_FAILED;
    }
    plan.argv = argv.items;
    status = process_wait(process_start(&plan));
    (void)unlink(written);
    if (status != 0) {
        cli_fail(PROGRAM " failed, with status %d. The board must be connected by its mini USB (OTG) port and in FEL mode: without a "
                 "card, or switched on with its FEL key held; `" PROGRAM " --list` shows it; as an ordinary user it may lack the "
                 "right to the USB device: use sudo", status);
    }
    return CLI_OK;
}
