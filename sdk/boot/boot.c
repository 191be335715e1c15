/* SPDX-License-Identifier: ISC */
/* The story of the boot, from where the board has a console, memory, traps and a clock, to main and
 * its end. */
#include "boot.h"
#include "../../bsp/plat.h"
#include "../core/console.h"
#include "../core/file.h"
#include "../core/param.h"
#include "../core/words.h"
#include "../fiber/sched.h"
#include <fata/log.h>
#include <fata/panic.h>
#include <fata/system.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The application's main; every image is linked with --wrap=main, so that a host's own start-up
 * code reaches the board first. */
int __real_main(int argc, char **argv);

static int boot_argc;
static char **boot_argv;

/* The first fiber. */
static void run_main(void *arg)
{
    (void)arg;
    exit(__real_main(boot_argc, boot_argv));
}

static void print_list_hint(const fa_param *const *params, size_t count)
{
    printf("%s takes:", fa_program_name);
    for (const fa_param *param = NULL; (param = fa_params_next(params, count, param)) != NULL;)
        printf(" --%s", param->name);
    printf(" --help\n");
}

/* Two parameters of one name, or one named help, cannot be told apart. */
static void check_names(const fa_param *const *params, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool taken = strcmp(params[i]->name, "help") == 0;
        for (size_t j = 0; j < i; j++)
            taken = taken || strcmp(params[i]->name, params[j]->name) == 0;
        if (taken)
            fa_panic("two parameters are named --%s: rename the program's own", params[i]->name);
    }
}

/* Sets the parameters, or ends the run with the help or with what is wrong. */
static void take_parameters(void)
{
    size_t count;
    const fa_param *const *params = fa_params(&count);
    check_names(params, count);
    char message[FA_PARAMS_MESSAGE_BYTES];
    switch (fa_params_parse(params, count, &boot_argc, boot_argv, message)) {
    case FA_PARAMS_OK:
        return;
    case FA_PARAMS_HELP:
        fa_params_help(params, count, fa_program_name);
        exit(EXIT_SUCCESS);
    case FA_PARAMS_BAD:
        break;
    }
    printf("%s: %s\n", fa_program_name, message);
    print_list_hint(params, count);
    exit(FA_EXIT_USAGE);
}

void fa_boot_with_args(int argc, char **argv)
{
    boot_argc = argc;
    boot_argv = argv;
    take_parameters();
    const fa_err err = fa_sched_start(run_main);
    printf("%s: cannot start main: %s: give the machine more memory\n", fa_program_name,
           fa_err_text(err));
    exit(EXIT_FAILURE);
}

void fa_boot_with_text(char *command_line)
{
    static char *words[FA_BOOT_WORDS_MAX + 2];
    size_t count;
    words[0] = (char *)fa_program_name;
    const fa_err err = fa_words_split(command_line, words + 1, FA_BOOT_WORDS_MAX, &count);
    if (err != FA_OK) {
        printf("%s: the command line %s\n", fa_program_name,
               err == FA_ELIMIT ? "has too many words" : "has a quote without an end");
        exit(FA_EXIT_USAGE);
    }
    fa_boot_with_args((int)count + 1, words);
}

void fa_system_reboot(void)
{
    fa_console_record("fata: reboot\n");
    fa_console_record_exit(EXIT_SUCCESS);
    plat_reboot();
}
