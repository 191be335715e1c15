/* SPDX-License-Identifier: ISC */
/* The host's sockets as the image's network. */
#ifndef FATA_UNIX_SOCKETS_H
#define FATA_UNIX_SOCKETS_H

struct fa_net;

/* The one that the image has. */
struct fa_net *sockets_net(void);

#endif
