/* SPDX-License-Identifier: ISC */
/* A fiber that waits for words of the domain's owner. One that is understood is acknowledged, by an
 * empty text in its place, in the transaction that has read it: so that none is lost which comes
 * meanwhile. Others are left, as Linux does it, so that the owner sees that nobody obeys. What the domain
 * can do it says in nodes control/feature-WORD. */
#include "control.h"
#include "../../fiber/sched.h"
#include "../../fiber/stop.h"
#include "power.h"
#include "xenstore.h"
#include <fata/log.h>
#include <fata/panic.h>
#include <string.h>

FA_LOG_MODULE("xen");

#define STEP_NS (10 * FA_NS_PER_S) /* of one look at the store */
#define RETRY_NS (1 * FA_NS_PER_S)
#define WORD_BYTES ((size_t)16)

typedef enum control_word {
    NO_WORD,
    UNKNOWN,
    OFF,
    REBOOT,
    SUSPEND,
} control_word;

static fa_err (*suspend_domain)(void);
static xen_store_watch watch;
static fa_waitq fiber;
static bool is_watched, has_told_features;

static control_word word_of(const char *text)
{
    static const struct {
        const char *text;
        control_word word;
    } words[] = {
        {"", NO_WORD}, {"poweroff", OFF}, {"halt", OFF}, {"reboot", REBOOT}, {"suspend", SUSPEND}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(words); i++)
        if (strcmp(words[i].text, text) == 0)
            return words[i].word;
    return UNKNOWN;
}

static bool is_obeyed(control_word word)
{
    return word == OFF || word == REBOOT || (word == SUSPEND && suspend_domain != NULL);
}

static fa_err take_word(xen_store_tx tx, void *arg, fa_deadline deadline)
{
    control_word *word_out = arg;
    char text[WORD_BYTES] = "";
    const fa_err err = xen_store_read(tx, "control", "shutdown", text, sizeof text, deadline);
    *word_out = err == FA_ELIMIT || err == FA_EFORMAT ? UNKNOWN : word_of(text);
    if (err != FA_OK && err != FA_ENOENT && *word_out != UNKNOWN)
        return err;
    return is_obeyed(*word_out) ? xen_store_write(tx, "control", "shutdown", "", deadline) : FA_OK;
}

/* An owner who lets the domain write there wants to know; others do not. */
static fa_err tell_features(fa_deadline deadline)
{
    static const char *const names[] = {"feature-poweroff", "feature-reboot", "feature-suspend"};
    const size_t count = FA_ARRAY_COUNT(names) - (suspend_domain == NULL);
    for (size_t i = 0; i < count; i++) {
        const fa_err err = xen_store_write(0, "control", names[i], "1", deadline);
        if (err != FA_OK && err != FA_EPERM)
            return err;
    }
    has_told_features = true;
    return FA_OK;
}

/* The store is another one afterwards: watches are set again by it. */
static void suspend(void)
{
    const fa_err err = suspend_domain();
    if (err != FA_OK)
        fa_log_error("the domain cannot be saved: %s", fa_err_text(err));
    has_told_features = false;
}

static void obey(control_word word)
{
    switch (word) {
    case NO_WORD:
        return;
    case OFF:
        fa_stop_request(FA_STOP_OFF);
        return;
    case REBOOT:
        xen_exit_reboots();
        fa_stop_request(FA_STOP_REBOOT);
        return;
    case SUSPEND:
        if (suspend_domain != NULL) {
            suspend();
            return;
        }
        fa_log_warn("the domain's owner wants it to be saved: a guest of Xen on ARM cannot be");
        return;
    case UNKNOWN:
        fa_log_warn("the domain's owner has written to control/shutdown what is no known word");
    }
}

static fa_err look(fa_deadline deadline)
{
    control_word word = NO_WORD;
    fa_err err = FA_OK;
    if (!is_watched) {
        err = xen_store_watch_path(&watch, "control/shutdown", &fiber, deadline);
        is_watched = err == FA_OK;
    }
    if (err == FA_OK && !has_told_features)
        err = tell_features(deadline);
    if (err != FA_OK)
        return err;
    watch.has_fired = false;
    err = xen_store_transact(take_word, &word, deadline);
    if (err == FA_OK)
        obey(word);
    return err;
}

static void run(void *arg)
{
    fa_err told = FA_OK;
    (void)arg;
    for (;;) {
        const fa_err err = look(fa_after_ns(STEP_NS));
        if (err != FA_OK && err != told)
            fa_log_error("the words of the domain's owner cannot be read: %s", fa_err_text(err));
        told = err;
        if (err != FA_OK) {
            fa_sleep(fa_after_ns(RETRY_NS));
            continue;
        }
        while (!watch.has_fired && has_told_features) {
            const fa_err woken = fa_waitq_wait(&fiber, FA_FOREVER);
            fa_assert(woken == FA_OK);
        }
    }
}

fa_err xen_control_start(fa_err (*suspend_with)(void))
{
    suspend_domain = suspend_with;
    return fa_sched_spawn(&(fa_fiber_options){.name = "xen control"}, run, NULL);
}
