/* SPDX-License-Identifier: ISC */
/* Pins of the device tree: see gpio.h. Source: the binding allwinner,sun4i-a10-pinctrl, by which a
 * reference to pins has three cells: port, number, flags (gpio.txt). */
#include "gpio.h"
#include <fata/bytes.h>

enum { CONTROLLER, PORT, NUMBER, FLAGS, CELLS };
#define FLAG_ACTIVE_LOW 1u

bool gpio_of(dt_node node, const char *property, gpio *gpio_out)
{
    size_t len;
    const fa_be32 *cells = dt_bytes(node, property, &len);
    if (cells == NULL || len < CELLS * sizeof *cells)
        return false;
    *gpio_out = (gpio){{(uint8_t)fa_be32_get(cells[PORT]), (uint8_t)fa_be32_get(cells[NUMBER])},
                       (fa_be32_get(cells[FLAGS]) & FLAG_ACTIVE_LOW) != 0};
    return sunxi_is_pin(gpio_out->pin);
}
