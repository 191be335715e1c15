/* SPDX-License-Identifier: ISC */
/* Ethernet PHYs: see phy.h. Source: IEEE 802.3, 22.2.4 (the registers) and annex 28B.3 (which of the
 * modes that both ends have is taken). A PHY is not reset: what the loader, or the pins of the chip,
 * have set stays, and a link that stands is not lost. Not exercised by any emulator: a PHY that is
 * powered down or isolated, half duplex, 10 Mbit/s, an end that does not negotiate; QEMU's answers at
 * once that 100 Mbit/s and full duplex were negotiated. */
#include "phy.h"

enum { CONTROL = 0, STATUS = 1, ID1 = 2, ADVERTISED = 4, PARTNER = 5 };
#define CONTROL_100 0x2000u
#define CONTROL_NEGOTIATE 0x1000u
#define CONTROL_POWER_DOWN 0x0800u
#define CONTROL_ISOLATE 0x0400u
#define CONTROL_RESTART 0x0200u
#define CONTROL_FULL 0x0100u
#define STATUS_NEGOTIATED 0x0020u
#define STATUS_LINK 0x0004u /* falls at a loss, and rises only once it was read */
#define MODE_100_FULL 0x0100u
#define MODE_100 0x0080u
#define MODE_10_FULL 0x0040u
#define NOBODY 0xffffu

static uint16_t get(phy *p, unsigned number)
{
    return p->read(p, p->address, number);
}

static bool answers(phy *p, unsigned address)
{
    const uint16_t id = p->read(p, address, ID1), status = p->read(p, address, STATUS);
    return status != NOBODY && (status != 0 || id != 0);
}

fa_err phy_open(phy *p)
{
    p->is_up = false;
    unsigned address = p->address;
    for (unsigned i = 0; !answers(p, address); i++) {
        if (i == PHY_ADDRESSES)
            return FA_ENOENT;
        address = i;
    }
    p->address = address;
    const uint16_t control = get(p, CONTROL);
    if ((control & (CONTROL_NEGOTIATE | CONTROL_POWER_DOWN | CONTROL_ISOLATE)) != CONTROL_NEGOTIATE)
        p->write(p, address, CONTROL, CONTROL_NEGOTIATE | CONTROL_RESTART);
    return FA_OK;
}

/* The best mode that both ends have. */
static void read_mode(phy *p)
{
    const uint16_t control = get(p, CONTROL);
    const unsigned common = get(p, ADVERTISED) & get(p, PARTNER);
    if (!(control & CONTROL_NEGOTIATE)) {
        p->is_100 = (control & CONTROL_100) != 0;
        p->is_full = (control & CONTROL_FULL) != 0;
        return;
    }
    p->is_100 = (common & (MODE_100_FULL | MODE_100)) != 0;
    p->is_full = (common & MODE_100_FULL) != 0 || (!p->is_100 && (common & MODE_10_FULL) != 0);
}

bool phy_look(phy *p)
{
    const phy before = *p;
    const uint16_t status = get(p, STATUS);
    p->is_up = status != NOBODY && (status & STATUS_LINK) != 0 &&
               ((status & STATUS_NEGOTIATED) != 0 || !(get(p, CONTROL) & CONTROL_NEGOTIATE));
    if (p->is_up)
        read_mode(p);
    return p->is_up != before.is_up || p->is_100 != before.is_100 || p->is_full != before.is_full;
}
