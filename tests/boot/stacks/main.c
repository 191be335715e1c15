/* SPDX-License-Identifier: ISC */
/* How much of its stack a typical fiber needs: main and a fiber of the default size do what programs
 * do most, and print the high-water marks, which a debug build measures. */
#include <fata/fata.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

FA_LOG_MODULE("stacks");

static void work(void)
{
    char text[128];
    const time_t now = time(NULL);
    const struct tm *utc = gmtime(&now);
    snprintf(text, sizeof text, "%s %d %08lx %g %.17g %lld %p", "text", -1, 0xfUL, 0.1, 1e300 / 3,
             (long long)now, (void *)text);
    printf("%s, %d\n", text, utc->tm_year);
    fa_log_info("%s: %s", fa_fiber_name(), text);
    char *end;
    printf("%g\n", strtod("3.14159265358979323846e-10", &end));
    uint8_t random[16];
    printf("%s\n", fa_err_text(fa_random_bytes(random, sizeof random)));
    free(malloc(1000));
}

static void report(const char *who)
{
    size_t used_bytes, size_bytes;
    fa_fiber_stack(&used_bytes, &size_bytes);
    printf("stack of %s: %zu of %zu bytes\n", who, used_bytes, size_bytes);
}

static void worker(void *arg)
{
    (void)arg;
    work();
    report("fiber");
}

int main(void)
{
    work();
    fa_scope scope;
    fa_scope_open(&scope);
    fa_err err = fa_scope_spawn(&scope, "worker", worker, NULL);
    if (err == FA_OK)
        err = fa_scope_wait(&scope, fa_after_s(60));
    fa_scope_close(&scope);
    report("main");
    return err == FA_OK ? 0 : 1;
}
