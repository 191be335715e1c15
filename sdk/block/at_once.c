/* SPDX-License-Identifier: ISC */
/* What is the same for all devices that have done what they are asked within submit(). */
#include "blockdev.h"

void fa_blockdev_poll_none(fa_blockdev *device)
{
    (void)device;
}

bool fa_blockdev_arm_none(fa_blockdev *device)
{
    (void)device;
    return false;
}

void fa_blockdev_stop_none(fa_blockdev *device)
{
    device->is_stopped = true;
}
