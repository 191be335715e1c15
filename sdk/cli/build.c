/* SPDX-License-Identifier: ISC */
/* `fata build` and `fata test`: make, in a project's folder, with the board and the kind of build chosen by options. */
#include "cli.h"

#include "board.h"
#include "machines.h"
#include "project.h"

#include <stddef.h>

enum { OPTION_BSP = 1, OPTION_ON, OPTION_DEBUG };

static const struct cli_option build_options[] = {
    {OPTION_BSP, "--bsp", "B", "the board to build for (default: " BOARD_DEFAULT "); see `fata boards`"},
    {OPTION_DEBUG, "--debug", NULL, "a build for debugging (DEBUG=1)"},
    {0},
};

static const struct cli_option test_options[] = {
    {OPTION_BSP, "--bsp", "B", "the board to test (BSP=B); without it the project chooses"},
    {OPTION_ON, "--on", "MACHINE", "the machine to test on (ON=MACHINE); without it the project chooses"},
    {OPTION_DEBUG, "--debug", NULL, "a build for debugging (DEBUG=1)"},
    {0},
};

static const char build_details[] =
    "Runs `make BSP=B` in a project's folder. Arguments of make (targets, VARIABLE=value, -k ...) pass on to it; long\n"
    "ones stand behind `--`. Under another make it shares its job server, else it uses every processor.\n\n"
    "Exit status: 0 built, 1 failed, 2 wrong usage.\n";

static const char test_details[] =
    "Runs `make test` in a project's folder. Arguments of make pass on to it; long ones stand behind `--`.\n\n"
    "Exit status: 0 passed, 1 failed, 2 wrong usage.\n";

struct request {
    const char *bsp;
    bool debug;
    struct words targets;
};

static void read_arguments(struct cli_walk *walk, struct request *request)
{
    for (int id; (id = cli_next(walk)) != CLI_END;) {
        switch (id) {
        case OPTION_BSP:
            request->bsp = board_find(walk->value)->name;
            break;
        case OPTION_ON:
            if (machine_find(walk->value) == NULL) {
                cli_usage("no machine `%s`%s; the machines are %s", walk->value, machine_suggest(walk->value),
                          machine_names());
            }
            words_addf(&request->targets, "ON=%s", walk->value);
            break;
        case OPTION_DEBUG:
            request->debug = true;
            break;
        case CLI_POSITIONAL:
            words_add(&request->targets, walk->value);
            break;
        default: /* CLI_REST */
            while (walk->next < walk->argc) {
                words_add(&request->targets, walk->argv[walk->next++]);
            }
            break;
        }
    }
}

static int run_build(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    struct request request = {.bsp = BOARD_DEFAULT};

    read_arguments(&walk, &request);
    project_require();
    return project_make(request.bsp, request.debug, false, &request.targets) ? CLI_OK : CLI_FAILED;
}

static int run_test(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    struct request request = {0};

    words_add(&request.targets, "test");
    read_arguments(&walk, &request);
    project_require();
    return project_make(request.bsp, request.debug, false, &request.targets) ? CLI_OK : CLI_FAILED;
}

const struct cli_command command_build = {
    .name = "build",
    .synopsis = "[--bsp B] [--debug] [MAKE ARGUMENTS]",
    .summary = "Builds the project in the current folder",
    .details = build_details,
    .options = build_options,
    .passes_short = true,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run_build,
};

const struct cli_command command_test = {
    .name = "test",
    .synopsis = "[--bsp B] [--on MACHINE] [--debug] [MAKE ARGUMENTS]",
    .summary = "Runs the tests of the project in the current folder",
    .details = test_details,
    .options = test_options,
    .passes_short = true,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run_test,
};
