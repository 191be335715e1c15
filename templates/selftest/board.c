/* SPDX-License-Identifier: ISC */
/* What boards have: a number, LEDs, pins, a thermometer, a watchdog. */
#include "devices.h"
#include "report.h"
#include <fata/board.h>
#include <fata/fiber.h>
#include <stdio.h>
#include <string.h>

void test_serial(void)
{
    char text[FA_BOARD_SERIAL_BYTES];
    const fa_err err = fa_board_serial(text);
    if (err == FA_OK)
        report_device("serial no.", RESULT_OK, NULL, "%s", text);
    else
        report_device("serial no.", RESULT_ABSENT, NULL, err == FA_ENOENT ? "blank" : "this machine has none");
}

#define LEDS_MAX 8u
#define BLINKS 3u
#define BLINK_MS 150

void test_leds(fa_deadline deadline)
{
    unsigned count = 0;
    while (count < LEDS_MAX && fa_board_led(count, false) == FA_OK)
        count++;
    if (count == 0) {
        report_device("leds", RESULT_ABSENT, NULL, "this machine has none");
        return;
    }
    for (unsigned i = 0; i < count * BLINKS * 2 && fa_clock_mono_ns() < deadline; i++) {
        fa_board_led(i / (BLINKS * 2), i % 2 == 0);
        if (fa_sleep(fa_after_ms(BLINK_MS)) != FA_OK)
            break;
    }
    report_device("leds", RESULT_OK, NULL, "%u, each blinked %u times, one after another: did you see it?", count, BLINKS);
}

/* The one whose level is known: a card in the slot pulls it down. */
#define CARD_PIN "PH1"

void test_pins(void)
{
    bool high = false;
    const fa_err err = fa_board_pin_read(CARD_PIN, true, &high);
    if (err == FA_OK)
        report_device("pins", RESULT_OK, NULL, "%s is %s: %s card is in the slot", CARD_PIN, high ? "high" : "low", high ? "no" : "a");
    else
        report_device("pins", RESULT_ABSENT, NULL, "this machine has none");
}

void test_jumper(const char *pins)
{
    char first[8];
    bool high, good = true;
    const char *comma = strchr(pins, ',');
    if (fa_board_pin_read(CARD_PIN, true, &high) == FA_ENOTSUP) {
        report_device("jumper", RESULT_ABSENT, NULL, "this machine has no pins");
        return;
    }
    if (pins[0] == '\0') {
        report_device("jumper", RESULT_SKIPPED, NULL, "a wire between two free pins, and --jumper=PG0,PG1, test output and input");
        return;
    }
    if (comma == NULL || (size_t)(comma - pins) >= sizeof first) {
        report_device("jumper", RESULT_FAILED, "such as --jumper=PG0,PG1", "--jumper=%s: not the names of two pins", pins);
        return;
    }
    snprintf(first, sizeof first, "%.*s", (int)(comma - pins), pins);
    if (strcmp(first, comma + 1) == 0) {
        report_device("jumper", RESULT_FAILED, "such as --jumper=PG0,PG1", "--jumper=%s: the same pin twice", pins);
        return;
    }
    fa_err err = fa_board_pin_read(comma + 1, false, &high); /* it drives nothing when the other one begins to */
    for (unsigned i = 0; i < 4 && err == FA_OK; i++) {
        err = fa_board_pin_write(first, i % 2 == 1);
        if (err == FA_OK)
            err = fa_board_pin_read(comma + 1, false, &high);
        good &= high == (i % 2 == 1);
    }
    const fa_err ended = fa_board_pin_read(first, true, &high); /* it drives no more */
    err = err != FA_OK ? err : ended;
    if (err != FA_OK)
        report_device("jumper", RESULT_FAILED, "such as --jumper=PG0,PG1", "--jumper=%s: %s", pins, fa_err_text(err));
    else
        report_device("jumper", good ? RESULT_OK : RESULT_FAILED, good ? NULL : "is the wire between these two pins?",
                      "what %s puts out, %s %s", first, comma + 1, good ? "reads" : "does not read");
}

#define FIRST_VALUE_MS 200
#define MILLI_MIN (-40000)
#define MILLI_MAX 125000

void test_thermometer(fa_deadline deadline)
{
    int32_t milli = 0;
    fa_err err = fa_board_temperature(&milli);
    while (err == FA_EAGAIN && fa_clock_mono_ns() < deadline && fa_sleep(fa_after_ms(FIRST_VALUE_MS)) == FA_OK)
        err = fa_board_temperature(&milli);
    if (err == FA_ENOTSUP)
        report_device("thermometer", RESULT_ABSENT, NULL, "this machine has none");
    else if (err != FA_OK)
        report_device("thermometer", RESULT_FAILED, "tell us: nobody has tried this driver on a board", "it has no value: %s", fa_err_text(err));
    else if (milli < MILLI_MIN || milli > MILLI_MAX)
        report_device("thermometer", RESULT_FAILED, "tell us: the scale is wrong", "%ld degrees Celsius", (long)milli / 1000);
    else
        report_device("thermometer", RESULT_OK, NULL, "%ld degrees Celsius, as far as its scale is right", (long)milli / 1000);
}

void test_watchdog(bool really)
{
    fa_err err = fa_board_watchdog(FA_BOARD_WATCHDOG_S_MAX);
    if (err == FA_OK)
        err = fa_board_watchdog(FA_BOARD_WATCHDOG_S_MAX);
    if (err == FA_OK)
        err = fa_board_watchdog(0);
    if (err == FA_ENOTSUP)
        report_device("watchdog", RESULT_ABSENT, NULL, "this machine has none");
    else if (err != FA_OK)
        report_device("watchdog", RESULT_FAILED, "tell us", "%s", fa_err_text(err));
    else if (really)
        report_device("watchdog", RESULT_OK, NULL, "started, fed and stopped; it resets the machine below this report");
    else
        report_device("watchdog", RESULT_OK, NULL, "started, fed and stopped; --watchdog lets it reset the machine");
}

void reset_by_watchdog(fa_deadline deadline)
{
    fa_err err = fa_board_watchdog(1);
    if (err != FA_ENOTSUP)
        puts("The watchdog resets the machine within 2 s.");
    if (err == FA_OK)
        err = fa_sleep(deadline);
    if (err == FA_OK)
        report_device("watchdog", RESULT_FAILED, "tell us: nothing resets a program that hangs", "it has not reset the machine");
}
