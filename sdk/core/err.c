/* SPDX-License-Identifier: ISC */
/* The texts and names of errors, both made from the one list in <fata/err.h>. */
#include <fata/err.h>

static const struct {
    const char *name;
    const char *text;
} errors[] = {
#define ERROR_ENTRY(name, text) {"FA_" #name, text},
    FA_ERRORS(ERROR_ENTRY)
#undef ERROR_ENTRY
};

const char *fa_err_text(fa_err err)
{
    return (size_t)err < FA_ARRAY_COUNT(errors) ? errors[err].text : "unknown error";
}

const char *fa_err_name(fa_err err)
{
    return (size_t)err < FA_ARRAY_COUNT(errors) ? errors[err].name : "unknown error";
}
