/* SPDX-License-Identifier: ISC */
/* `fata templates`: the projects that `fata new` can copy. What each is for stands in its own README.md. */
#include "cli.h"

#include "files.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define README_BYTES_MAX (1024 * 1024)

enum { OPTION_JSON = 1 };

static const struct cli_option options[] = {
    {OPTION_JSON, "--json", NULL, "print JSON: an array of {name, description}"},
    {0},
};

/* The first line of the first paragraph that is not a heading ("# ..." or underlined), or NULL. */
static const char *first_line(char *readme)
{
    char *line = readme;

    while (line != NULL && *line != '\0') {
        char *end = strchr(line, '\n');
        const char *next = end != NULL ? end + 1 : "";

        if (end != NULL) {
            *end = '\0';
        }
        line[strcspn(line, "\r")] = '\0';
        if (line[strspn(line, " \t")] != '\0' && line[0] != '#' && next[0] != '=' && strncmp(next, "--", 2) != 0 &&
            line[0] != '=' && strncmp(line, "--", 2) != 0) {
            return line + strspn(line, " \t");
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return NULL;
}

/* The description of the template in `folder`, or NULL. */
static const char *describe(const char *folder)
{
    struct text readme = {0};
    char *path = text_format("%s/README.md", folder);
    const char *why;
    bool read = file_read(path, README_BYTES_MAX, &readme, &why);

    free(path);
    return read ? first_line(readme.bytes) : NULL;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    struct words names = {0};
    struct json json = {0};
    bool as_json = false;
    size_t width = 0;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        if (id != OPTION_JSON) {
            cli_unexpected(&walk);
        }
        as_json = true;
    }
    folder_list(text_format("%s/templates", sdk_root()), &names);
    for (size_t i = 0; i < names.count; i++) {
        width = strlen(names.items[i]) > width ? strlen(names.items[i]) : width;
    }
    if (as_json) {
        json_open(&json, NULL, '[');
    }
    for (size_t i = 0; i < names.count; i++) {
        char *folder = text_format("%s/templates/%s", sdk_root(), names.items[i]);
        const char *description = describe(folder);

        if (as_json) {
            json_open(&json, NULL, '{');
            json_text(&json, "name", names.items[i]);
            json_text(&json, "description", description);
            json_close(&json, '}');
        } else {
            printf("%-*s  %s\n", (int)width, names.items[i],
                   description != NULL ? description : "(its README.md says nothing)");
        }
        free(folder);
    }
    if (as_json) {
        json_close(&json, ']');
    }
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

const struct cli_command command_templates = {
    .name = "templates",
    .synopsis = "[--json]",
    .summary = "Lists the templates that `fata new` can copy",
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};
