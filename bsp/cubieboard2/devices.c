/* SPDX-License-Identifier: ISC */
/* What <fata/board.h> has of the board: its watchdog, LEDs, pins and number. (temperature.c has more.) */
#include "../../sdk/drivers/sunxi/drivers.h"
#include "../../sdk/drivers/sunxi/soc.h"
#include "../plat.h"
#include "gpio.h"

fa_err plat_watchdog(unsigned limit_s)
{
    return sun4i_wdt_service_feed(limit_s);
}

/* Those of the tree, in its order: the nodes below gpio-leds. */
fa_err plat_led(unsigned number, bool on)
{
    static dt_node leds;
    gpio led;
    if (leds.number == 0) /* the root, which is none */
        leds = dt_find("gpio-leds");
    if (!sunxi_pins_exist() || dt_child(leds, 0).number < 0)
        return FA_ENOTSUP;
    if (!gpio_of(dt_child(leds, number), "gpios", &led))
        return FA_ENOENT;
    sunxi_pin_write(led.pin, on != led.active_low);
    return FA_OK;
}

static fa_err pin_of(unsigned port, unsigned number, sunxi_pin *pin_out)
{
    if (!sunxi_pins_exist())
        return FA_ENOTSUP;
    *pin_out = (sunxi_pin){(uint8_t)port, (uint8_t)number};
    return sunxi_is_pin(*pin_out) ? FA_OK : FA_EINVAL;
}

fa_err plat_pin_read(unsigned port, unsigned number, bool pull_up, bool *high_out)
{
    sunxi_pin pin;
    const fa_err err = pin_of(port, number, &pin);
    if (err != FA_OK)
        return err;
    sunxi_pin_make_input(pin, pull_up);
    *high_out = sunxi_pin_read(pin);
    return FA_OK;
}

fa_err plat_pin_write(unsigned port, unsigned number, bool high)
{
    sunxi_pin pin;
    const fa_err err = pin_of(port, number, &pin);
    if (err == FA_OK)
        sunxi_pin_write(pin, high);
    return err;
}

fa_err plat_serial(uint32_t words_out[4])
{
    return sunxi_serial(words_out);
}
