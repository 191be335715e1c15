/* SPDX-License-Identifier: ISC */
/* Pins that the device tree names by what hangs on them: a slot's card detection, LEDs. */
#ifndef FATA_CUBIEBOARD2_GPIO_H
#define FATA_CUBIEBOARD2_GPIO_H

#include "../../sdk/drivers/dt/dt.h"
#include "../../sdk/drivers/sunxi/soc.h"

typedef struct gpio {
    sunxi_pin pin;
    bool active_low; /* low means yes, or on */
} gpio;

/* The pin of a node's property, such as "gpios". False: there is none, or the machine has no pins. */
bool gpio_of(dt_node node, const char *property, gpio *gpio_out);

#endif
