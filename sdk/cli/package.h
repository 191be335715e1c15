/* SPDX-License-Identifier: ISC */
/*
 * What `fata package` makes: an image and, beside it, the files by which another system starts it. Each form of package is
 * a function that makes such files' texts of a struct package; package.c has the table of forms, `fata run` takes the same
 * texts where a machine starts its guests by them.
 */
#ifndef FATA_CLI_PACKAGE_H
#define FATA_CLI_PACKAGE_H

#include "image.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

#define PACKAGE_FOLDER "/var/lib/fata" /* where the files lie on the system that starts the image, unless told another */

#define PACKAGE_DISK_COUNT_MAX 26 /* xvda to xvdz */

struct package {
    const char *name;
    const char *folder; /* where its files will lie, absolute */
    const struct image *image;
    uint64_t memory_mib;
    const char *command_line; /* as the guest gets it; "" for none */
    const char *bridge; /* of that system, with the guest's network device; NULL: it has none */
    const char *mac;    /* its address; NULL: any */
    struct words disks; /* block devices and raw images of that system, absolute paths */
    bool disk_read_only[PACKAGE_DISK_COUNT_MAX];
};

/* What the guest calls disk `index`. */
char *package_disk_name(size_t index);

/* The name of a guest that is made of the image at `path`: its last part, with what is no letter, digit, '.', '_' and '-'
 * replaced. */
const char *package_name(const char *path);

/* Xen's toolstack: NAME.cfg. Virtual machines by libvirt: NAME.xml. */
void package_xl(const struct package *package, struct text *out);
void package_libvirt(const struct package *package, struct text *out);

/* Xen on ARM without a dom0: NAME.dtso, an overlay for the device tree, and NAME.cmd, commands of U-Boot, which load the
 * image to this address. */
#define PACKAGE_DOM0LESS_ADDRESS "50000000"
void package_dom0less(const struct package *package, struct text *out);
void package_dom0less_script(const struct package *package, struct text *out);

#endif
