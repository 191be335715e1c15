/* SPDX-License-Identifier: ISC */
/* Exercises every device of the machine, and prints a report that an owner can send back: on the console, and
 * at /report.txt as long as it serves. main returns 1 if something has failed. */
#include "devices.h"
#include "report.h"
#include <fata/board.h>
#include <fata/fata.h>
#include <fata/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("selftest");
FA_PARAM_BYTES(memory_test, "memory-test", 16 * FA_MIB, FA_MIB, 256 * FA_MIB, "how much memory is tested");
FA_PARAM_STRING(jumper, "jumper", "", "two pins that a wire connects, such as PG0,PG1");
FA_PARAM_FLAG(watchdog, "watchdog", "let the watchdog reset the machine in the end, at each start");
FA_PARAM_UINT(serve_s, "serve", 0, 0, 86400, "seconds to show the report at /report.txt");
FA_PARAM_UINT(port, "port", 80, 1, 65535, "the TCP port for it");

/* The most that the parts may take. */
#define MEMORY_S 60
#define TIMERS_S 5
#define CLOCK_S 12
#define LEDS_S 10
#define THERMOMETER_S 6
#define DISKS_S 60
#define NETWORK_S 30
#define RESET_S 5
#define FINISH_S 3

static fa_err report_txt(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    fa_http_type(http, "text/plain; charset=utf-8");
    fa_http_field_add(http, "Cache-Control", "no-store");
    return fa_http_write(http, report_all(), strlen(report_all()), deadline);
}

static void serve(fa_net *net, fa_deadline deadline)
{
    static const fa_http_route routes[] = {{"GET", "/report.txt", report_txt, NULL}};
    const fa_http_options options = {.routes = routes, .route_count = FA_ARRAY_COUNT(routes)};
    fa_listener *listener;
    fa_net_info info;
    fa_err err = fa_net_listen(net, (uint16_t)port, &listener);
    if (err == FA_OK) {
        fa_net_info_get(net, &info);
        char port_text[8] = ""; /* where it is not the one that browsers take */
        if (port != 80)
            snprintf(port_text, sizeof port_text, ":%u", (unsigned)port);
        printf("The report is at http://%u.%u.%u.%u%s/report.txt for %lu s.\n", info.address.byte[0], info.address.byte[1],
               info.address.byte[2], info.address.byte[3], port_text, (unsigned long)serve_s);
        err = fa_http_serve(listener, &options, deadline);
    }
    if (err == FA_OK)
        err = fa_net_finish(net, fa_after_s(FINISH_S));
    if (err != FA_OK)
        fa_log_warn("serving the report: %s", fa_err_text(err));
}

static void print_head(void)
{
    const char *model = "no device tree";
    if (fa_board_model(&model) != FA_OK)
        model = "no device tree";
    report_text("----- Fata self-test: send all up to the end -----");
    report_text("version      %s", FA_VERSION);
    report_text("board        %s", model);
    report_text("%s", "");
    report_text("%-12s %-8s %s", "device", "result", "figures");
}

int main(void)
{
    fa_net *net = NULL;
    print_head();
    test_memory(memory_test, fa_after_s(MEMORY_S));
    test_timers(fa_after_s(TIMERS_S));
    test_clock(fa_after_s(CLOCK_S));
    test_entropy();
    test_serial();
    test_leds(fa_after_s(LEDS_S));
    test_pins();
    test_jumper(jumper);
    test_thermometer(fa_after_s(THERMOMETER_S));
    test_disks(fa_after_s(DISKS_S));
    test_network(&net, fa_after_s(NETWORK_S));
    test_watchdog(watchdog);
    report_text("%s", "");
    report_text("result       %s: %u ok, %u failed, %u absent, %u skipped", report_count(RESULT_FAILED) == 0 ? "ok" : "failed",
                report_count(RESULT_OK), report_count(RESULT_FAILED), report_count(RESULT_ABSENT), report_count(RESULT_SKIPPED));
    report_text("----- end -----");
    if (net != NULL && serve_s > 0)
        serve(net, fa_after_s(serve_s));
    if (watchdog)
        reset_by_watchdog(fa_after_s(RESET_S));
    return report_count(RESULT_FAILED) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
