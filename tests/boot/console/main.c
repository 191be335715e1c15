/* SPDX-License-Identifier: ISC */
/* The console and the end of a run, for tests/boot/run: `--mode` says what to do. Reading is by
 * fgets(), as in any C program. */
#include <fata/board.h>
#include <fata/fata.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

FA_PARAM_STRING(mode, "mode", "echo", "echo, tick, partial, sleep, spin, reboot, again, hang or board");

/* Echoes lines, each with its length, until "bye" or the end of the input. */
static int echo(void)
{
    char line[256];
    unsigned count = 0;
    printf("ready\n");
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "bye") == 0)
            break;
        printf("got %zu: %s\n", strlen(line), line);
        count++;
    }
    printf("%u lines\n", count);
    return 0;
}

static void ticker(void *arg)
{
    (void)arg;
    for (int i = 1; i <= 5; i++)
        if (fa_sleep(fa_after_ms(10)) == FA_OK)
            printf("tick %d\n", i);
}

/* Where stdio is ours, reading it holds up only the fiber that reads. */
static int tick(void)
{
    fa_scope scope;
    fa_scope_open(&scope);
    const fa_err err = fa_scope_spawn(&scope, "ticker", ticker, NULL);
    const int status = err == FA_OK ? echo() : 1;
    fa_scope_close(&scope);
    return status;
}

/* Text without a line end before the last record. */
static int partial(void)
{
    printf("unfinished");
    printf(" business");
    return 3;
}

static int sleep_for_ever(void)
{
    printf("asleep\n");
    return fa_sleep(fa_after_s(1000000)) == FA_OK ? 0 : 1;
}

static int spin(void)
{
    volatile bool forever = true;
    printf("spinning\n");
    while (forever) {
    }
    return 0;
}

static int reboot(void)
{
    printf("once more\n");
    fa_system_reboot();
}

/* A line decides whether there is another life. */
static int again(void)
{
    char line[16];
    printf("ready\n");
    if (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "reboot\n") == 0)
        fa_system_reboot();
    return 0;
}

/* The watchdog waits a second: it is fed for two, and then no more. */
static int hang(void)
{
    for (int i = 0; i < 8; i++) {
        if (fa_board_watchdog(1) != FA_OK || fa_sleep(fa_after_ms(250)) != FA_OK)
            return 1;
    }
    printf("fed so far\n");
    return spin();
}

static int board(void)
{
    char serial[FA_BOARD_SERIAL_BYTES] = "";
    bool high = true;
    const fa_err numbered = fa_board_serial(serial), led = fa_board_led(0, true);
    const fa_err no_led = fa_board_led(99, true), pin = fa_board_pin_read("PH1", true, &high);
    printf("serial: %s %s\n", fa_err_text(numbered), serial);
    printf("led: %s, another: %s\n", fa_err_text(led), fa_err_text(no_led));
    printf("pin: %s, output: %s\n", fa_err_text(pin), fa_err_text(fa_board_pin_write("PH20", true)));
    printf("watchdog: %s\n", fa_err_text(fa_board_watchdog(0)));
    printf("time: %" PRIu64 "\n", fa_clock_wall_ns() / FA_NS_PER_S);
    return 0;
}

int main(void)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } modes[] = {{"echo", echo}, {"tick", tick}, {"partial", partial},
                 {"sleep", sleep_for_ever}, {"spin", spin}, {"reboot", reboot},
                 {"again", again}, {"hang", hang}, {"board", board}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(modes); i++)
        if (strcmp(mode, modes[i].name) == 0)
            return modes[i].run();
    printf("no mode '%s'\n", mode);
    return FA_EXIT_USAGE;
}
