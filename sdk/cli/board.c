/* SPDX-License-Identifier: ISC */
/* Reading the boards' descriptions: see board.h. */
#include "board.h"

#include "cli.h"
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOARD_FILE_BYTES_MAX (256 * 1024)

/* The value of `KEY := value` in a make file's text, without a comment or blanks around it; NULL if it is not there. */
static char *value_of(const char *makefile, const char *key)
{
    for (const char *line = makefile; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const char *at = line + strspn(line, " \t");

        if (strncmp(at, key, strlen(key)) == 0) {
            at += strlen(key);
            at += strspn(at, " \t");
            if (strncmp(at, ":=", 2) == 0) {
                const char *end;

                at += 2;
                at += strspn(at, " \t");
                end = at + strcspn(at, "#\r\n");
                while (end > at && (end[-1] == ' ' || end[-1] == '\t')) {
                    end--;
                }
                return text_format("%.*s", (int)(end - at), at);
            }
        }
        line += line[len] == '\n' ? len + 1 : len;
    }
    return NULL;
}

size_t boards_load(struct board **boards_out)
{
    struct words names = {0};
    struct board *boards;
    size_t count = 0;

    folder_list(text_format("%s/bsp", sdk_root()), &names);
    boards = calloc(names.count + 1, sizeof *boards);
    if (boards == NULL) {
        cli_fail("out of memory");
    }
    for (size_t i = 0; i < names.count; i++) {
        struct text makefile = {0};
        const char *why;

        if (file_read(text_format("%s/bsp/%s/board.mk", sdk_root(), names.items[i]), BOARD_FILE_BYTES_MAX, &makefile,
                      &why)) {
            struct board *board = &boards[count++];
            const char *machines = value_of(makefile.bytes, "BOARD_MACHINES");

            board->name = names.items[i];
            board->description = value_of(makefile.bytes, "BOARD_DESCRIPTION");
            board->cpu = value_of(makefile.bytes, "BOARD_CPU");
            words_split(&board->machines, machines != NULL ? machines : "");
        }
        text_free(&makefile);
    }
    *boards_out = boards;
    return count;
}

const struct board *board_find(const char *name)
{
    struct words names = {0};
    struct text list = {0};
    struct board *boards;
    size_t count = boards_load(&boards);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(boards[i].name, name) == 0) {
            return &boards[i];
        }
        words_add(&names, boards[i].name);
        text_addf(&list, "%s%s", i == 0 ? "" : ", ", boards[i].name);
    }
    if (count == 0) {
        cli_fail("the SDK in %s has no boards: no bsp/*/board.mk", sdk_root());
    }
    cli_usage("no board `%s`%s; the boards are %s", name, cli_suggest(name, (const char *const *)names.items),
              list.bytes);
}

const struct board *board_for_machine(const char *machine)
{
    struct text list = {0};
    const struct board *found = NULL;
    struct board *boards;
    size_t count = boards_load(&boards);
    size_t matches = 0;

    for (size_t i = 0; i < count; i++) {
        if (words_hold(&boards[i].machines, machine)) {
            if (strcmp(boards[i].name, BOARD_DEFAULT) == 0) {
                return &boards[i];
            }
            found = &boards[i];
            text_addf(&list, "%s%s", matches++ == 0 ? "" : ", ", boards[i].name);
        }
    }
    if (matches == 0) {
        cli_fail("no board lists the machine %s; `fata boards` shows the machines of each", machine);
    }
    if (matches > 1) {
        cli_usage("several boards run on %s: choose one by --bsp: %s", machine, list.bytes);
    }
    return found;
}
