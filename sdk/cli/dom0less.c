/* SPDX-License-Identifier: ISC */
/* Xen on QEMU's ARM board, with a guest and no dom0: see dom0less.h. */
#include "dom0less.h"

#include "cli.h"
#include "files.h"
#include "package.h"
#include "process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XEN_MIB 512 /* of the machine's memory, for Xen, and the image where it waits */
#define ANSWER_BYTES_MAX 65536
#define MAKE_LIMIT_MS 60000

/* The files of a run: the board's device tree, the fragment, both in one. */
enum { BOARD_DTB, GUEST_DTSO, GUEST_DTBO, XEN_DTB, FILE_COUNT };
static const char *const file_names[] = {"board.dtb", "guest.dtso", "guest.dtbo", "xen.dtb"};
static char *folder;
static char *files[FILE_COUNT];

static void remove_files(void)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        (void)unlink(files[i]);
    }
    (void)rmdir(folder);
}

/* Where they lie until the tool ends. */
static void make_folder(void)
{
    const char *place = getenv("TMPDIR");

    folder = text_format("%s/fata-dom0less.XXXXXX", place != NULL && place[0] != '\0' ? place : "/tmp");
    if (mkdtemp(folder) == NULL) {
        cli_fail("cannot make the folder %s: %s", folder, strerror(errno));
    }
    for (size_t i = 0; i < FILE_COUNT; i++) {
        files[i] = text_format("%s/%s", folder, file_names[i]);
    }
    (void)atexit(remove_files);
}

/* Runs a program that makes a file; `quiet`: QEMU, which says so even when all is well. */
static void make_by(struct words *argv, const char *what, bool quiet)
{
    struct text output = {0};

    if (process_capture(argv->items, MAKE_LIMIT_MS, quiet, ANSWER_BYTES_MAX, &output) != 0) {
        cli_fail("cannot make %s: %s failed", what, argv->items[0]);
    }
    text_free(&output);
}

static void make_fragment(const struct run_plan *plan)
{
    const struct package package = {.name = package_name(plan->image),
                                    .image = &plan->parsed,
                                    .memory_mib = plan->memory_mib,
                                    .command_line = machine_command_line(plan->arguments)};
    struct text source = {0};
    struct words argv = {0};
    FILE *file = fopen(files[GUEST_DTSO], "we");

    package_dom0less(&package, &source);
    if (file == NULL || fwrite(source.bytes, 1, source.len, file) != source.len || fclose(file) != 0) {
        cli_fail("cannot write %s: %s", files[GUEST_DTSO], strerror(errno));
    }
    words_split(&argv, "dtc -q -@ -I dts -O dtb -o");
    words_add(&argv, files[GUEST_DTBO]);
    words_add(&argv, files[GUEST_DTSO]);
    make_by(&argv, "the guest's device tree", false);
}

/* The device tree of the board as it is, with the guest in it. */
static void make_tree(const struct words *board)
{
    struct words dump = {0}, overlay = {0};

    for (size_t i = 0; i < board->count; i++) {
        words_add(&dump, board->items[i]);
    }
    words_add(&dump, "-machine");
    words_addf(&dump, "dumpdtb=%s", machine_option_value(files[BOARD_DTB]));
    make_by(&dump, "the board's device tree", true);
    words_split(&overlay, "fdtoverlay -i");
    words_add(&overlay, files[BOARD_DTB]);
    words_add(&overlay, "-o");
    words_add(&overlay, files[XEN_DTB]);
    words_add(&overlay, files[GUEST_DTBO]);
    make_by(&overlay, "the machine's device tree", false);
}

/* Fetched at the first time. */
static const char *xen_path(void)
{
    char *argv[] = {text_format("%s/toolchain/xen", sdk_root()), "armhf", NULL};
    struct text answer = {0};

    if (process_capture(argv, -1, false, ANSWER_BYTES_MAX, &answer) != 0 || answer.len == 0) {
        cli_fail("cannot run on dom0less: there is no Xen");
    }
    answer.bytes[strcspn(answer.bytes, "\n")] = '\0';
    return text_format("%s/xen", answer.bytes);
}

void dom0less_command(const struct machine *machine, const struct run_plan *plan, struct words *argv_out)
{
    make_folder();
    make_fragment(plan);
    machine_board(machine, plan, plan->memory_mib + XEN_MIB, argv_out);
    make_tree(argv_out);
    words_add(argv_out, "-kernel");
    words_add(argv_out, xen_path());
    words_add(argv_out, "-dtb");
    words_add(argv_out, files[XEN_DTB]);
    words_add(argv_out, "-device");
    words_addf(argv_out, "loader,file=%s,addr=0x" PACKAGE_DOM0LESS_ADDRESS ",force-raw=on",
               machine_option_value(plan->image));
}
