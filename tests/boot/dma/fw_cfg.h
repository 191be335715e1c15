/* SPDX-License-Identifier: ISC */
/* QEMU's firmware configuration device, the same on all its machines but for how its registers are
 * reached: that is in fw_cfg_CPU.c. Source: QEMU's docs/specs/fw_cfg.rst. */
#ifndef FATA_TESTS_BOOT_DMA_FW_CFG_H
#define FATA_TESTS_BOOT_DMA_FW_CFG_H

#include "bsp/plat.h"
#include <fata/bytes.h>

/* Items by their numbers. */
#define FW_CFG_SIGNATURE 0x0000u
#define FW_CFG_FEATURES 0x0001u /* a little-endian word */
#define FW_CFG_FEATURE_DMA 0x2u
#define FW_CFG_DIRECTORY 0x0019u

/* The directory: the count of files, and for each: */
typedef struct fw_cfg_file {
    fa_be32 size_bytes;
    fa_be16 item;
    fa_be16 reserved;
    char name[56]; /* NUL-terminated */
} fw_cfg_file;

/* What the device is told to do; it sets `control` to 0, or to the error bit, when it is done. */
typedef struct fw_cfg_access {
    fa_be32 control; /* the item is in the upper half */
    fa_be32 len;
    fa_be64 address;
} fw_cfg_access;
#define FW_CFG_CONTROL_ERROR 0x1u
#define FW_CFG_CONTROL_READ 0x2u
#define FW_CFG_CONTROL_SELECT 0x8u

/* Without DMA: selects an item; the next of its bytes. */
void fw_cfg_select(uint16_t item);
uint8_t fw_cfg_read(void);
/* Has the device carry out the fw_cfg_access at an address. QEMU returns when it is done. */
void fw_cfg_start(plat_dma_addr access);

#endif
