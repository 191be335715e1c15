/* SPDX-License-Identifier: ISC */
/*
 * `fata cert`: certificates. What does it is a program of its own, build/fata-cert (cert/main.c), since it holds mbedTLS, which takes a
 * minute to build: who makes no certificates does not wait for it. This command has it built, if the SDK is one that builds, and
 * becomes it.
 */
#include "cli.h"

#include "files.h"
#include "process.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct cli_option options[] = {{0}};

static void build(const char *program)
{
    const char *makefile = text_format("%s/Makefile", sdk_root());
    struct words command = {0};
    struct process_plan plan = {.output = STDERR_FILENO, .error = -1, .death_signal = SIGKILL};

    if (access(makefile, F_OK) != 0) {
        return; /* installed: it is complete */
    }
    words_add(&command, "flock");
    words_addf(&command, "%s/build/lock", sdk_root());
    words_add(&command, "make");
    words_add(&command, "--no-print-directory");
    words_add(&command, "-C");
    words_add(&command, sdk_root());
    words_add(&command, "cert-tool");
    plan.argv = command.items;
    if (process_wait(process_start(&plan)) != 0) {
        cli_fail("cannot build %s: see above", program);
    }
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    char *program = text_format("%s/build/fata-cert", sdk_root());
    struct words words = {0};

    (void)command;
    words_add(&words, program);
    for (int i = 0; i < argc; i++) {
        words_add(&words, argv[i]);
    }
    build(program);
    (void)execv(program, words.items);
    cli_fail("cannot start %s: %s", program, strerror(errno));
}

const struct cli_command command_cert = {
    .name = "cert",
    .synopsis = "COMMAND ...",
    .summary = "Makes a private CA and certificates, and checks them",
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};
