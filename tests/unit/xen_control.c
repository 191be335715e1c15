/* SPDX-License-Identifier: ISC */
/* Words of the domain's owner, over Xenstore: which are obeyed and acknowledged, and which are not; one
 * that comes between, a store that loses its tree, an owner who allows nothing. */
#include "../../sdk/drivers/xen/control.h"
#include "../../sdk/drivers/xen/power.h"
#include "xen_world.h"
#include <fata/stop.h>
#include <stdio.h>
#include <stdlib.h>

#define WORD FAKE_STORE_HOME "control/shutdown"

static char text[4096];
static unsigned suspend_count;
static fa_err suspend_result;

static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    printf("not so: %s\n", what);
    fflush(stdout);
    _Exit(99);
}

static void want(void (*fn)(void), int status, const char *what)
{
    const int ended = board_run_child(fn, text, sizeof text);
    if (ended != status || strstr(text, what) == NULL)
        fail_msg("status %d, wanted %d and '%s' in:\n%s", ended, status, what, text);
}

static fa_err count_suspend(void)
{
    suspend_count++;
    return suspend_result;
}

static void begin(fa_err (*suspend)(void))
{
    must(xen_control_start(suspend) == FA_OK, "it starts");
    must(fa_stop_wait(NULL, fa_after_ms(200)) == FA_ETIMEDOUT, "nobody has said anything");
}

static bool is_acknowledged(void)
{
    const char *word = fake_store_get(WORD);
    return word != NULL && word[0] == '\0';
}

static void end_as(fa_stop_word wanted, int reason)
{
    fa_stop_word word;
    must(fa_stop_wait(&word, fa_after_ms(200)) == FA_OK && word == wanted, "the program is told");
    must(is_acknowledged(), "acknowledged");
    xen_exit(0);
    must(fake.shutdown == reason, "the domain ends as it was asked to");
    exit(0);
}

static void off(void)
{
    begin(NULL);
    must(fake_store_get(FAKE_STORE_HOME "control/feature-poweroff") != NULL &&
             fake_store_get(FAKE_STORE_HOME "control/feature-reboot") != NULL &&
             fake_store_get(FAKE_STORE_HOME "control/feature-suspend") == NULL,
         "it says what it can");
    fake_store_set(WORD, "poweroff");
    end_as(FA_STOP_OFF, XEN_SHUTDOWN_POWEROFF);
}

static void halt(void)
{
    fake_store_set(WORD, "halt"); /* before anybody looks */
    must(fa_stop_wait(NULL, FA_NOW) == FA_ETIMEDOUT, "it asks");
    must(xen_control_start(NULL) == FA_OK, "it starts");
    end_as(FA_STOP_OFF, XEN_SHUTDOWN_POWEROFF);
}

static void reboot(void)
{
    begin(NULL);
    fake_store_conflicts = 3;
    fake_store_set(WORD, "reboot");
    end_as(FA_STOP_REBOOT, XEN_SHUTDOWN_REBOOT);
}

static void crash_after_reboot(void)
{
    begin(NULL);
    fake_store_set(WORD, "reboot");
    must(fa_stop_wait(NULL, fa_after_ms(200)) == FA_OK, "told");
    xen_exit(134);
    must(fake.shutdown == XEN_SHUTDOWN_CRASH, "a crash is one");
    exit(0);
}

static void nobody_asks(void)
{
    must(xen_control_start(NULL) == FA_OK, "it starts");
    fake_store_set(WORD, "poweroff");
    world_settle();
    must(false, "it goes on");
}

static void others(void)
{
    static const char *const words[] = {"suspend", "crash", "a word that is far too long for any"};
    begin(NULL);
    for (size_t i = 0; i < FA_ARRAY_COUNT(words); i++) {
        fake_store_set(WORD, words[i]);
        must(fa_stop_wait(NULL, fa_after_ms(200)) == FA_ETIMEDOUT, "no word to stop");
        must(strcmp(fake_store_get(WORD), words[i]) == 0, "what is not obeyed is not acknowledged");
    }
    fake_store_set(WORD, "poweroff");
    end_as(FA_STOP_OFF, XEN_SHUTDOWN_POWEROFF);
}

static void which_words(void **state)
{
    (void)state;
    want(off, 0, "fata: exit 0\n");
    want(halt, 0, "fata: exit 0\n");
    want(reboot, 0, "fata: exit 0\n");
    want(crash_after_reboot, 0, "fata: exit 0\n");
    want(nobody_asks, 0, "fata: exit 0\n");
    want(others, 0, "a guest of Xen on ARM cannot be");
    assert_non_null(strstr(text, "no known word"));
}

static void suspends(void)
{
    begin(count_suspend);
    must(fake_store_get(FAKE_STORE_HOME "control/feature-suspend") != NULL, "it says that it can");
    for (unsigned i = 1; i <= 3; i++) {
        suspend_result = i == 2 ? FA_EPERM : FA_OK;
        fake_store_set(FAKE_STORE_HOME "control/feature-suspend", NULL);
        fake_store_set(WORD, "suspend");
        world_settle();
        must(suspend_count == i && is_acknowledged(), "once for each word");
        must(fake_store_get(FAKE_STORE_HOME "control/feature-suspend") != NULL,
             "the next store is told, too");
    }
    fake_store_set(WORD, "reboot");
    end_as(FA_STOP_REBOOT, XEN_SHUTDOWN_REBOOT);
}

/* xenstored goes, and another one comes, which knows of no watch. */
static void another_store(void)
{
    begin(NULL);
    fake_reset();
    fake_store_reset();
    xen_events_init();
    fake_store_set(WORD, "poweroff");
    world_open_store();
    end_as(FA_STOP_OFF, XEN_SHUTDOWN_POWEROFF);
}

static void silent_store(void)
{
    fake_store_silent = true;
    begin(NULL);
    fa_sleep(fa_after_s(60));
    fake_store_silent = false;
    fake_store_set(WORD, "poweroff");
    must(fa_stop_wait(NULL, fa_after_s(60)) == FA_OK, "it is heard in the end");
    exit(0);
}

static void other_cases(void **state)
{
    (void)state;
    want(suspends, 0, "cannot be saved");
    want(another_store, 0, "fata: exit 0\n");
    want(silent_store, 0, "cannot be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(which_words), cmocka_unit_test(other_cases)};
    world_init();
    return cmocka_run_group_tests_name("xen_control", tests, NULL, NULL);
}
