/* SPDX-License-Identifier: ISC */
/* `fata boards`: every board of the SDK, its machines, and which of them this host can run now, or why it cannot. */
#include "cli.h"

#include "board.h"
#include "files.h"
#include "json.h"
#include "machines.h"

#include <stdio.h>

enum { OPTION_JSON = 1 };

static const struct cli_option options[] = {
    {OPTION_JSON, "--json", NULL,
     "print JSON: an array of {name, description, cpu, machines: [{name, description, default, ready, reason}]}"},
    {0},
};

/* NULL when this host can run the machine now, else why not. */
static const char *reason_against(const char *name)
{
    const struct machine *machine = machine_find(name);
    const char *missing = machine == NULL ? "this tool does not drive it" : machine_missing(machine);

    if (missing == NULL && machine_is_to_fetch(machine, machine->card != NULL)) {
        missing = text_format("this host's %s lacks it; `fata run` fetches a newer one, once", machine->program);
    }
    return missing;
}

static const char *description_of(const char *name)
{
    const struct machine *machine = machine_find(name);

    return machine != NULL ? machine->description : "";
}

static void print_json(const struct board *boards, size_t count)
{
    struct json json = {0};

    json_open(&json, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&json, NULL, '{');
        json_text(&json, "name", boards[i].name);
        json_text(&json, "description", boards[i].description);
        json_text(&json, "cpu", boards[i].cpu);
        json_open(&json, "machines", '[');
        for (size_t j = 0; j < boards[i].machines.count; j++) {
            const char *reason = reason_against(boards[i].machines.items[j]);

            json_open(&json, NULL, '{');
            json_text(&json, "name", boards[i].machines.items[j]);
            json_text(&json, "description", description_of(boards[i].machines.items[j]));
            json_bool(&json, "default", j == 0);
            json_bool(&json, "ready", reason == NULL);
            json_text(&json, "reason", reason);
            json_close(&json, '}');
        }
        json_close(&json, ']');
        json_close(&json, '}');
    }
    json_close(&json, ']');
}

static void print_text(const struct board *boards, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("%s%s: %s (%s)\n", i == 0 ? "" : "\n", boards[i].name,
               boards[i].description != NULL ? boards[i].description : "(no description)",
               boards[i].cpu != NULL ? boards[i].cpu : "no CPU given");
        if (boards[i].machines.count == 0) {
            printf("    runs on no machine\n");
        }
        for (size_t j = 0; j < boards[i].machines.count; j++) {
            const char *reason = reason_against(boards[i].machines.items[j]);

            printf("    %-12s  %-7s  %-46s  %s%s\n", boards[i].machines.items[j], j == 0 ? "default" : "",
                   description_of(boards[i].machines.items[j]), reason == NULL ? "ready" : "not here: ",
                   reason != NULL ? reason : "");
        }
    }
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    struct board *boards;
    bool as_json = false;
    size_t count;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        if (id != OPTION_JSON) {
            cli_unexpected(&walk);
        }
        as_json = true;
    }
    count = boards_load(&boards);
    if (as_json) {
        print_json(boards, count);
    } else {
        print_text(boards, count);
    }
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

const struct cli_command command_boards = {
    .name = "boards",
    .synopsis = "[--json]",
    .summary = "Lists the boards, their machines, and which of them can run here",
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};
