/* SPDX-License-Identifier: ISC */
/* What an image has that was built without TLS=1: the build's own definitions take the place of these. */
#include "bundle.h"

uint8_t fa_tls_bundle[4];
const size_t fa_tls_bundle_bytes = 0;
