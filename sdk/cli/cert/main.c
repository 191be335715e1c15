/* SPDX-License-Identifier: ISC */
/*
 * `fata cert`: a private CA, certificates for appliances, and what is wrong with a folder of them. This file is the table of its
 * subcommands, and what they take from the machine: time and randomness.
 */
#include "cert.h"

#include <errno.h>
#include <mbedtls/platform.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DAYS_MAX 36500

static const struct cli_command *const commands[] = {
    &cert_ca, &cert_new, &cert_show, &cert_check, &cert_revoke, &cert_disk, &cert_embed,
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_help(void)
{
    printf("usage: fata cert COMMAND ...\n\nMakes certificates for appliances, and checks them.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("  %-7s  %s\n", commands[i]->name + strlen("cert "), commands[i]->summary);
    }
    printf("\n"
           "    fata cert ca                                  # tls/ca.pem and tls/ca.key: a CA of your own\n"
           "    fata cert new www.example.org 10.0.0.2        # tls/server.pem and tls/server.key\n"
           "    fata cert new pump.example --client           # tls/client.pem and tls/client.key\n"
           "    fata cert check                               # what is wrong in tls/\n\n"
           "A project that is built with TLS=1 has what lies in its folder tls/. `fata cert COMMAND --help` tells more.\n");
}

int cert_random(void *unused, unsigned char *bytes_out, size_t len)
{
    (void)unused;
    while (len > 0) {
        ssize_t got = getrandom(bytes_out, len, 0);

        if (got < 0 && errno != EINTR) {
            cli_fail("this machine gives no randomness: %s", strerror(errno));
        }
        if (got > 0) {
            bytes_out += got;
            len -= (size_t)got;
        }
    }
    return 0;
}

/* What mbedTLS links to. */
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context, uint8_t *bytes_out,
                                             size_t size, size_t *len_out)
{
    (void)context;
    *len_out = size;
    return cert_random(NULL, bytes_out, size) == 0 ? PSA_SUCCESS : PSA_ERROR_INSUFFICIENT_ENTROPY;
}

mbedtls_ms_time_t mbedtls_ms_time(void)
{
    return cert_now() * 1000;
}

int64_t cert_now(void)
{
    const char *given = getenv("FATA_CERT_NOW");

    return given != NULL && given[0] != '\0' ? strtoll(given, NULL, 10) : (int64_t)time(NULL);
}

static mbedtls_time_t time_of_library(mbedtls_time_t *time_out)
{
    mbedtls_time_t now = (mbedtls_time_t)cert_now();

    if (time_out != NULL) {
        *time_out = now;
    }
    return now;
}

static const char *time_format(const char *format, int64_t time_s)
{
    time_t time = (time_t)time_s;
    struct tm parts;
    char text[40];

    if (gmtime_r(&time, &parts) == NULL || strftime(text, sizeof text, format, &parts) == 0) {
        cli_fail("a time that no calendar has: %lld", (long long)time_s);
    }
    return text_format("%s", text);
}

const char *cert_time_digits(int64_t time_s)
{
    return time_format("%Y%m%d%H%M%S", time_s);
}

const char *cert_time_text(int64_t time_s)
{
    return time_format("%Y-%m-%d %H:%M", time_s);
}

int64_t cert_days(const char *value)
{
    char *end;
    long days = strtol(value, &end, 10);

    if (end == value || *end != '\0' || days < 1 || days > DAYS_MAX) {
        cli_usage("--days %s: a number from 1 to %d is wanted", value, DAYS_MAX);
    }
    return days;
}

int main(int argc, char **argv)
{
    const char *names[COMMAND_COUNT + 1];
    const char *name = argc > 1 ? argv[1] : "--help";
    struct text list = {0};

    (void)mbedtls_platform_set_time(time_of_library);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help();
        if (!cli_flush()) {
            return CLI_FAILED;
        }
        return argc > 1 ? CLI_OK : CLI_BAD_USAGE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i]->name + strlen("cert ");
        text_addf(&list, "%s%s", i == 0 ? "" : ", ", names[i]);
        if (strcmp(name, names[i]) == 0) {
            cli_set_command(commands[i]);
            return commands[i]->run(commands[i], argc - 2, argv + 2);
        }
    }
    names[COMMAND_COUNT] = NULL;
    cli_usage("cert: unknown command `%s`%s; the commands are %s", name, cli_suggest(name, names), list.bytes);
}
