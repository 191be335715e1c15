/* SPDX-License-Identifier: ISC */
/*
 * Asking addr2line: see symbols.h. One process an address: a crash has few, and a process that ends leaves nothing to
 * keep in step with.
 */
#include "symbols.h"

#include "cli.h"
#include "elf.h"
#include "files.h"
#include "process.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_MS 10000 /* on a busy machine */
#define ANSWER_BYTES_MAX 16384
#define HEADER_BYTES 64

/* The addr2line for the ELF's machine, or NULL when it is not installed (said once). */
static const char *tool_for(const char *debug_elf)
{
    static bool said;
    unsigned machine = 0;
    const char *tool;
    FILE *file = fopen(debug_elf, "rbe");
    unsigned char header[HEADER_BYTES];

    if (file != NULL && fread(header, 1, sizeof header, file) == sizeof header) {
        machine = header[18] | (unsigned)header[19] << 8;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    tool = machine == ELF_MACHINE_ARM ? "arm-none-eabi-addr2line" : "addr2line";
    if (program_found(tool)) {
        return tool;
    }
    if (!said) {
        said = true;
        cli_warn("%s is not installed: addresses stay numbers; on Debian: apt-get install %s", tool,
                 machine == ELF_MACHINE_ARM ? "binutils-arm-none-eabi" : "binutils");
    }
    return NULL;
}

/* `path` as a person wants to read it. */
static void add_path(struct text *out, const char *path)
{
    static char real[PATH_MAX];
    char here[PATH_MAX];
    const char *below = NULL;

    while (strncmp(path, "./", 2) == 0) { /* from -ffile-prefix-map */
        path += 2;
    }
    if (path[0] == '/' && realpath(path, real) != NULL) {
        path = real;
    }
    if (getcwd(here, sizeof here) != NULL) {
        below = path_below(path, here);
    }
    if (below == NULL) {
        below = path_below(path, sdk_root());
    }
    text_add(out, below != NULL && below[0] != '\0' ? below : path);
}

/* One line of the answer: [ (inlined by) ]FUNCTION at FILE:LINE[ (discriminator N)] */
static void add_frame(struct text *out, char *line)
{
    char *at = NULL;
    char *colon;

    for (char *next = strstr(line, " at "); next != NULL; next = strstr(next + 1, " at ")) {
        at = next;
    }
    if (at == NULL || strncmp(line, "??", 2) == 0) {
        return;
    }
    line += strspn(line, " ");
    colon = strrchr(at, ':');
    if (colon == NULL) {
        return;
    }
    *colon = '\0';
    text_addf(out, "    %.*s at ", (int)(at - line), line);
    add_path(out, at + 4);
    text_addf(out, ":%.*s\n", (int)strcspn(colon + 1, " "), colon + 1);
}

void symbols_describe(const char *debug_elf, uint64_t address, struct text *out)
{
    const char *tool = tool_for(debug_elf);
    struct words argv = {0};
    struct text answer = {0};

    if (tool == NULL) {
        return;
    }
    words_add(&argv, tool);
    words_add(&argv, "-fipC");
    words_add(&argv, "-e");
    words_add(&argv, debug_elf);
    words_addf(&argv, "0x%" PRIx64, address);
    if (process_capture(argv.items, LIMIT_MS, true, ANSWER_BYTES_MAX, &answer) == 0) {
        for (char *rest = answer.bytes, *line; (line = strsep(&rest, "\n")) != NULL;) {
            add_frame(out, line);
        }
    }
    text_free(&answer);
}
