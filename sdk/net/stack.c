/* SPDX-License-Identifier: ISC */
/* The SDK's own stack as the image's network: not linked until the host engine is there. */
#include "backend.h"

fa_err fa_stack_open(fa_net **net_out)
{
    (void)net_out;
    return FA_ENOTSUP;
}
