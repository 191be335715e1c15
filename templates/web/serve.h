/* SPDX-License-Identifier: ISC */
/* How the site is served: by http.c, or with TLS=1 by https.c. */
#include <fata/http.h>

/* Until the machine is to stop. */
fa_err serve(fa_net *net, const fa_http_options *options);
