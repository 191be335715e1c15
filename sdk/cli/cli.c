/* SPDX-License-Identifier: ISC */
/*
 * The arguments, the help and the error messages of all commands (see cli.h). An option is `--name`, `--name VALUE` or
 * `--name=VALUE`; `--` ends the options. A wrong one is answered with the valid ones and, if one is near, a suggestion.
 */
#include "cli.h"

#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_COUNT_MAX 32

static const struct cli_command *current;

void cli_set_command(const struct cli_command *command)
{
    current = command;
}

static void complain(const char *format, va_list arguments)
{
    struct text line = {0};

    text_addf(&line, "fata%s%s: ", current != NULL ? " " : "", current != NULL ? current->name : "");
    text_addv(&line, format, arguments);
    text_add(&line, "\n");
    (void)fflush(stdout);
    (void)fputs(line.bytes, stderr);
    text_free(&line);
}

void cli_warn(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
}

_Noreturn void cli_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
    exit(current != NULL ? current->failure_status : CLI_FAILED);
}

_Noreturn void cli_usage(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "`fata %s%s--help` tells how it is used.\n", current != NULL ? current->name : "",
                  current != NULL ? " " : "");
    exit(current != NULL ? current->usage_status : CLI_BAD_USAGE);
}

bool cli_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return true;
    }
    cli_warn("cannot write the output: %s", strerror(errno));
    return false;
}

static const struct cli_option help_option = {0, "--help", NULL, "this help"};

static void print_option(const struct cli_option *option)
{
    char left[40];

    (void)snprintf(left, sizeof left, "%s%s%s", option->name, option->value != NULL ? " " : "",
                   option->value != NULL ? option->value : "");
    printf("  %-20s  %s\n", left, option->help);
}

void cli_print_help(const struct cli_command *command)
{
    printf("usage: fata %s%s%s\n\n%s.\n\n", command->name, command->synopsis[0] != '\0' ? " " : "", command->synopsis,
           command->summary);
    for (const struct cli_option *option = command->options; option->name != NULL; option++) {
        print_option(option);
    }
    print_option(&help_option);
    if (command->details != NULL) {
        printf("\n%s", command->details);
    }
}

struct cli_walk cli_walk_start(const struct cli_command *command, int argc, char **argv)
{
    return (struct cli_walk){.command = command, .argc = argc, .argv = argv};
}

static _Noreturn void unknown_option(const struct cli_command *command, const char *given)
{
    const char *names[OPTION_COUNT_MAX + 2];
    size_t count = 0;
    struct text list = {0};

    for (const struct cli_option *option = command->options; option->name != NULL && count < OPTION_COUNT_MAX;
         option++) {
        names[count++] = option->name;
    }
    names[count++] = "--help";
    names[count] = NULL;
    for (size_t i = 0; i < count; i++) {
        text_addf(&list, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    cli_usage("unknown option %s%s; the options are %s", given, cli_suggest(given, names), list.bytes);
}

static bool is_number(const char *word)
{
    if (word == NULL || word[0] == '\0') {
        return false;
    }
    for (; *word != '\0'; word++) {
        if (!isdigit((unsigned char)*word)) {
            return false;
        }
    }
    return true;
}

/* Sets walk->value for `option`; `attached` is what followed an equals sign, or NULL. */
static void take_value(struct cli_walk *walk, const struct cli_option *option, const char *attached)
{
    if (option->value == NULL) {
        if (attached != NULL) {
            cli_usage("%s takes no value", option->name);
        }
        walk->value = NULL;
    } else if (attached != NULL) {
        walk->value = attached;
    } else if (option->value[0] == '[') {
        walk->value = walk->next < walk->argc && is_number(walk->argv[walk->next]) ? walk->argv[walk->next++] : NULL;
    } else if (walk->next < walk->argc) {
        walk->value = walk->argv[walk->next++];
    } else {
        cli_usage("%s needs a value: %s %s", option->name, option->name, option->value);
    }
}

int cli_next(struct cli_walk *walk)
{
    const char *word;
    const char *equals;
    char name[64];

    if (walk->next >= walk->argc) {
        return CLI_END;
    }
    word = walk->argv[walk->next++];
    walk->value = word;
    if (strcmp(word, "--") == 0) {
        return CLI_REST;
    }
    if (word[0] != '-' || word[1] == '\0' || (word[1] != '-' && walk->command->passes_short)) {
        return CLI_POSITIONAL;
    }
    equals = strchr(word, '=');
    (void)snprintf(name, sizeof name, "%.*s", equals != NULL ? (int)(equals - word) : (int)strlen(word), word);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        cli_print_help(walk->command);
        exit(cli_flush() ? CLI_OK : walk->command->failure_status);
    }
    for (const struct cli_option *option = walk->command->options; option->name != NULL; option++) {
        if (strcmp(name, option->name) == 0) {
            take_value(walk, option, equals != NULL ? equals + 1 : NULL);
            return option->id;
        }
    }
    unknown_option(walk->command, name);
}

_Noreturn void cli_unexpected(const struct cli_walk *walk)
{
    cli_usage("unexpected argument `%s`", walk->value != NULL ? walk->value : "");
}
