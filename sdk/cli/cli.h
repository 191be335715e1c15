/* SPDX-License-Identifier: ISC */
/*
 * What every command of the `fata` tool shares: how a command is described (name, help, options), how its arguments
 * are walked, how it reports errors, and its exit statuses. main.c holds the table of commands; each command is a file
 * of its own. The tool is a short-lived host program: memory is not given back before it ends, and an error that makes
 * the command pointless ends the program at once, through cli_fail() or cli_usage(). FATA_VERSION, a text, is the build's.
 *
 *     struct cli_walk walk = cli_walk_start(command, argc, argv);
 *     for (int id; (id = cli_next(&walk)) != CLI_END;) {
 *         if (id == OPTION_BSP) bsp = walk.value;
 *         else cli_unexpected(&walk);
 *     }
 */
#ifndef FATA_CLI_H
#define FATA_CLI_H

#include <stdbool.h>
#include <stddef.h>

enum {
    CLI_OK = 0,
    CLI_FAILED = 1,       /* the command could not do what was asked */
    CLI_BAD_USAGE = 2,    /* the command line makes no sense */
    CLI_RUN_TIMEOUT = 124, /* `fata run` ended a guest that took too long */
    CLI_RUN_FAILED = 125, /* `fata run` failed itself, or the guest ended without its last record */
};

/* One option: `value` is NULL for a flag, "NAME" for a value, "[NAME]" for an optional number. A list ends with {0}. */
struct cli_option {
    int id;
    const char *name; /* with its two dashes */
    const char *value;
    const char *help;
};

struct cli_command {
    const char *name;
    const char *synopsis; /* what follows `fata NAME` */
    const char *summary;  /* one line */
    const char *details;  /* paragraphs for --help, or NULL */
    const struct cli_option *options;
    bool passes_short; /* arguments of one dash are positional: they are meant for make */
    int usage_status;
    int failure_status;
    int (*run)(const struct cli_command *command, int argc, char **argv);
};

extern const struct cli_command command_new, command_templates, command_boards, command_build, command_run,
    command_test, command_inspect, command_package, command_flash, command_monitor, command_cert;

/* Results of cli_next() that are not an option's id. */
enum { CLI_END = 0, CLI_POSITIONAL = -1, CLI_REST = -2 };

struct cli_walk {
    const struct cli_command *command;
    int argc;
    char **argv;
    int next;          /* after CLI_REST: the first argument behind `--` */
    const char *value; /* the option's value, or the positional argument */
};

struct cli_walk cli_walk_start(const struct cli_command *command, int argc, char **argv);
int cli_next(struct cli_walk *walk);
_Noreturn void cli_unexpected(const struct cli_walk *walk);
void cli_print_help(const struct cli_command *command);

/* Messages name the command that runs: `fata run: ...` on standard error. */
void cli_set_command(const struct cli_command *command);
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* " (did you mean `X`?)" for the candidate nearest to `word`, or "" when none is near. `names` ends with NULL. */
const char *cli_suggest(const char *word, const char *const names[]);

/* Writes out what standard output still holds; true when all of it could be written. */
bool cli_flush(void);

#endif
