/* SPDX-License-Identifier: ISC */
/*
 * Running a project's make: see project.h. Under another make its MAKEFLAGS, and with them its job server, pass on
 * unchanged; BSP and DEBUG are given on the command line, where nothing overrides them.
 */
#include "project.h"

#include "cli.h"
#include "files.h"
#include "process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAKEFILE_BYTES_MAX (1024 * 1024)
#define OUTPUT_BYTES_MAX (4 * 1024 * 1024)

/* True for a line such as `include $(FATA)/.../project.mk`. */
static bool includes_project(const char *makefile)
{
    for (const char *line = makefile; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const char *at = line + strspn(line, " ");

        if (strncmp(at, "include", 7) == 0 && memmem(at, len - (size_t)(at - line), "project.mk", 10) != NULL) {
            return true;
        }
        line += line[len] == '\n' ? len + 1 : len;
    }
    return false;
}

void project_require(void)
{
    struct text makefile = {0};
    const char *why;

    if (!file_read("Makefile", MAKEFILE_BYTES_MAX, &makefile, &why) || !includes_project(makefile.bytes)) {
        cli_fail("this folder is no project: it has no Makefile that includes project.mk. Go to a project's folder, or "
                 "make one by `fata new`");
    }
    if (!program_found("make")) {
        cli_fail("make is not installed; on Debian: apt-get install make");
    }
    text_free(&makefile);
}

static bool chooses_jobs(const struct words *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (strncmp(targets->items[i], "-j", 2) == 0 || strncmp(targets->items[i], "--jobs", 6) == 0) {
            return true;
        }
    }
    return getenv("MAKEFLAGS") != NULL || getenv("MAKELEVEL") != NULL;
}

static void add_variables(struct words *argv, const char *bsp, bool debug)
{
    if (bsp != NULL) {
        words_addf(argv, "BSP=%s", bsp);
    }
    if (debug) {
        words_add(argv, "DEBUG=1");
    }
}

bool project_make(const char *bsp, bool debug, bool quiet, const struct words *targets)
{
    struct words argv = {0};
    struct text output = {0};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int status;

    words_add(&argv, "make");
    if (!chooses_jobs(targets)) {
        words_addf(&argv, "-j%ld", processors > 0 ? processors : 1);
    }
    if (quiet) {
        words_add(&argv, "-s");
        words_add(&argv, "--no-print-directory");
    }
    add_variables(&argv, bsp, debug);
    for (size_t i = 0; i < targets->count; i++) {
        words_add(&argv, targets->items[i]);
    }
    if (!quiet) {
        struct process_plan plan = {.argv = argv.items, .output = -1, .error = -1, .death_signal = SIGTERM};

        return process_wait(process_start(&plan)) == 0;
    }
    status = process_capture(argv.items, -1, false, OUTPUT_BYTES_MAX, &output);
    if (status != 0) {
        (void)fputs(output.bytes, stderr);
    }
    text_free(&output);
    return status == 0;
}

const char *project_image(const char *bsp, bool debug)
{
    struct words argv = {0};
    struct text output = {0};
    char *last;

    words_add(&argv, "make");
    words_add(&argv, "-s");
    words_add(&argv, "--no-print-directory");
    add_variables(&argv, bsp, debug);
    words_add(&argv, "print-image");
    if (process_capture(argv.items, -1, false, OUTPUT_BYTES_MAX, &output) != 0) {
        cli_fail("`make print-image` failed: the project does not tell where its image is");
    }
    while (output.len > 0 && strchr("\r\n ", output.bytes[output.len - 1]) != NULL) {
        output.bytes[--output.len] = '\0';
    }
    last = strrchr(output.bytes, '\n');
    if (output.len == 0) {
        cli_fail("`make print-image` printed nothing: the project does not tell where its image is");
    }
    return last != NULL ? last + 1 : output.bytes;
}
