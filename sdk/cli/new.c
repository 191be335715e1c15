/* SPDX-License-Identifier: ISC */
/*
 * `fata new TEMPLATE DIR`: a project of one's own, copied from a template. In its files @FATA@ becomes the SDK's folder
 * and @NAME@ the project's name. The checks come first, so that nothing is made when something is wrong.
 */
#include "cli.h"

#include "copy.h"
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct cli_option options[] = {{0}};

static const char details[] =
    "DIR must not exist, or be an empty folder, outside of the SDK's own folder. Its last name becomes the project's\n"
    "name. `fata templates` lists the templates.\n";

/* make splits its words at blanks and gives these characters a meaning: no quoting helps everywhere. */
static void check_for_make(const char *what, const char *path)
{
    const char *bad = strpbrk(path, " \t\n#$%:;*?[]|&<>()'\"`\\");

    if (bad != NULL && (*bad == ' ' || *bad == '\t' || *bad == '\n')) {
        cli_fail("%s, %s, has a blank in its path: make cannot handle such paths. Use a path without blanks", what,
                 path);
    }
    if (bad != NULL) {
        cli_fail("%s, %s, has a `%c` in its path: make cannot handle such paths. Use a path without it", what, path,
                 *bad);
    }
}

static void check_template(const char *name)
{
    struct words names = {0};
    struct text list = {0};

    folder_list(text_format("%s/templates", sdk_root()), &names);
    if (words_hold(&names, name)) {
        return;
    }
    if (names.count == 0) {
        cli_fail("the SDK in %s has no templates", sdk_root());
    }
    for (size_t i = 0; i < names.count; i++) {
        text_addf(&list, "%s%s", i == 0 ? "" : ", ", names.items[i]);
    }
    cli_usage("no template `%s`%s; the templates are %s", name, cli_suggest(name, (const char *const *)names.items),
              list.bytes);
}

/* The absolute path of `given`, which need not exist yet; the folder that is to hold it must. */
static const char *resolve(const char *given)
{
    static char path[PATH_MAX];
    struct stat status;
    char *trimmed = text_format("%s", given);
    char *last;
    size_t len = strlen(trimmed);

    while (len > 1 && trimmed[len - 1] == '/') {
        trimmed[--len] = '\0';
    }
    if (lstat(trimmed, &status) == 0) {
        if (realpath(trimmed, path) == NULL) {
            cli_fail("cannot use %s: %s", given, strerror(errno));
        }
        return path;
    }
    last = strrchr(trimmed, '/');
    if (last != NULL) {
        *last++ = '\0';
    } else {
        last = trimmed;
    }
    if (realpath(last == trimmed ? "." : trimmed[0] == '\0' ? "/" : trimmed, path) == NULL) {
        cli_fail("cannot make %s: the folder that is to hold it, %s: %s", given, trimmed, strerror(errno));
    }
    return text_format("%s/%s", strcmp(path, "/") == 0 ? "" : path, last);
}

/* It must not exist, or be an empty folder. */
static void check_free(const char *path, const char *given)
{
    struct stat status;
    DIR *folder;
    unsigned entries = 0;

    if (lstat(path, &status) != 0) {
        return;
    }
    if (!S_ISDIR(status.st_mode)) {
        cli_fail("%s exists and is not a folder: nothing is overwritten; choose another name", given);
    }
    folder = opendir(path);
    if (folder == NULL) {
        cli_fail("cannot read the folder %s: %s", given, strerror(errno));
    }
    while (readdir(folder) != NULL) {
        entries++;
    }
    (void)closedir(folder);
    if (entries > 2) {
        cli_fail("the folder %s exists and is not empty: nothing is overwritten; choose another name", given);
    }
}

static const char *project_name(const char *path)
{
    static const char valid[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    const char *name = strrchr(path, '/') + 1;

    if (name[0] == '\0' || name[strspn(name, valid)] != '\0') {
        cli_fail("`%s` cannot be a project's name: it may hold letters A-Z and a-z, digits, _ and -", name);
    }
    return name;
}

/* What a project's repository should not have: what is built, keys, and disks (`fata cert disk` puts keys there). */
static bool write_ignored(const char *path)
{
    const char *name = text_format("%s/.gitignore", path);
    FILE *file = fopen(name, "wxe");
    bool well = file != NULL && fputs("/build/\n/compile_commands.json\n/tls/\n*.img\n", file) >= 0;

    well = (file == NULL || fclose(file) == 0) && well;
    if (!well) {
        cli_warn("cannot write %s: %s", name, strerror(errno));
    }
    return well;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    const char *names[2] = {NULL, NULL};
    size_t count = 0;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        if (id != CLI_POSITIONAL || count == 2) {
            cli_unexpected(&walk);
        }
        names[count++] = walk.value;
    }
    if (count < 2 || names[1][0] == '\0') {
        cli_usage("%s", count == 0 ? "which template, and where? fata new TEMPLATE DIR"
                                   : "which folder is to hold the project? fata new TEMPLATE DIR");
    }
    check_template(names[0]);
    check_for_make("the SDK's folder", sdk_root());

    const char *path = resolve(names[1]);
    check_for_make("the project's folder", path);
    /* Its build folder is not tracked: `make run` puts its demonstration there. */
    if (path_below(path, sdk_root()) != NULL && path_below(path, text_format("%s/build", sdk_root())) == NULL) {
        cli_fail("%s lies inside the SDK's own folder, %s: a project needs a place of its own", names[1], sdk_root());
    }
    const struct copy_word words[] = {{"@FATA@", sdk_root()}, {"@NAME@", project_name(path)}};

    check_free(path, names[1]);
    if (!copy_tree(text_format("%s/templates/%s", sdk_root(), names[0]), path, words, 2) || !write_ignored(path)) {
        return CLI_FAILED;
    }
    printf("Made the project %s in %s from the template %s.\n\nNext:\n", words[1].to, names[1], names[0]);
    if (strcmp(names[1], ".") != 0) {
        struct text quoted = {0};

        text_add_quoted(&quoted, names[1]);
        printf("    cd %s\n", quoted.bytes);
    }
    printf("    make run                # builds it and boots it in QEMU\n"
           "    make run BSP=unix       # the same program as a Linux process\n");
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

const struct cli_command command_new = {
    .name = "new",
    .synopsis = "TEMPLATE DIR",
    .summary = "Makes a project in DIR, a copy of TEMPLATE",
    .details = details,
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};
