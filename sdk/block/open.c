/* SPDX-License-Identifier: ISC */
/* The machine's own disks: see block.c for what is done with them. */
#include "../../bsp/plat.h"
#include "blockdev.h"

fa_err fa_block_open(unsigned number, fa_block **block_out, fa_deadline deadline)
{
    fa_blockdev *device;
    fa_block *block;
    fa_err err = plat_block_open(number, &device, deadline);
    if (err == FA_OK)
        err = fa_block_over_take(device, &block);
    if (err != FA_OK)
        return err;
    fa_block_info info;
    fa_block_info_get(block, &info);
    while (err == FA_OK && !info.present) {
        err = fa_block_wait_change(block, info.changes, deadline);
        fa_block_info_get(block, &info);
    }
    if (err == FA_OK)
        *block_out = block;
    else
        fa_block_close(block);
    return err;
}
