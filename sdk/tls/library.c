/* SPDX-License-Identifier: ISC */
/* What mbedTLS asks of the machine: randomness, time, and turns for other fibers within what takes long. */
#include "conn.h"
#include <fata/random.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/platform_time.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>

/* How long a calculation goes on before others have a turn: they may have waited for the run bound of a
 * fiber (10 ms) already. */
#define STEP_NS (2 * FA_NS_PER_MS)

static bool stepping;
static uint64_t stepped_ns;

int fa_tls_draw(void *arg, unsigned char *bytes_out, size_t len)
{
    (void)arg;
    return fa_random_bytes(bytes_out, len) == FA_OK ? 0 : MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context,
                                             uint8_t *output, size_t output_size, size_t *output_length)
{
    (void)context;
    if (fa_random_bytes(output, output_size) != FA_OK)
        return PSA_ERROR_INSUFFICIENT_ENTROPY;
    *output_length = output_size;
    return PSA_SUCCESS;
}

mbedtls_ms_time_t mbedtls_ms_time(void)
{
    return (mbedtls_ms_time_t)(fa_clock_mono_ns() / FA_NS_PER_MS);
}

/* Certificates are not judged while this is not known (fa_tls_verify()); tickets take what there is. */
static mbedtls_time_t now(mbedtls_time_t *time_out)
{
    const mbedtls_time_t s = (mbedtls_time_t)(fa_clock_wall_ns() / FA_NS_PER_S);
    if (time_out != NULL)
        *time_out = s;
    return s;
}

static void step(void)
{
    if (!stepping || fa_clock_mono_ns() - stepped_ns < STEP_NS)
        return;
    stepping = false;
    (void)fa_sleep(FA_NOW); /* a canceled fiber calculates to the end of its step */
    stepping = true;
    stepped_ns = fa_clock_mono_ns();
}

void fa_tls_library_steps(bool on)
{
    stepping = on;
    stepped_ns = fa_clock_mono_ns();
}

fa_err fa_tls_library_start(void)
{
    static bool started;
    uint8_t byte;
    if (started)
        return FA_OK;
    const fa_err err = fa_random_bytes(&byte, sizeof byte);
    if (err != FA_OK)
        return err;
    mbedtls_platform_set_time(now);
    mbedtls_fata_step = step;
    started = psa_crypto_init() == PSA_SUCCESS;
    return started ? FA_OK : FA_ENOMEM;
}
