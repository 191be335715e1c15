/* SPDX-License-Identifier: ISC */
/* Reading boot parameters: the part that the boot uses. */
#ifndef FATA_CORE_PARAM_H
#define FATA_CORE_PARAM_H

#include <fata/param.h>

typedef enum fa_params_result {
    FA_PARAMS_OK,
    FA_PARAMS_HELP, /* --help was given: print the help and end */
    FA_PARAMS_BAD,  /* the message says what is wrong */
} fa_params_result;

#define FA_PARAMS_MESSAGE_BYTES ((size_t)256)

/* The parameters of this image. */
const fa_param *const *fa_params(size_t *count_out);
/* Sets the parameters from argv[1..]. On FA_PARAMS_OK, argv keeps argv[0] and the words that are
 * the program's own, and *argc says how many; a NULL stands behind them (argv has room for
 * argc + 1). Values point into argv's texts. */
fa_params_result fa_params_parse(const fa_param *const *params, size_t count, int *argc,
                                 char **argv, char message_out[FA_PARAMS_MESSAGE_BYTES]);
/* The parameter whose name comes after `previous` in the alphabet (NULL: the first), without that of
 * kind REST; NULL at the end. The order in memory is the compiler's. */
const fa_param *fa_params_next(const fa_param *const *params, size_t count,
                               const fa_param *previous);
/* Prints the usage and the list of parameters to stdout. */
void fa_params_help(const fa_param *const *params, size_t count, const char *program);

#endif
