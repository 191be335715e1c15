/* SPDX-License-Identifier: ISC */
/* What the dom0 of the machine `xen` is given to do: an archive with the image, what xl needs to start it, and a script. */
#ifndef FATA_CLI_XEN_JOB_H
#define FATA_CLI_XEN_JOB_H

#include "image.h"
#include "run_options.h"
#include "text.h"

#include <stdbool.h>

#define XEN_JOB_BYTES_MAX ((size_t)256 << 20)

/* `bytes` are the image's. With a shell that is not on a terminal, standard input is read to its end. */
void xen_job_make(const struct run_request *request, const struct image *image, const struct text *bytes,
                  bool on_terminal, struct text *archive_out);

#endif
