/* SPDX-License-Identifier: ISC */
/* What a board has and other machines have not: a watchdog, LEDs, pins, a thermometer, a number and a name
 * of its own. Where there is none of it a call says FA_ENOTSUP, so that a program runs everywhere and does without. Below
 * lies the platform (bsp/plat.h); nothing here suspends.
 *
 *     static void alive(void *arg)                       // a fiber, for as long as the program is well
 *     {
 *         while (fa_board_watchdog(10) == FA_OK && fa_sleep(fa_after_s(2)) == FA_OK)
 *             fa_board_led(0, on = !on);
 *     }
 */
#ifndef FATA_BOARD_H
#define FATA_BOARD_H

#include <fata/err.h>

/* Starts the watchdog, or feeds it: the machine is reset unless this is called again within so many
 * seconds. A fiber that keeps the CPU for itself is an end as good as any other. 0 stops it. FA_ERANGE:
 * it cannot wait for so long, FA_BOARD_WATCHDOG_S_MAX it can. */
#define FA_BOARD_WATCHDOG_S_MAX 16u
FA_MUST_CHECK fa_err fa_board_watchdog(unsigned limit_s);

/* The board's LEDs, as its device tree has them (gpio-leds); a Cubieboard's are 0, blue, and 1, green.
 * FA_ENOENT: there are not so many. */
fa_err fa_board_led(unsigned number, bool on);

/* A pin by its name, such as "PH20", of port H number 20. Reading makes it an input, with a pull-up if
 * that is wanted; writing makes it an output. What drives a pin from outside is the caller's to know.
 * FA_EINVAL: there is no such pin. */
FA_MUST_CHECK fa_err fa_board_pin_read(const char *name, bool pull_up, bool *high_out);
FA_MUST_CHECK fa_err fa_board_pin_write(const char *name, bool high);

/* The board's serial number, as U-Boot shows it: 16 digits. FA_ENOENT: a blank one. */
#define FA_BOARD_SERIAL_BYTES 17u
FA_MUST_CHECK fa_err fa_board_serial(char text_out[FA_BOARD_SERIAL_BYTES]);

/* The chip's temperature in thousandths of a degree Celsius, as its sensor has it, which may be off by many
 * degrees. The first call turns it on. FA_EAGAIN: it has not measured yet; some seconds later it has. */
FA_MUST_CHECK fa_err fa_board_temperature(int32_t *milli_celsius_out);

/* What the machine's device tree calls it, such as "Cubietech Cubieboard2". FA_ENOENT: nothing. */
FA_MUST_CHECK fa_err fa_board_model(const char **name_out);

/* What the machine's own clock shows at this moment, nanoseconds since 1970 UTC. (fa_clock_wall_ns() asks
 * it once, and goes on by the monotonic clock.) FA_ENOENT: there is none, or nobody has set it. */
FA_MUST_CHECK fa_err fa_board_clock(uint64_t *wall_ns_out);

#endif
