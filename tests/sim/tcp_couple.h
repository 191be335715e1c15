/* SPDX-License-Identifier: ISC */
/* A client and a server in the world of TCP's tests, and one connection of theirs at a time. */
#ifndef TESTS_SIM_TCP_COUPLE_H
#define TESTS_SIM_TCP_COUPLE_H

#include "tcp_world.h"

#define PORT 80u
#define MS FA_NS_PER_MS
#define S FA_NS_PER_S

typedef struct couple {
    tcp_world world;
    fa_host *client, *server;
    fa_tcp_listener *listener;
    fa_tcp *a, *b; /* the client's side, the server's */
} couple;

typedef struct couple_test {
    const char *name;
    void (*test)(uint64_t seed);
    uint64_t seeds; /* it is run with so many */
} couple_test;

void couple_init(couple *both, uint64_t seed);
/* When all timers have passed, all that the engines had is back. */
void couple_free(couple *both);
fa_endpoint server_of(const couple *both);
void couple_connect(couple *both);
/* Time passes; both applications are told, and do nothing. */
void couple_run(couple *both, uint64_t ns);
fa_err put(fa_host *host, fa_tcp *tcp, const void *bytes, size_t len, size_t *done);
fa_err get(fa_host *host, fa_tcp *tcp, size_t *len);
void say(fa_host *host, fa_tcp *tcp, const char *text);
/* Runs all tests, or those whose names contain the argument. */
int couple_main(int argc, char **argv, const couple_test *tests, size_t count);

#endif
