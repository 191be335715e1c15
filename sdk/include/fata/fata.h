/* SPDX-License-Identifier: ISC */
/* Everything an application commonly needs, in one include.
 *
 *     #include <fata/fata.h>
 */
#ifndef FATA_FATA_H
#define FATA_FATA_H

#include <fata/arena.h>
#include <fata/bytes.h>
#include <fata/chan.h>
#include <fata/clock.h>
#include <fata/err.h>
#include <fata/fiber.h>
#include <fata/file.h>
#include <fata/log.h>
#include <fata/panic.h>
#include <fata/param.h>
#include <fata/random.h>
#include <fata/stop.h>
#include <fata/system.h>

#endif
