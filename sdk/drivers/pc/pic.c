/* SPDX-License-Identifier: ISC */
/* Both 8259s take no interrupt from now on. */
#include "pic.h"
#include "../../cpu/x86_64/cpu.h"

#define PORT_MASK_1 0x21u
#define PORT_MASK_2 0xa1u

void pic_mask_all(void)
{
    x86_out8(PORT_MASK_1, 0xff);
    x86_out8(PORT_MASK_2, 0xff);
}
