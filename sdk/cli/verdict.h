/* SPDX-License-Identifier: ISC */
/*
 * Whether an image boots on a loader, judged from what that loader checks and needs. Plain functions of the parsed
 * file: no input or output. A loader that is added here appears in `fata inspect`.
 */
#ifndef FATA_CLI_VERDICT_H
#define FATA_CLI_VERDICT_H

#include "image.h"

#define VERDICT_WHY_CAP 200

/* True: it boots. False: `why` (VERDICT_WHY_CAP bytes) says what stands against it. */
typedef bool verdict_function(const struct image *image, char *why);

struct verdict {
    const char *machine;
    verdict_function *boots;
};

extern const struct verdict verdicts[]; /* ends with {0} */
extern const struct verdict verdicts_card[]; /* the same, for SD cards */

verdict_function verdict_xen_any, verdict_xen, verdict_qemu, verdict_rust_vmm, verdict_process, verdict_qemu_arm, verdict_xen_arm,
    verdict_bootz, verdict_card_a10, verdict_card_a20, verdict_qemu_cubieboard;

const char *elf_machine_name(uint16_t machine);
const char *elf_type_name(uint16_t type);

#endif
