/* SPDX-License-Identifier: ISC */
/* The word that the machine is to stop: programs that ask for it and those that do not, the time that
 * they have, an HTTP server that finishes. The word comes once in an image's life: each case is a process. */
#include "../../sdk/fiber/stop.h"
#include "http_client.h"
#include <signal.h>
#include <stdarg.h>

static char text[4096];

/* (In the child, cmocka has nobody to tell.) */
static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    printf("not so: %s\n", what);
    fflush(stdout);
    _exit(99);
}

static void want(void (*fn)(void), int status, const char *what)
{
    const int ended = board_run_child(fn, text, sizeof text);
    if (ended != status || strstr(text, what) == NULL)
        fail_msg("status %d, wanted %d and '%s' in:\n%s", ended, status, what, text);
}

static void request_soon(void *arg)
{
    fa_sleep(fa_after_s(1));
    fa_stop_request(*(const fa_stop_word *)arg);
}

static void request_in_a_second(fa_stop_word word)
{
    static fa_stop_word said;
    said = word;
    must(fa_sched_spawn(&(fa_fiber_options){.name = "request"}, request_soon, &said) == FA_OK, "spawn");
}

static void nobody_asks(void)
{
    request_in_a_second(FA_STOP_OFF);
    fa_sleep(fa_after_s(5));
    printf("it goes on\n");
}

static unsigned told_count;

static void told(fa_stop_watch *watch)
{
    (void)watch;
    told_count++;
}

static void somebody_asks(void)
{
    fa_stop_word word = FA_STOP_NONE;
    fa_stop_watch in = {.told = told}, out = {.told = told}, late = {.told = told};
    must(fa_stop_wait(&word, fa_after_s(1)) == FA_ETIMEDOUT && word == FA_STOP_NONE, "not yet");
    fa_stop_watch_add(&out);
    fa_stop_watch_add(&in);
    fa_stop_watch_remove(&out);
    fa_stop_watch_remove(&out);
    request_in_a_second(FA_STOP_REBOOT);
    must(fa_stop_wait(&word, fa_after_s(2)) == FA_OK && word == FA_STOP_REBOOT, "told to reboot");
    must(told_count == 1, "the watch that is in is told");
    fa_stop_request(FA_STOP_OFF);
    must(fa_stop_wait(&word, FA_NOW) == FA_OK && word == FA_STOP_REBOOT, "the first word counts");
    fa_stop_watch_add(&late);
    must(told_count == 2, "a late watch is told at once, the others once");
    fa_sleep(fa_after_s(9));
    exit(7);
}

static void nobody_finishes(void)
{
    request_in_a_second(FA_STOP_OFF);
    must(fa_stop_wait(NULL, FA_FOREVER) == FA_OK, "told");
    must(board_now_ns > 0, "");
    fa_sleep(fa_after_s(3600));
}

static void no_memory_for_its_time(void)
{
    request_in_a_second(FA_STOP_OFF);
    fa_sleep(FA_NOW);
    board_stacks_left = 0;
    must(fa_stop_wait(NULL, FA_FOREVER) == FA_OK, "told");
    fa_sleep(fa_after_s(3600));
}

static void by_signal(void)
{
    fa_stop_word word;
    must(fa_stop_wait(&word, fa_after_s(1)) == FA_ETIMEDOUT, "not yet");
    raise(SIGTERM);
    must(fa_stop_wait(&word, fa_after_s(1)) == FA_OK && word == FA_STOP_OFF, "told");
    struct sigaction now;
    must(sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler == SIG_DFL, "a second one ends it");
    exit(0);
}

static void words(void **state)
{
    (void)state;
    want(nobody_asks, 0, "fata: exit 0\n");
    assert_null(strstr(text, "it goes on"));
    want(somebody_asks, 7, "fata: exit 7\n");
    want(nobody_finishes, 1, "the program has not finished in 10 s (--stop-time): it is ended");
    assert_non_null(strstr(text, "fata: exit 1\n"));
    want(no_memory_for_its_time, 1, "it is ended now");
    want(by_signal, 0, "fata: exit 0\n");
}

/* A request is being answered, another has just arrived, a third has no end of its head, and somebody
 * connects when it is too late. */
static void serve(void)
{
    (void)set_up_server(NULL);
    options.fibers = 1;
    start();
    fa_flow *busy = connect_one(), *next = connect_one(), *half = connect_one(), *idle = connect_one();
    get(idle, "/small", "");
    must(strstr(heard, " 200 ") != NULL, "served before");
    say(busy, "GET /slow-stream HTTP/1.1\r\nHost: h\r\n\r\n");
    fa_sleep(fa_after_ms(10));
    say(next, "GET /small HTTP/1.1\r\nHost: h\r\n\r\n");
    say(half, "GET /small HTTP/1.1\r\nHo");
    fa_sleep(fa_after_ms(10));
    fa_stop_request(FA_STOP_OFF);
    fa_sleep(fa_after_ms(10));
    must(!server_ended, "it finishes what it does");
    hear_for(idle, 10);
    must(heard_err == FA_OK, "an idle connection is closed");
    hear_for(connect_one(), 10);
    must(heard_err == FA_ECLOSED, "a new one is refused");
    hear_for(busy, 2000);
    must(strstr(heard, "last") != NULL && heard_err == FA_OK, "the request under way is answered");
    hear_for(next, 10);
    must(strstr(heard, " 200 ") != NULL, "so is the one that had arrived");
    fa_sleep(fa_after_ms(10));
    must(server_ended && server_err == FA_OK, "then it ends");
    exit(0);
}

/* Somebody who reads nothing keeps it for so long. */
static void serve_for_a_while(void)
{
    (void)set_up_server(NULL);
    start();
    say(*connect_cap(1000), "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    fa_sleep(fa_after_ms(10));
    const uint64_t start_ns = board_now_ns;
    fa_stop_request(FA_STOP_OFF);
    while (!server_ended)
        fa_sleep(fa_after_ms(10));
    must(server_err == FA_OK, "no error");
    must(board_now_ns - start_ns < FA_HTTP_GRACE_NS + FA_NS_PER_S, "its time is bounded");
    exit(0);
}

static void a_server(void **state)
{
    (void)state;
    want(serve, 0, "fata: exit 0\n");
    want(serve_for_a_while, 0, "fata: exit 0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words), cmocka_unit_test(a_server)};
    return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
