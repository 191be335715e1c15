/* SPDX-License-Identifier: ISC */
/* The texts and names of errors, both made from the one list in <fata/err.h>. */
#include <fata/err.h>

#define ERROR_NAME(name, text) "FA_" #name,
static const char *const names[] = {FA_ERRORS(ERROR_NAME)};
#define ERROR_TEXT(name, text) text,
static const char *const texts[] = {FA_ERRORS(ERROR_TEXT)};

const char *fa_err_text(fa_err err)
{
    return (size_t)err < FA_ARRAY_COUNT(texts) ? texts[err] : "unknown error";
}

const char *fa_err_name(fa_err err)
{
    return (size_t)err < FA_ARRAY_COUNT(names) ? names[err] : "unknown error";
}
