/* SPDX-License-Identifier: ISC */
/* Ethernet PHYs: see phy.h. Source: IEEE 802.3, 22.2.4 (the registers), 40.5.1.1 (those of 1000BASE-T)
 * and annex 28B.3 (which of the modes that both ends have is taken). A PHY is not reset: what the loader, or the pins of the chip,
 * have set stays, and a link that stands is not lost. Not exercised by any emulator: a PHY that is
 * powered down or isolated, half duplex, 10 Mbit/s, an end that does not negotiate; QEMU's answer at
 * once that 100 or 1000 Mbit/s and full duplex were negotiated. */
#include "phy.h"

enum { CONTROL = 0, STATUS = 1, ID1 = 2, ADVERTISED = 4, PARTNER = 5, GIGABIT_ADVERTISED = 9,
       GIGABIT_PARTNER = 10 };
#define CONTROL_100 0x2000u
#define CONTROL_NEGOTIATE 0x1000u
#define CONTROL_POWER_DOWN 0x0800u
#define CONTROL_ISOLATE 0x0400u
#define CONTROL_RESTART 0x0200u
#define CONTROL_FULL 0x0100u
#define CONTROL_1000 0x0040u
#define STATUS_EXTENDED 0x0100u /* it has the registers of 1000BASE-T */
#define STATUS_NEGOTIATED 0x0020u
#define STATUS_LINK 0x0004u /* falls at a loss, and rises only once it was read */
#define MODE_100_FULL 0x0100u
#define MODE_100 0x0080u
#define MODE_10_FULL 0x0040u
#define GIGABIT_FULL 0x0200u /* the partner's lie two bits higher */
#define GIGABIT_HALF 0x0100u
#define GIGABIT_PARTNER_SHIFT 2u
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

/* Takes 1000 Mbit/s out of what is offered to the other end; true: it was in. */
static bool withdraw_1000(phy *p)
{
    if (p->takes_1000 || !(get(p, STATUS) & STATUS_EXTENDED))
        return false;
    const uint16_t advertised = get(p, GIGABIT_ADVERTISED);
    if (!(advertised & (GIGABIT_FULL | GIGABIT_HALF)))
        return false;
    p->write(p, p->address, GIGABIT_ADVERTISED,
             (uint16_t)(advertised & ~(GIGABIT_FULL | GIGABIT_HALF)));
    return true;
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
    if (withdraw_1000(p) ||
        (control & (CONTROL_NEGOTIATE | CONTROL_POWER_DOWN | CONTROL_ISOLATE)) != CONTROL_NEGOTIATE)
        p->write(p, address, CONTROL, CONTROL_NEGOTIATE | CONTROL_RESTART);
    return FA_OK;
}

static void set_mode(phy *p, uint16_t mbit_s, bool is_full)
{
    p->mbit_s = mbit_s;
    p->is_full = is_full;
}

/* The best mode that both ends have. */
static void read_mode(phy *p, uint16_t status)
{
    const uint16_t control = get(p, CONTROL);
    if (!(control & CONTROL_NEGOTIATE)) {
        set_mode(p, control & CONTROL_1000 ? 1000 : control & CONTROL_100 ? 100 : 10,
                 (control & CONTROL_FULL) != 0);
        return;
    }
    const unsigned gigabit = !p->takes_1000 || !(status & STATUS_EXTENDED)
                                 ? 0
                                 : get(p, GIGABIT_ADVERTISED) &
                                       get(p, GIGABIT_PARTNER) >> GIGABIT_PARTNER_SHIFT;
    const unsigned common = get(p, ADVERTISED) & get(p, PARTNER);
    if (gigabit & (GIGABIT_FULL | GIGABIT_HALF))
        set_mode(p, 1000, (gigabit & GIGABIT_FULL) != 0);
    else if (common & (MODE_100_FULL | MODE_100))
        set_mode(p, 100, (common & MODE_100_FULL) != 0);
    else
        set_mode(p, 10, (common & MODE_10_FULL) != 0);
}

bool phy_look(phy *p)
{
    const phy before = *p;
    const uint16_t status = get(p, STATUS);
    p->is_up = status != NOBODY && (status & STATUS_LINK) != 0 &&
               ((status & STATUS_NEGOTIATED) != 0 || !(get(p, CONTROL) & CONTROL_NEGOTIATE));
    if (p->is_up)
        read_mode(p, status);
    return p->is_up != before.is_up || p->mbit_s != before.mbit_s || p->is_full != before.is_full;
}
