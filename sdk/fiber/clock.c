/* SPDX-License-Identifier: ISC */
/* The clocks of the API over those of the platform, and deadlines made from them. The wall clock is
 * kept as an offset to the monotonic one, so that it advances evenly; the latter stands still while the
 * machine is saved. */
#include "../../bsp/plat.h"
#include "../core/resumed.h"

static uint64_t wall_offset_ns; /* wall - mono; 0: not known */
static bool asked_platform;
static unsigned asked_after; /* so many resumes */

uint64_t fa_clock_mono_ns(void)
{
    return plat_clock_mono_ns();
}

void fa_clock_set_wall(uint64_t wall_ns)
{
    wall_offset_ns = wall_ns - plat_clock_mono_ns();
    asked_platform = true;
    asked_after = fa_resumed_count;
}

uint64_t fa_clock_wall_ns(void)
{
    if (!asked_platform || asked_after != fa_resumed_count) {
        asked_platform = true;
        asked_after = fa_resumed_count;
        const uint64_t wall_ns = plat_clock_wall_ns();
        if (wall_ns != 0)
            fa_clock_set_wall(wall_ns);
    }
    return wall_offset_ns == 0 ? 0 : plat_clock_mono_ns() + wall_offset_ns;
}

fa_deadline fa_after_ns(uint64_t ns)
{
    const uint64_t now_ns = plat_clock_mono_ns();
    return ns > FA_FOREVER - now_ns ? FA_FOREVER : now_ns + ns;
}

fa_deadline fa_after_ms(uint64_t ms)
{
    return ms > UINT64_MAX / FA_NS_PER_MS ? FA_FOREVER : fa_after_ns(ms * FA_NS_PER_MS);
}

fa_deadline fa_after_s(uint64_t s)
{
    return s > UINT64_MAX / FA_NS_PER_S ? FA_FOREVER : fa_after_ns(s * FA_NS_PER_S);
}
