/* SPDX-License-Identifier: ISC */
/* Xenstore, by which all devices of a domain are found, and by which its owner speaks to it: where its
 * page is, and its event channel. */
#include "xendev.h"
#include "../../sdk/cpu/x86_64/mmu.h"
#include "../../sdk/drivers/xen/control.h"
#include "../../sdk/drivers/xen/xenstore.h"
#include "../plat.h"
#include "suspend.h"
#include <fata/log.h>

FA_LOG_MODULE("xen");

static fa_err open_store(void)
{
    uint64_t frame;
    uint32_t port;
    void *page;
    fa_err err = xen_store_find(&frame, &port);
    if (err == FA_OK)
        err = x86_mmu_map_shared((x86_phys){frame * XEN_PAGE_BYTES}, XEN_PAGE_BYTES, &page);
    return err == FA_OK ? xen_store_open(page, port) : err;
}

fa_err xendev_start(void)
{
    if (xen_shared == NULL)
        return FA_ENOENT;
    if (xen_store_is_open())
        return FA_OK;
    const fa_err err = open_store();
    return err == FA_OK ? xen_control_start(suspend_domain) : err;
}

fa_err xendev_resume(void)
{
    return open_store(); /* the page is where it was, and mapped again */
}

void plat_stop_listen(void)
{
    const fa_err err = xendev_start();
    if (err != FA_OK && err != FA_ENOENT)
        fa_log_error("Xenstore: %s: a word to stop will not be heard", fa_err_text(err));
}
