/* SPDX-License-Identifier: ISC */
/* Greets, and shows what a program has: parameters, the log, the clock, and fibers. */
#include <fata/fata.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

FA_LOG_MODULE("hello");
FA_PARAM_STRING(whom, "whom", "world", "whom to greet");
FA_PARAM_UINT(count, "count", 3, 1, 100, "how many fibers greet in turn");
FA_PARAM_UINT(status, "status", 0, 0, 255, "what main returns");

/* One fiber: it waits for its turn, then greets. */
static void greet(void *arg)
{
    const uint64_t number = *(const uint64_t *)arg;
    if (fa_sleep(fa_after_ms(10 * number)) == FA_OK)
        printf("fiber %" PRIu64 " of %" PRIu64 " greets %s\n", number, count, whom);
}

static fa_err greet_in_turn(void)
{
    static uint64_t numbers[100];
    fa_scope scope;
    fa_scope_open(&scope);
    fa_err err = FA_OK;
    for (uint64_t i = 0; i < count && err == FA_OK; i++) {
        numbers[i] = i + 1;
        err = fa_scope_spawn(&scope, "greeter", greet, &numbers[i]);
    }
    if (err == FA_OK)
        err = fa_scope_wait(&scope, fa_after_s(10));
    fa_scope_close(&scope);
    return err;
}

int main(void)
{
    printf("Hello, %s!\n", whom);
    const time_t now = time(NULL);
    const struct tm *utc = gmtime(&now);
    fa_log_info("it is %04d-%02d-%02d %02d:%02d UTC", 1900 + utc->tm_year, 1 + utc->tm_mon,
                utc->tm_mday, utc->tm_hour, utc->tm_min);
    const fa_err err = greet_in_turn();
    if (err != FA_OK) {
        fa_log_error("not all have greeted: %s", fa_err_text(err));
        return 1;
    }
    return (int)status;
}
