/* SPDX-License-Identifier: ISC */
/*
 * `fata`, the SDK's tool on the developer's machine: makes projects, builds and runs them, and says what an image is.
 * This file is its table of contents: the commands, each described and done in a file of its own.
 */
#include "cli.h"

#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command *const commands[] = {
    &command_new, &command_build, &command_run, &command_test, &command_package, &command_inspect,
    &command_flash, &command_monitor, &command_cert, &command_boards, &command_templates,
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_help(void)
{
    printf("usage: fata COMMAND ...\n\nMakes, builds, runs and inspects unikernels written in C.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("  %-10s  %s\n", commands[i]->name, commands[i]->summary);
    }
    printf("\n`fata COMMAND --help` tells more about a command, `fata --version` which version this is.\n"
           "The SDK's folder is the one above this program's, or what the environment's FATA names.\n");
}

static _Noreturn void unknown_command(const char *given)
{
    const char *names[COMMAND_COUNT + 1];
    struct text list = {0};

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i]->name;
        text_addf(&list, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    names[COMMAND_COUNT] = NULL;
    if (given[0] == '-') {
        cli_usage("unknown option %s; the options are --help, --version; the commands are %s", given, list.bytes);
    }
    cli_usage("unknown command `%s`%s; the commands are %s", given, cli_suggest(given, names), list.bytes);
}

/* A standard stream that the caller has closed would be given to the next file that is opened. */
static void open_standard_streams(void)
{
    int file;

    while ((file = open("/dev/null", O_RDWR)) >= 0 && file <= STDERR_FILENO) {
    }
    if (file >= 0) {
        (void)close(file);
    }
}

int main(int argc, char **argv)
{
    static char help[] = "--help";
    const char *name = argc > 1 ? argv[1] : help;

    open_standard_streams();
    if (strcmp(name, "help") == 0 && argc > 2) { /* `fata help cert new` is `fata cert new --help` */
        memmove(argv + 1, argv + 2, (size_t)(argc - 2) * sizeof *argv);
        argv[argc - 1] = help;
        name = argv[1];
    }
    if (strcmp(name, help) == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help();
        if (!cli_flush()) {
            return CLI_FAILED;
        }
        return argc > 1 ? CLI_OK : CLI_BAD_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("fata %s\n", FATA_VERSION);
        return cli_flush() ? CLI_OK : CLI_FAILED;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i]->name) == 0) {
            cli_set_command(commands[i]);
            return commands[i]->run(commands[i], argc - 2, argv + 2);
        }
    }
    unknown_command(name);
}
