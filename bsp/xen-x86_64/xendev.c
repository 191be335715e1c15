/* SPDX-License-Identifier: ISC */
/* Xenstore, by which all devices of a domain are found, and by which its owner speaks to it: where its
 * page is, and its event channel. */
#include "xendev.h"
#include "../../sdk/cpu/x86_64/mmu.h"
#include "../../sdk/drivers/xen/control.h"
#include "../../sdk/drivers/xen/xenstore.h"
#include "../plat.h"
#include <fata/log.h>

FA_LOG_MODULE("xen");

fa_err xendev_start(void)
{
    uint64_t frame;
    uint32_t port;
    void *page;
    if (xen_shared == NULL)
        return FA_ENOENT;
    if (xen_store_is_open())
        return FA_OK;
    fa_err err = xen_store_find(&frame, &port);
    if (err == FA_OK)
        err = x86_mmu_map_shared((x86_phys){frame * XEN_PAGE_BYTES}, XEN_PAGE_BYTES, &page);
    if (err == FA_OK)
        err = xen_store_open(page, port);
    return err == FA_OK ? xen_control_start(NULL) : err;
}

void plat_stop_listen(void)
{
    const fa_err err = xendev_start();
    if (err != FA_OK && err != FA_ENOENT)
        fa_log_error("Xenstore: %s: a word to stop will not be heard", fa_err_text(err));
}
