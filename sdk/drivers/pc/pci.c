/* SPDX-License-Identifier: ISC */
/* Configuration by ports 0xcf8 and 0xcfc. Buses are looked through in the order of their numbers;
 * which there are is known from the bridges on those before. */
#include "pci.h"
#include "../../cpu/x86_64/cpu.h"
#include "../../cpu/x86_64/mmu.h"

#define PORT_ADDRESS 0xcf8u
#define PORT_DATA 0xcfcu
#define ADDRESS_ENABLE 0x80000000u

enum { ID = 0x00, COMMAND = 0x04, HEADER_TYPE = 0x0e, BAR = 0x10, SECONDARY_BUS = 0x19,
       CAPABILITIES = 0x34 };
#define NO_VENDOR 0xffffu
#define COMMAND_MEMORY 0x2u
#define COMMAND_MASTER 0x4u
#define COMMAND_NO_INTX 0x400u
#define STATUS_CAPABILITIES 0x100000u /* in the word of COMMAND */
#define HEADER_KIND 0x7fu
#define HEADER_BRIDGE 1u
#define HEADER_MANY_FUNCTIONS 0x80u
#define BARS 6u
#define BAR_PORTS 1u
#define BAR_KIND 6u
#define BAR_64 4u
#define BAR_ADDRESS (~UINT32_C(0xf))
/* What page tables can show of a device's address (mmu.h: the windows begin below 2 TiB). */
#define DEVICE_END (UINT64_C(1) << 46)

#define BUSES 256u
#define ADDRESSES (BUSES << 8)
#define CAPABILITIES_MAX 48u

#define CAPABILITY_MSIX 0x11u
#define MSIX_ENABLE 0x80000000u /* in the capability's first word */
#define MSIX_MASK_ALL 0x40000000u
#define MSIX_LAST 0x7ffu /* shifted by 16 */
#define MSIX_BAR 7u
#define MSIX_ENTRY_BYTES 16u
#define MESSAGE_ADDRESS 0xfee00000u /* Intel SDM vol. 3, 11.11 */

static void choose(pci_device device, unsigned offset)
{
    x86_out32(PORT_ADDRESS, ADDRESS_ENABLE | (uint32_t)device.address << 8 | (offset & 0xfcu));
}

uint32_t pci_read32(pci_device device, unsigned offset)
{
    choose(device, offset);
    return x86_in32(PORT_DATA);
}

uint8_t pci_read8(pci_device device, unsigned offset)
{
    return (uint8_t)(pci_read32(device, offset) >> 8 * (offset & 3));
}

static void write32(pci_device device, unsigned offset, uint32_t value)
{
    choose(device, offset);
    x86_out32(PORT_DATA, value);
}

uint16_t pci_device_id(pci_device device)
{
    return (uint16_t)(pci_read32(device, ID) >> 16);
}

/* The first bus behind number `bus` that a bridge below it leads to; BUSES: none. Bridges lead to
 * buses of greater numbers than their own. */
static unsigned next_bus(unsigned bus)
{
    unsigned next = BUSES;
    for (uint32_t address = 0; address < (bus + 1) << 8; address++) {
        const pci_device device = {(uint16_t)address};
        if ((uint16_t)pci_read32(device, ID) == NO_VENDOR) {
            address |= address % 8 == 0 ? 7 : 0;
            continue;
        }
        const uint8_t type = pci_read8(device, HEADER_TYPE);
        const unsigned secondary = pci_read8(device, SECONDARY_BUS);
        if ((type & HEADER_KIND) == HEADER_BRIDGE && secondary > bus && secondary < next)
            next = secondary;
        address |= address % 8 == 0 && !(type & HEADER_MANY_FUNCTIONS) ? 7 : 0;
    }
    return next;
}

bool pci_find(uint16_t vendor, const pci_device *after, pci_device *device_out)
{
    uint32_t address = after == NULL ? 0 : after->address + 1u;
    while (address < ADDRESSES) {
        const unsigned bus = address >> 8;
        for (; address >> 8 == bus; address++) {
            const pci_device device = {(uint16_t)address};
            const uint16_t found = (uint16_t)pci_read32(device, ID);
            if (found == vendor) {
                *device_out = device;
                return true;
            }
            /* A slot without its function 0 has no other; many have no more than that. */
            if (address % 8 == 0 && (found == NO_VENDOR || !(pci_read8(device, HEADER_TYPE) &
                                                             HEADER_MANY_FUNCTIONS)))
                address |= 7;
        }
        address = next_bus(bus) << 8;
    }
    return false;
}

unsigned pci_capability(pci_device device, uint8_t kind, unsigned after)
{
    if (!(pci_read32(device, COMMAND) & STATUS_CAPABILITIES))
        return 0;
    unsigned at = pci_read8(device, after == 0 ? CAPABILITIES : after + 1) & 0xfcu;
    for (unsigned i = 0; i < CAPABILITIES_MAX && at != 0; i++) {
        if (pci_read8(device, at) == kind)
            return at;
        at = pci_read8(device, at + 1) & 0xfcu;
    }
    return 0;
}

/* The upper half of this word is the status, whose bits are cleared by writing ones. */
void pci_enable(pci_device device)
{
    const uint32_t command = pci_read32(device, COMMAND) & 0xffff;
    write32(device, COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX);
}

fa_err pci_map(pci_device device, unsigned bar, uint32_t offset, uint32_t len,
               fa_cpu_device *registers_out)
{
    if (bar >= BARS)
        return FA_ENOTSUP;
    const uint32_t low = pci_read32(device, BAR + 4 * bar);
    const bool wide = (low & BAR_KIND) == BAR_64;
    if ((low & BAR_PORTS) || (wide && bar + 1 == BARS))
        return FA_ENOTSUP;
    const uint64_t high = wide ? pci_read32(device, BAR + 4 * (bar + 1)) : 0;
    const uint64_t base = high << 32 | (low & BAR_ADDRESS);
    if (base == 0 || base >= DEVICE_END || len == 0)
        return FA_ENOTSUP;
    volatile void *registers;
    const fa_err err = x86_mmu_map_device((x86_phys){base + offset}, len, &registers);
    if (err == FA_OK)
        *registers_out = registers;
    return err;
}

fa_err pci_open_messages(pci_device device, const uint8_t *vectors, unsigned count, uint32_t lapic)
{
    const unsigned at = pci_capability(device, CAPABILITY_MSIX, 0);
    if (at == 0)
        return FA_ENOTSUP;
    const uint32_t control = pci_read32(device, at);
    if (count > (control >> 16 & MSIX_LAST) + 1)
        return FA_ENOTSUP;
    const uint32_t table_at = pci_read32(device, at + 4);
    fa_cpu_device table;
    const fa_err err = pci_map(device, table_at & MSIX_BAR, table_at & ~MSIX_BAR,
                               count * MSIX_ENTRY_BYTES, &table);
    if (err != FA_OK)
        return err;
    write32(device, at, control | MSIX_ENABLE | MSIX_MASK_ALL);
    for (unsigned i = 0; i < count; i++) {
        const size_t entry = i * MSIX_ENTRY_BYTES;
        fa_cpu_write32(table, entry, MESSAGE_ADDRESS | lapic << 12);
        fa_cpu_write32(table, entry + 4, 0);
        fa_cpu_write32(table, entry + 8, vectors[i]); /* edge, fixed */
        fa_cpu_write32(table, entry + 12, 0);         /* not masked */
    }
    write32(device, at, (control | MSIX_ENABLE) & ~MSIX_MASK_ALL);
    return FA_OK;
}
