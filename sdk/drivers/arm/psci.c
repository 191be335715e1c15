/* SPDX-License-Identifier: ISC */
/* Ending the machine by its firmware or hypervisor. Source: Power State Coordination Interface,
 * ARM DEN 0022 (PSCI_VERSION, SYSTEM_OFF, SYSTEM_RESET), and the binding arm,psci. */
#include "../../cpu/armv7a/smccc.h"
#include "../dt/machine.h"
#include "drivers.h"
#include <string.h>

#define VERSION UINT32_C(0x84000000)
#define SYSTEM_OFF UINT32_C(0x84000008)
#define SYSTEM_RESET UINT32_C(0x84000009)

static uint32_t (*call)(uint32_t id, uint32_t a, uint32_t b, uint32_t c);

static void off(int status)
{
    (void)status;
    call(SYSTEM_OFF, 0, 0, 0);
}

static void reset(void)
{
    call(SYSTEM_RESET, 0, 0, 0);
}

fa_err psci_probe(dt_node node)
{
    const char *method = dt_text(node, "method");
    if (machine.off != NULL)
        return FA_OK;
    if (method == NULL || (strcmp(method, "hvc") != 0 && strcmp(method, "smc") != 0))
        return FA_EINVAL;
    call = strcmp(method, "hvc") == 0 ? arm_hvc : arm_smc;
    /* U-Boot built for PSCI 0.2 says so of an A20, too, and has none of these there: then the
     * watchdog is the better way to a reset. */
    if ((int32_t)call(VERSION, 0, 0, 0) < 0)
        return FA_ENOTSUP;
    machine.off = off;
    machine.reset = reset;
    return FA_OK;
}
