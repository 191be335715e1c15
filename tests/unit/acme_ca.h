/* SPDX-License-Identifier: ISC */
/* A CA that speaks ACME, in the place of the HTTP client's agent, in virtual time: it signs certificates, and is slow, down,
 * forgetful or strict as a test says. What it is asked is looked at as far as tests ask; its signatures are real. */
#ifndef FATA_TESTS_UNIT_ACME_CA_H
#define FATA_TESTS_UNIT_ACME_CA_H

#include "../../sdk/acme/acme.h"
#include <fata/fiber.h>

#define CA_DIRECTORY "https://ca.example/directory"
#define CA_NAMES_MAX 2u

extern struct acme_ca {
    /* What it does. */
    bool down;                /* connections end */
    uint64_t down_until_ns;
    bool hangs;               /* answers never come */
    unsigned stale_nonces;    /* so many are refused */
    bool no_nonces;           /* but the status 503 */
    unsigned pending, processing; /* so often the authorization, the order is asked for before it is done */
    unsigned retry_after_s;   /* with each answer to those; 0: not told */
    const char *refuses;      /* the type of the problem that a new order is; NULL: none */
    unsigned refuses_status;
    uint64_t life_s;          /* of certificates */
    int64_t from_s;           /* behind now */
    const char *certificate;  /* in the place of one; NULL: a good one */
    const char *names[CA_NAMES_MAX]; /* what is certified; NULL: the rest is not there */
    bool wants_binding;       /* external accounts */
    uint64_t garbles;         /* the seed of what becomes of some answers; 0: nothing */
    /* What it has seen. */
    unsigned requests, orders, issued, agents, agents_now;
    char account[2048];       /* the payload of the last request for one */
} ca;

/* As it is by itself. */
void acme_ca_begin(void);

#endif
